"""The manifest: one spelling, every field checked, no path out of the folder."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import quiver
from quiver.errors import FileAccessError, FileFormatError
from quiver.sharding.folder import MAX_BYTES, NAME, read_manifest, write_manifest
from quiver.sharding.manifest import (
    MAX_SHARDS,
    SLOTS,
    Manifest,
    Shard,
    pack_manifest,
    unpack_manifest,
)
from quiver.storage.canonical import HeaderError

SHARD = Shard(
    file="shard-00000-g1.quiver",
    n=5,
    bytes=900,
    sha256="a" * 64,
    fingerprint="b" * 64,
    lowest=-3,
    highest=2**63 - 1,
)
MANIFEST = Manifest(
    metric="cosine",
    dim=8,
    encoding=quiver.Encoding(bits=4),
    params=quiver.BuildParams(alpha=1.2),
    transform="c" * 64,
    scheme="rows",
    generation=1,
    shards=(SHARD, replace(SHARD, file="other.quiver", source="d" * 64)),
)


def spelled(**changes):
    fields = json.loads(pack_manifest(MANIFEST)) | changes
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def with_shard(**changes):
    shards = json.loads(pack_manifest(MANIFEST))["shards"]
    return spelled(shards=[shards[0] | changes, shards[1]])


def test_what_is_packed_is_unpacked():
    assert unpack_manifest(pack_manifest(MANIFEST)) == MANIFEST
    assert MANIFEST.n == 10


def test_what_is_written_is_read(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path) == MANIFEST


@pytest.mark.parametrize(
    "file",
    [
        *("../x.quiver", "/x.quiver", "a/b.quiver", "a\\b.quiver", "..", "C:x.quiver"),
        *(".hidden.quiver", "x", "x.quiver\n", "", "x.quiver/", "a" * 101 + ".quiver"),
        *(5, None, ["x.quiver"]),
    ],
)
def test_a_file_is_named_within_the_folder_or_refused(file):
    with pytest.raises(HeaderError, match="file"):
        unpack_manifest(with_shard(file=file))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "version 1"),
        ({"version": True}, "version 1"),
        ({"format": "else"}, "quiver shards"),
        ({"metric": "l2"}, "metric"),
        ({"dim": 0}, "dim"),
        ({"dim": "8"}, "dim"),
        ({"generation": 0}, "generation"),
        ({"scheme": "range"}, "scheme"),
        ({"scheme": "hash"}, "slots"),
        ({"transform": "c" * 63}, "transform"),
        ({"shards": []}, "shards"),
        ({"shards": {}}, "shards"),
        ({"shards": [{}] * (MAX_SHARDS + 1)}, "shards"),
        ({"shards": [5]}, "shards"),
        ({"encoding": {}}, "encoding"),
        ({"params": 5}, "params"),
        ({"more": 1}, "keys"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(changes, words):
    with pytest.raises(HeaderError, match=words):
        unpack_manifest(spelled(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        *({"n": -1}, {"n": 2**63}, {"n": True}, {"bytes": 0}, {"sha256": "A" * 64}),
        *({"fingerprint": ""}, {"lowest": 2**63}, {"slots": [0]}, {"slots": [0, 5]}),
        *({"slots": "00"}, {"source": "d"}, {"file": "other.quiver"}),
        {"file": "OTHER.quiver"},
    ],
)
def test_a_shard_that_breaks_a_rule_is_refused(changes):
    with pytest.raises(HeaderError):
        unpack_manifest(with_shard(**changes))


def test_slots_must_share_out_all_hashes():
    first = replace(SHARD, slots=(0, 100))
    second = replace(SHARD, file="b.quiver", slots=(100, SLOTS))
    whole = replace(MANIFEST, scheme="hash", shards=(first, second))
    assert unpack_manifest(pack_manifest(whole)) == whole
    for slots in ((101, SLOTS), (99, SLOTS), (100, SLOTS - 1)):
        holed = replace(whole, shards=(first, replace(second, slots=slots)))
        with pytest.raises(HeaderError, match="slots"):
            unpack_manifest(pack_manifest(holed))


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(raw):
    with pytest.raises(HeaderError):
        unpack_manifest(raw)


@given(st.data())
def test_a_changed_byte_is_refused_or_read_as_another_manifest(data):
    raw = bytearray(pack_manifest(MANIFEST))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = unpack_manifest(bytes(raw))
    except HeaderError:
        return
    assert pack_manifest(found) == bytes(raw)


def test_an_error_names_the_file(tmp_path):
    (tmp_path / NAME).write_bytes(b"{}")
    with pytest.raises(FileFormatError, match=NAME):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_is_no_index(tmp_path):
    with pytest.raises(FileAccessError, match=NAME):
        quiver.ShardedIndex.open(tmp_path)


def test_a_manifest_beyond_all_bounds_is_not_read(tmp_path):
    with (tmp_path / NAME).open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(FileFormatError, match="at most"):
        read_manifest(tmp_path)
