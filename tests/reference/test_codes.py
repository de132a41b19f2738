"""Codes: how many values a row holds, where they lie, and what shares memory."""

from __future__ import annotations

import numpy as np
import pytest

from quiver import reference
from quiver.reference.codes import (
    Codes,
    Queries,
    Transform,
    aligned_zeros,
    capacity,
    least_lines,
    n_strong,
)


@pytest.mark.parametrize(
    ("lines", "bits", "dim"),
    [(1, 2, 224), (1, 4, 112), (1, 8, 56), (2, 2, 480), (2, 4, 240), (2, 8, 120)],
)
def test_a_row_holds_exactly_its_capacity(lines: int, bits: int, dim: int) -> None:
    assert capacity(lines, bits) == dim
    assert least_lines(dim, bits) == lines
    assert least_lines(dim + 1, bits) == lines + 1


def test_a_third_of_the_coordinates_is_strong_rounded_to_the_nearest() -> None:
    assert [n_strong(dim) for dim in range(1, 8)] == [0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("n", [1, 3])
def test_zeros_start_a_cache_line(n: int, dtype: type) -> None:
    rows = aligned_zeros((n, 5), dtype)
    assert rows.shape == (n, 5)
    assert rows.dtype == dtype
    assert rows.flags.c_contiguous
    assert rows.ctypes.data % 64 == 0
    assert not rows.any()


def test_corrections_and_code_are_views_and_taken_rows_are_copies() -> None:
    rows = np.arange(3 * 64, dtype=np.uint8).reshape(3, 64)
    codes = Codes(rows, 224, 2, "corrected")
    taken = codes.take(np.array([2, 0, 2]))
    assert taken.n_rows == 3
    assert taken[1:] == codes[1:]
    assert taken.packed[:, 0].tolist() == [136, 8, 136]
    codes.corrections[0] = 0
    codes.packed[0] = 255
    assert rows[0].tolist() == [0] * 8 + [255] * 56
    assert taken.rows[1].tolist() == list(range(64))


@pytest.mark.parametrize(
    ("bits", "plane", "byte"), [(2, 3, 20), (4, 1, 20), (8, 0, 20)]
)
def test_query_and_code_hold_a_coordinate_in_the_same_plane_and_byte(
    bits: int, plane: int, byte: int
) -> None:
    # One line has 56 bytes of code, of which 56·plane + byte is the coordinate.
    dim, place = capacity(1, bits), 56 * plane + byte
    vectors = np.full((2, dim), 0.5, np.float32)
    vectors[1, place] = -0.5
    plain = Transform("euclidean", np.zeros(dim, np.float32), np.ones((0, dim), "f4"))
    spike = np.zeros((1, dim), np.float32)
    spike[0, place] = 1
    values = reference.quantize(spike, plain, bits).values
    assert np.argwhere(values[0]).tolist() == [[plane, 8 + byte]]
    first, second = reference.encode(vectors, plain, bits, "corrected").packed
    assert np.flatnonzero(first != second).tolist() == [byte]
    mask = (2**bits - 1) << bits * plane
    assert (int(first[byte]) ^ int(second[byte])) & ~mask == 0


def test_queries_are_taken_in_the_order_asked_for() -> None:
    values = np.arange(3 * 4 * 64, dtype=np.int16).astype(np.int8).reshape(3, 4, 64)
    pairs = np.arange(6, dtype=np.float32).reshape(3, 2)
    taken = Queries(values, pairs).take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.values, values[[2, 0]])
    np.testing.assert_array_equal(taken.corrections, pairs[[2, 0]])
