"""Forged sections: every checksum is valid, the codes, graph or vectors are not."""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path

import format_reader
import numpy as np
import pytest
from forge import Forgery
from refusals import refusal, second_reader_refuses
from small_index import PLACES, saved, saved_with_copies, small_index

import quiver

NO_EDGE = struct.pack("<I", 0xFFFF_FFFF)

# Section, byte in it, new bytes, and what the message must name. Not filled, so that
# rows hold bits past the last coordinate.
CONTENT_FORGERIES = {
    "neighbour n": ("neighbors", 0, struct.pack("<I", 12), "found 12, expected below"),
    "neighbour 2**31": ("neighbors", 20, struct.pack("<I", 2**31), "row 1 at byte"),
    "neighbour negative": ("neighbors", 4, struct.pack("<i", -2), "below n = 12"),
    "self-loop": ("neighbors", 16, struct.pack("<I", 1), "edge from a row to itself"),
    "edge after the end": ("neighbors", 0, NO_EDGE, "no edge after the end"),
    "edge twice": ("neighbors", 0, struct.pack("<II", 5, 5), "every neighbour once"),
    "id -1": ("ids", 8, struct.pack("<q", -1), "row 1 .*an id other than -1"),
    "id twice": ("ids", 0, struct.pack("<qq", 9, 9), "every id once"),
    "mean NaN": ("mean", 4, struct.pack("<f", math.nan), "within ±1e"),
    "mean infinite": ("mean", 0, struct.pack("<f", math.inf), "within ±1e"),
    "scale NaN": ("codes", 0, struct.pack("<f", math.nan), "a correction in its"),
    "bias negative": ("codes", 4, struct.pack("<f", -1.0), "a correction in its"),
    "bias infinite": ("codes", 4, struct.pack("<f", math.inf), "a correction in its"),
    "bias for inner product": ("codes", 4, struct.pack("<f", 1.0), "a correction in"),
    "mean too large": ("mean", 0, struct.pack("<f", 2e16), "within ±1e"),
    "bits past dim": ("codes", 13, b"\x01", "hold nothing"),
    "plane past dim": ("codes", 8, b"\x07", "hold nothing"),
    "last byte of a row": ("codes", 63, b"\x80", "hold nothing"),
    "too many strong": ("codes", 8, b"\x03\x03\x03\x03\x03", "weak coordinates"),
    "entry point n": ("entry_points", 0, struct.pack("<I", 12), "a row below 12"),
    "entry point twice": (
        "entry_points",
        0,
        struct.pack("<II", 3, 3),
        "every row once",
    ),
    "sign past the last": ("signs", 0, b"\xff", "bits past the last"),
}


@pytest.mark.parametrize("name", CONTENT_FORGERIES)
@pytest.mark.parametrize("place", PLACES)
def test_forged_content_with_valid_checksums_is_refused(tmp_path, name, place):
    path, data = saved(tmp_path, fill=False)
    section, offset, content, message = CONTENT_FORGERIES[name]
    forgery = Forgery.of(data)
    forgery.section(section)[offset : offset + len(content)] = content
    assert re.search(message, str(refusal(path, forgery.pack(), **PLACES[place])))
    assert second_reader_refuses(forgery.pack())


VERSION_1 = Path(__file__).parents[1] / "data" / "golden-v1-corrected-float32.quiver"

# Rows of 64 bytes: 32 of code for 19 dimensions, the corrections, zeros.
VERSION_1_FORGERIES = {
    "bits past dim": (19, b"\x01", "row 0 at byte .*hold nothing"),
    "byte past the corrections": (104, b"\x80", "row 1 at byte .*hold nothing"),
    "scale NaN": (32, struct.pack("<f", math.nan), "a correction in its"),
    "too many strong": (0, bytes([3] * 19), "weak coordinates"),
}


@pytest.mark.parametrize("name", VERSION_1_FORGERIES)
def test_forged_codes_of_version_1_are_refused(tmp_path, name):
    offset, content, message = VERSION_1_FORGERIES[name]
    forgery = Forgery.of(VERSION_1.read_bytes())
    forgery.section("codes")[offset : offset + len(content)] = content
    forged = forgery.pack()
    assert re.search(message, str(refusal(tmp_path / "old.quiver", forged)))
    assert second_reader_refuses(forged)


END = 0xFFFF_FFFF
COPIES = [(1, 3), (1, 5), (2, 7), (END, 4), (END, 8)]


def test_the_second_reader_reads_the_rows_that_no_walk_meets(tmp_path):
    path, data = saved_with_copies(tmp_path)
    assert format_reader.read(data)["unlinked"] == COPIES
    assert quiver.open(path, verify="full", backend="reference").n == 12


@pytest.mark.parametrize(
    ("place", "pair"),
    [
        (0, (1, 12)),
        (0, (12, 3)),
        (0, (1, END)),
        (1, (1, 3)),
        (1, (0, 5)),
        (2, (2, 1)),
        (2, (2, 3)),
        (2, (3, 7)),
        (3, (END, 0)),
        (4, (END, 3)),
    ],
)
def test_forged_rows_that_no_walk_meets_are_refused(tmp_path, place, pair):
    path, data = saved_with_copies(tmp_path)
    forgery = Forgery.of(data)
    struct.pack_into("<2I", forgery.section("unlinked"), 8 * place, *pair)
    assert second_reader_refuses(forgery.pack())
    assert "section 'unlinked'" in str(refusal(path, forgery.pack()))


@pytest.mark.parametrize("bits", [4, 8])
def test_a_wide_code_may_hold_every_value_and_nothing_beside_them(tmp_path, bits):
    path, data = saved(tmp_path, fill=False, bits=bits)
    forgery = Forgery.of(data)
    code = forgery.section("codes")
    code[8] = 0xFF if bits == 8 else 0x0F
    path.write_bytes(forgery.pack())
    quiver.open(path, backend="reference")
    assert not second_reader_refuses(forgery.pack())
    code[63] = 0x80
    assert "hold nothing" in str(refusal(path, forgery.pack()))
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
    # One start, or every shape would be entered from all sides.
    del forgery.section("entry_points")[4:]
    forgery.header["n_entry_points"] = forgery.entry("entry_points")[3] = 1
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
