"""Forged prefixes, headers and tables: every checksum is valid, the fields are not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import format_reader
import pytest
from forge import Forgery
from refusals import refusal, second_reader_refuses
from rows import normal_rows
from small_index import saved, saved_changed, small_index

import quiver

VERSION_1 = Path(__file__).parents[1] / "data" / "golden-v1-corrected-float32.quiver"

HEADER_FORGERIES = {
    "n of 2**63": {"n": 2**63},
    "n of 2**32 - 2": {"n": 2**32 - 2},
    "n and dim whose product overflows": {"n": 2**32 - 2, "dim": 65536},
    "n of zero": {"n": 0},
    "n negative": {"n": -1},
    "n real": {"n": 12.0},
    "n true": {"n": True},
    "n text": {"n": "12"},
    "n of 5 000 digits": {"n": 10**4000},
    "dim too large": {"dim": 65537},
    "dim of another file": {"dim": 6},
    "one row fewer": {"n": 11},
    "entry points past the end": {"n_entry_points": 13},
    "entry points none": {"n_entry_points": 0},
    "entry points negative": {"n_entry_points": -1},
    "entry point of version 1": {"entry_point": 0},
    "unlinked rows to the last": {"n_unlinked": 12},
    "unlinked rows negative": {"n_unlinked": -1},
    "unlinked rows of no section": {"n_unlinked": 2},
    "metric unknown": {"metric": "manhattan"},
    "cold dtype unknown": {"cold_dtype": "float64"},
    "cold dtype of half the size": {"cold_dtype": "float16"},
    "cold dtype of bytes": {"cold_dtype": "uint8"},
    "hash too short": {"data_sha256": "00"},
    "version with a path": {"quiver_version": "/tmp/x"},
    "version missing": {"quiver_version": None},
    "unknown key": {"tombstones": []},
    "diagnosis null": {"diagnosis": None},
    "diagnosis empty": {"diagnosis": {}},
    "diagnosis of numbers": {"diagnosis": {"recall": 1}},
    "diagnosis of many": {"diagnosis": {f"a{i}": "b" for i in range(65)}},
    "diagnosis of long texts": {"diagnosis": {"a": "b" * 65}},
    "diagnosis of odd names": {"diagnosis": {"../a": "b"}},
    "params no object": {"params": []},
    "encoding no object": {"encoding": "paper"},
}
SETTING_FORGERIES = {
    "alpha NaN": ("params", {"alpha": "nan"}),
    "alpha below one": ("params", {"alpha": (0.5).hex()}),
    "alpha a number": ("params", {"alpha": 1.1}),
    "degree of 2**31": ("params", {"max_degree": 2**31}),
    "degree below the section's": ("params", {"max_degree": 3}),
    "degree one": ("params", {"max_degree": 1}),
    "ef zero": ("params", {"ef_construction": 0}),
    "seed negative": ("params", {"seed": -1}),
    "rule unknown": ("params", {"prune_rule": "none"}),
    "unknown parameter": ("params", {"threads": 2}),
    "rotate a number": ("encoding", {"rotate": 1}),
    "no rotation but signs": ("encoding", {"rotate": False}),
    "not centred but a mean": ("encoding", {"center": False}),
    "weights unknown": ("encoding", {"weights": "binary"}),
    "published weights, corrected codes": (
        "encoding",
        {"weights": "published", "query": "symmetric"},
    ),
    "corrected weights, symmetric, inner product": ("encoding", {"query": "symmetric"}),
    "published weights, asymmetric": ("encoding", {"weights": "published"}),
    "beta NaN": ("params", {"beta": "nan"}),
    "beta above one": ("params", {"beta": (1.5).hex()}),
    "beta negative": ("params", {"beta": (-0.5).hex()}),
    "beta a number": ("params", {"beta": 0.7}),
    "bits of three": ("encoding", {"bits": 3}),
    "bits a real": ("encoding", {"bits": 2.0}),
    "bits of another row": ("encoding", {"bits": 8}),
    "fill a number": ("encoding", {"fill": 1}),
    "not filled but coded to the end": ("encoding", {"fill": False}),
    "lines of another row": ("encoding", {"lines": 2}),
    "lines null": ("encoding", {"lines": None}),
    "lines negative": ("encoding", {"lines": -1}),
    "lines without end": ("encoding", {"lines": 2**40}),
    "lines where none is filled": ("encoding", {"lines": 1, "fill": False}),
    "published weights of four bits": (
        "encoding",
        {"weights": "published", "query": "symmetric", "bits": 4},
    ),
}


@pytest.mark.parametrize("name", HEADER_FORGERIES)
def test_a_forged_header_with_valid_checksums_is_refused(tmp_path, name):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.header.update(HEADER_FORGERIES[name])
    forged = forgery.pack(rehash="data_sha256" not in HEADER_FORGERIES[name])
    refusal(path, forged)
    assert second_reader_refuses(forged)


@pytest.mark.parametrize(("dtype", "item"), [("uint8", b"u1"), ("int8", b"i1")])
def test_version_1_has_no_bytes(tmp_path, dtype, item):
    forgery = Forgery.of(VERSION_1.read_bytes())
    forgery.header["cold_dtype"] = dtype
    forgery.entry("vectors")[1] = item
    content = forgery.section("vectors")
    del content[len(content) // 4 :]
    message = str(refusal(tmp_path / "x.quiver", forgery.pack()))
    assert f"cold_dtype must be one of float32, float16, got '{dtype}'" in message
    assert second_reader_refuses(forgery.pack())


def test_a_diagnosis_is_read_back_and_saved_again(tmp_path):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.header["diagnosis"] = {"verdict": "fits", "sample": "10000"}
    path.write_bytes(forgery.pack())
    assert not second_reader_refuses(forgery.pack())
    quiver.open(path, backend="reference").save(path)
    assert path.read_bytes() == forgery.pack()


@pytest.mark.parametrize("name", SETTING_FORGERIES)
def test_a_forged_setting_with_valid_checksums_is_refused(tmp_path, name):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    key, change = SETTING_FORGERIES[name]
    forgery.header[key].update(change)
    refusal(path, forgery.pack())
    assert second_reader_refuses(forgery.pack())


@pytest.mark.parametrize(
    "key", sorted(format_reader.TOP_KEYS | format_reader.LATER_KEYS[2])
)
def test_a_missing_header_key_is_refused(tmp_path, key):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    del forgery.header[key]
    error = refusal(path, forgery.pack(rehash=False))
    assert "exactly the keys" in str(error)


CHANGE_FORGERIES = {
    "a list too short": {"width": 3},
    "a list too long": {"width": 6},
    "no width": {"width": None},
    "more dead than rows": {"n_dead": 17},
    "fewer dead than bits": {"n_dead": 1},
    "none dead": {"n_dead": 0},
    "changes before the first": {"changes": -1},
    "a mean by number": {"build_mean": 1},
    "no mean": {"build_mean": False},
    "entry points past the rows": {"n_entry_points": 17},
    "more unlinked than rows": {"n_unlinked": 17},
}


@pytest.mark.parametrize("name", CHANGE_FORGERIES)
def test_a_forged_change_with_valid_checksums_is_refused(tmp_path, name):
    path, data = saved_changed(tmp_path)
    forgery = Forgery.of(data)
    forgery.header.update(CHANGE_FORGERIES[name])
    refusal(path, forgery.pack())
    assert second_reader_refuses(forgery.pack())


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_only_inner_product_has_a_mean_of_its_links(tmp_path, metric):
    path, data = saved_changed(tmp_path, metric)
    forgery = Forgery.of(data)
    assert forgery.header["build_mean"] is False
    assert not forgery.section("build_mean")
    forgery.header["build_mean"] = True
    assert "build_mean with inner product only" in str(refusal(path, forgery.pack()))


def test_live_bits_are_as_many_as_the_header_says(tmp_path):
    path, data = saved_changed(tmp_path)
    forgery = Forgery.of(data)
    assert forgery.section("live") == bytes([0b1110_1101, 0b1111_1111])
    forgery.section("live")[0] = 0b1111_1101
    assert "14 bits set, for 2 of 16 rows" in str(refusal(path, forgery.pack()))
    assert second_reader_refuses(forgery.pack())


def test_no_live_bit_is_set_past_the_last_row(tmp_path):
    path = tmp_path / "eleven.quiver"
    index = small_index(n=11).snapshot()
    index.remove(index.ids[:2], consolidate="manual")
    index.save(path)
    forgery = Forgery.of(path.read_bytes())
    forgery.section("live")[1] |= 0b1000
    forgery.section("live")[0] &= 0b0111_1111
    assert "zero in bits past the last row" in str(refusal(path, forgery.pack()))
    assert second_reader_refuses(forgery.pack())


def test_a_built_index_is_written_as_before_and_a_changed_one_as_new(tmp_path):
    path, data = saved(tmp_path)
    assert Forgery.of(data).version == 2
    index = quiver.open(path, backend="reference")
    index.add(normal_rows(1, 5), ids=[1])
    index.save(path)
    assert Forgery.of(path.read_bytes()).version == 3
    # Nothing follows from what was changed once: only the count of changes is left.
    index.consolidate()
    index.save(path)
    header = Forgery.of(path.read_bytes()).header
    assert (header["changes"], header["n_dead"], header["width"]) == (2, 0, 4)


JSON_FORGERIES = {
    "not JSON": b"{",
    "not ASCII": '{"n":"é"}'.encode(),
    "a list": b"[1]",
    "deep": b"[" * 500_000 + b"]" * 500_000,
    "a NaN": b'{"n":NaN}',
    "an infinity": b'{"n":1e999}',
    "half a surrogate": b'{"n":"\\ud800"}',
    "long": json.dumps({"n": "x" * 1_000_000}, separators=(",", ":")).encode(),
}


@pytest.mark.parametrize("name", JSON_FORGERIES)
def test_a_header_that_is_no_canonical_json_is_refused(tmp_path, name):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.header_bytes = JSON_FORGERIES[name]
    assert "header" in str(refusal(path, forgery.pack()))
    assert second_reader_refuses(forgery.pack())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"dim":5', b'"dim":5,"dim":5'),
        (b'"dim":5', b'"dim": 5'),
        (b'"dim":5', b'"dim":5.0'),
        (b'"dim":5,', b""),
        (b'"metric":', b'"m\\u0065tric":'),
    ],
)
def test_a_header_spelled_otherwise_is_refused(tmp_path, old, new):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    spelled = json.dumps(forgery.header, sort_keys=True, separators=(",", ":")).encode()
    assert old in spelled
    forgery.header_bytes = spelled.replace(old, new)
    refusal(path, forgery.pack())
    assert second_reader_refuses(forgery.pack())


PREFIX_FORGERIES = {
    "magic": ({"magic": b"\x93NUMPY\x01\0"}, "magic"),
    "big-endian": ({"endian": 0x04030201}, "endian mark.*little-endian"),
    "newer version": ({"version": 4}, "found 4, expected 1 … 3, the versions"),
    "changed version": ({"version": 3}, "header .*exactly the keys"),
    "older version": ({"version": 1}, "header .*exactly the keys"),
    "version zero": ({"version": 0}, "format version"),
    "header of 1 GiB": ({"header_length": 1 << 30}, "header length"),
    "header of 4 GiB": ({"header_length": 2**32 - 1}, "header length"),
    "no header": ({"header_length": 0}, "header length"),
    "no sections": ({"n_sections": 0}, "0 sections"),
    "four billion sections": ({"n_sections": 2**32 - 1}, "4294967295 sections"),
    "file size": ({"file_size": 2**64 - 1}, "file size"),
    "reserved bytes": ({"reserved": b"\x01"}, "reserved"),
}


@pytest.mark.parametrize("name", PREFIX_FORGERIES)
def test_a_forged_prefix_with_valid_checksum_is_refused(tmp_path, name):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.prefix, message = PREFIX_FORGERIES[name]
    assert re.search(message, str(refusal(path, forgery.pack())))
    assert second_reader_refuses(forgery.pack())


ENTRY_FIELDS = ("name", "dtype", "axes", "rows", "columns", "offset", "length")
ENTRY_FORGERIES = [
    ("codes", "name", b"tombstones"),
    ("codes", "name", b"c\0des"),
    ("vectors", "name", b"vectors\0x"),
    ("codes", "dtype", b"<u1"),
    ("ids", "dtype", b">i8"),
    ("ids", "dtype", b"|O8"),
    ("vectors", "dtype", b"<f8"),
    ("neighbors", "axes", 1),
    ("neighbors", "axes", 2**32 - 1),
    ("neighbors", "columns", 2**63),
    ("neighbors", "rows", 0),
    ("ids", "columns", 1),
    ("ids", "offset", 0),
    ("ids", "offset", 2**64 - 64),
    ("neighbors", "offset", 64),
    ("vectors", "offset", 2**63),
    ("vectors", "length", 2**64 - 1),
    ("codes", "length", 0),
]


@pytest.mark.parametrize(("section", "field", "value"), ENTRY_FORGERIES)
def test_a_forged_table_with_valid_checksums_is_refused(
    tmp_path, section, field, value
):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.pack()
    forgery.entry(section)[ENTRY_FIELDS.index(field)] = value
    forged = forgery.pack(plan=False, rehash=False)
    assert "section table, line" in str(refusal(path, forged))
    assert second_reader_refuses(forged)


def test_sections_in_another_order_are_refused(tmp_path):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.entries[1:3] = reversed(forgery.entries[1:3])
    forgery.sections[1:3] = reversed(forgery.sections[1:3])
    refusal(path, forgery.pack())
    assert second_reader_refuses(forgery.pack())


def test_bytes_after_the_last_section_are_refused_with_a_valid_size(tmp_path):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.tail = b"\0"
    assert "file size" in str(refusal(path, forgery.pack()))
    assert second_reader_refuses(forgery.pack())
