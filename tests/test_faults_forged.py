"""Forged files: every checksum is valid, the content is not.

``QUIVER_FAULT_SCALE=n`` tries n times as many of the drawn cases (``make faults``).
"""

from __future__ import annotations

import json
import math
import random
import re
import struct
import tarfile
from pathlib import Path

import format_reader
import numpy as np
import pytest
from forge import Forgery
from refusals import refusal, second_reader_refuses
from small_index import SCALE, saved, small_index

import quiver
from quiver.errors import FileFormatError

KEPT_CORPUS = Path(__file__).parent / "data" / "fuzz-corpus.tar.xz"
NO_EDGE = struct.pack("<I", 0xFFFF_FFFF)

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
    "entry point past the end": {"entry_point": 12},
    "entry point negative": {"entry_point": -1},
    "metric unknown": {"metric": "manhattan"},
    "cold dtype unknown": {"cold_dtype": "float64"},
    "cold dtype of half the size": {"cold_dtype": "float16"},
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
}


@pytest.mark.parametrize("name", HEADER_FORGERIES)
def test_a_forged_header_with_valid_checksums_is_refused(tmp_path, name):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.header.update(HEADER_FORGERIES[name])
    forged = forgery.pack(rehash="data_sha256" not in HEADER_FORGERIES[name])
    refusal(path, forged)
    assert second_reader_refuses(forged)


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


@pytest.mark.parametrize("key", sorted(format_reader.TOP_KEYS))
def test_a_missing_header_key_is_refused(tmp_path, key):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    del forgery.header[key]
    error = refusal(path, forgery.pack(rehash=False))
    assert "exactly the keys" in str(error)


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
def test_a_header_spelt_otherwise_is_refused(tmp_path, old, new):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    spelt = json.dumps(forgery.header, sort_keys=True, separators=(",", ":")).encode()
    assert old in spelt
    forgery.header_bytes = spelt.replace(old, new)
    refusal(path, forgery.pack())
    assert second_reader_refuses(forgery.pack())


PREFIX_FORGERIES = {
    "magic": ({"magic": b"\x93NUMPY\x01\0"}, "magic"),
    "big-endian": ({"endian": 0x04030201}, "endian mark.*little-endian"),
    "newer version": ({"version": 2}, "found 2, expected 1, the only version"),
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


# Section, byte in it, new bytes, and what the message must name.
CONTENT_FORGERIES = {
    "neighbour n": ("neighbors", 0, struct.pack("<I", 12), "found 12, expected below"),
    "neighbour 2**31": ("neighbors", 20, struct.pack("<I", 2**31), "row 1 at byte"),
    "neighbour negative": ("neighbors", 4, struct.pack("<i", -2), "below n = 12"),
    "self-loop": ("neighbors", 16, struct.pack("<I", 1), "edge from a row to itself"),
    "edge after the end": ("neighbors", 0, NO_EDGE, "no edge after the end"),
    "edge twice": ("neighbors", 0, struct.pack("<II", 5, 5), "every neighbour once"),
    "id negative": ("ids", 8, struct.pack("<q", -1), "row 1 .*not negative"),
    "id twice": ("ids", 0, struct.pack("<qq", 9, 9), "every id once"),
    "mean NaN": ("mean", 4, struct.pack("<f", math.nan), "within ±1e"),
    "mean infinite": ("mean", 0, struct.pack("<f", math.inf), "within ±1e"),
    "scale NaN": ("codes", 32, struct.pack("<f", math.nan), "a correction in its"),
    "bias negative": ("codes", 36, struct.pack("<f", -1.0), "a correction in its"),
    "bias infinite": ("codes", 36, struct.pack("<f", math.inf), "a correction in its"),
    "bias for inner product": ("codes", 36, struct.pack("<f", 1.0), "a correction in"),
    "mean too large": ("mean", 0, struct.pack("<f", 2e16), "within ±1e"),
    "bits past dim": ("codes", 6, b"\x01", "hold nothing"),
    "byte past the corrections": ("codes", 40, b"\x80", "hold nothing"),
    "too many strong": ("codes", 0, b"\x03\x03\x03\x03\x03", "weak coordinates"),
    "sign past the last": ("signs", 0, b"\xff", "bits past the last"),
}


@pytest.mark.parametrize("name", CONTENT_FORGERIES)
@pytest.mark.parametrize("cold", ["memory", "mmap"])
def test_forged_content_with_valid_checksums_is_refused(tmp_path, name, cold):
    path, data = saved(tmp_path)
    section, offset, content, message = CONTENT_FORGERIES[name]
    forgery = Forgery.of(data)
    forgery.section(section)[offset : offset + len(content)] = content
    assert re.search(message, str(refusal(path, forgery.pack(), cold=cold)))
    assert second_reader_refuses(forgery.pack())


@pytest.mark.parametrize("cold", ["memory", "mmap"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2e16, -2e16])
def test_vectors_out_of_range_fail_full_verification(tmp_path, cold, value):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.section("vectors")[24:28] = struct.pack("<f", value)
    error = refusal(path, forgery.pack(), cold=cold, verify="full")
    assert f"found {value}, expected a finite number within ±1e+16" in str(error)
    assert second_reader_refuses(forgery.pack())


def test_vectors_of_another_hash_fail_full_verification(tmp_path):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    forgery.section("vectors")[0] ^= 1
    error = refusal(path, forgery.pack(rehash=False), verify="full")
    assert "as in the header" in str(error)
    assert second_reader_refuses(forgery.pack(rehash=False))


@pytest.mark.parametrize("shape", ["empty", "ring", "pairs", "hub"])
@pytest.mark.parametrize("paper", [False, True])
def test_a_sound_graph_of_odd_shape_opens_and_answers_in_range(
    tmp_path, backend, shape, paper
):
    path, data = saved(tmp_path, n=12, paper=paper)
    graph = np.full((12, 4), 0xFFFF_FFFF, dtype="<u4")
    rows = np.arange(12)
    if shape == "hub":
        graph[small_index(n=12, paper=paper).entry_point] = [0, 11, 1, 10]
        graph[graph == rows[:, None]] = 5
    elif shape != "empty":
        graph[:, 0] = (rows + 1) % 12 if shape == "ring" else rows ^ 1
    forgery = Forgery.of(data)
    forgery.section("neighbors")[:] = graph.tobytes()
    path.write_bytes(forgery.pack())
    assert not second_reader_refuses(forgery.pack())
    index = quiver.open(path, backend="reference")
    expected = index.search(index.vectors, k=3, ef=12)
    index.backend = backend
    result = index.search(index.vectors, k=3, ef=12)
    np.testing.assert_array_equal(result.ids, expected.ids)
    np.testing.assert_array_equal(result.distances, expected.distances)
    reached = {"empty": 1, "ring": 12, "pairs": 2, "hub": 5}[shape]
    np.testing.assert_array_equal(result.counts, min(3, reached))
    assert set(result.ids.ravel()) <= {*index.ids.tolist(), -1}


def test_both_readers_agree_on_mutated_files(tmp_path):
    """Mutations reach past the checksums, which are made right again."""
    path, data = saved(tmp_path)
    draw = random.Random(1)
    n_accepted = 0
    for _ in range(1500 * SCALE):
        mutated = mutate(Forgery.of(data), draw)
        path.write_bytes(mutated)
        try:
            quiver.open(path, verify="full", backend="reference")
            accepted = True
        except FileFormatError:
            accepted = False
        assert accepted != second_reader_refuses(mutated)
        n_accepted += accepted
    assert n_accepted > 0


def test_both_readers_agree_on_what_fuzzing_found(tmp_path):
    path, n_files = tmp_path / "found.quiver", 0
    with tarfile.open(KEPT_CORPUS) as kept:
        for entry in kept:
            data = kept.extractfile(entry).read()
            path.write_bytes(data)
            try:
                quiver.open(path, verify="full", backend="reference")
                accepted = True
            except FileFormatError:
                accepted = False
            assert accepted != second_reader_refuses(data), entry.name
            n_files += 1
    assert n_files > 50


def mutate(forgery: Forgery, draw: random.Random) -> bytes:
    """Change a few bytes of sections, table or header text, then forge checksums."""
    for _ in range(draw.randrange(1, 4)):
        kind = draw.randrange(4)
        if kind == 0:
            key = draw.choice([*forgery.header])
            forgery.header[key] = draw.choice([0, 1, 12, -1, "", "x", None, [], {}])
        elif kind == 1:
            line = draw.choice(forgery.entries)
            forgery.pack()
            line[draw.randrange(2, 5)] = draw.choice([0, 1, 2, 12, 2**31, 2**32 - 1])
        else:
            content = draw.choice(forgery.sections)
            content[draw.randrange(len(content))] = draw.choice([0, 1, 7, 127, 255])
    return forgery.pack(rehash=draw.random() < 0.9)
