"""All codes of up to four coordinates: distances of every pair, codes of every kind.

Nothing is drawn. What runs always takes seconds; the larger enumerations are slow, and
those of four thousand million pairs run with --proofs.
"""

from __future__ import annotations

import naive
import numpy as np
import pytest
from every import (
    FEW_U,
    FEW_V,
    code_rows,
    defined_distances,
    every_row,
    query_rows,
    values_of,
)
from identical import assert_identical
from strategies import plain_transform

from quiver import reference
from quiver._typing import Bits, Weights
from quiver.backends import Backend
from quiver.reference.encode import unpack

ROOM = 1 << 24
"""Distances held at once."""


def assert_every_distance(
    backend: Backend,
    rows: np.ndarray,
    others: np.ndarray,
    bits: Bits,
    weights: Weights = "corrected",
    *,
    asymmetric: bool = False,
) -> int:
    """Compare the distances of all pairs with their definition; return how many."""
    w = values_of(rows, bits, weights)
    codes = code_rows(rows, bits, weights)
    n_queries = max(1, ROOM // len(rows))
    for start in range(0, len(others), n_queries):
        part = others[start : start + n_queries]
        # Of two lengths: equal ones clamp small distances to 0, others tell every dot.
        for bias in (1.0,) if asymmetric else (1.0, 4096.0):
            if asymmetric:
                queries, factors = query_rows(part, bits), part
            else:
                queries = code_rows(part, bits, weights, bias=bias)
                factors = values_of(part, bits, weights)
            # Small integers: exact in float64, whoever adds them.
            dots = factors.astype(np.float64) @ w.T
            expected = defined_distances(dots, codes, queries)
            assert_identical(backend.distance(codes, queries), expected)
    return len(rows) * len(others)


@pytest.mark.parametrize("weights", ["corrected", "published"])
def test_all_69_904_pairs_of_two_bit_codes(backend: Backend, weights: Weights) -> None:
    n_pairs = 0
    for dim in (1, 2, 3, 4):
        rows = every_row(4, dim)
        n_pairs += assert_every_distance(backend, rows, rows, 2, weights)
    assert n_pairs == 4**2 + 4**4 + 4**6 + 4**8


def test_all_65_792_pairs_of_four_bit_codes_of_one_or_two_coordinates(
    backend: Backend,
) -> None:
    pairs = [assert_every_distance(backend, *2 * [every_row(16, d)], 4) for d in (1, 2)]
    assert sum(pairs) == 16**2 + 16**4


def test_all_65_536_pairs_of_eight_bit_codes_of_one_coordinate(
    backend: Backend,
) -> None:
    assert assert_every_distance(backend, *2 * [every_row(256, 1)], 8) == 256**2


@pytest.mark.parametrize(("bits", "n"), [(2, 4), (4, 16), (8, 256)])
def test_every_query_of_one_coordinate_against_every_code(
    backend: Backend, bits: Bits, n: int
) -> None:
    v = np.arange(-127, 128)[:, None]
    pairs = assert_every_distance(backend, every_row(n, 1), v, bits, asymmetric=True)
    assert pairs == 255 * n


def test_every_two_bit_code_against_queries_of_seven_values(backend: Backend) -> None:
    for dim in (2, 3, 4):
        v = every_row(FEW_V, dim)
        rows = every_row(4, dim)
        pairs = assert_every_distance(backend, rows, v, 2, asymmetric=True)
        assert pairs == 28**dim


@pytest.mark.slow
def test_all_16_777_216_pairs_of_four_bit_codes_of_three_coordinates(
    backend: Backend,
) -> None:
    rows = every_row(16, 3)
    assert assert_every_distance(backend, rows, rows, 4) == 16**6


@pytest.mark.slow
def test_all_pairs_of_eight_bit_codes_of_four_coordinates_of_eight_values(
    backend: Backend,
) -> None:
    rows = every_row(FEW_U, 4)
    assert assert_every_distance(backend, rows, rows, 8) == 8**8


@pytest.mark.slow
def test_every_query_of_two_coordinates_against_every_two_bit_code(
    backend: Backend,
) -> None:
    v, rows = every_row(tuple(range(-127, 128)), 2), every_row(4, 2)
    pairs = assert_every_distance(backend, rows, v, 2, asymmetric=True)
    assert pairs == 255**2 * 16


@pytest.mark.proofs
@pytest.mark.parametrize(("bits", "n", "dim"), [(4, 16, 4), (8, 256, 2)])
def test_all_four_thousand_million_pairs(
    every_compiled: list[Backend], bits: Bits, n: int, dim: int
) -> None:
    """Queries are so long that no distance is clamped: each tells its dot product."""
    rows, n_queries, n_pairs = every_row(n, dim), 4, 0
    w = values_of(rows, bits, "corrected").astype(np.float32)
    codes = code_rows(rows, bits, "corrected")
    longer = code_rows(rows, bits, "corrected", bias=4096.0)
    for start in range(0, len(rows), n_queries):
        queries = longer.take(np.arange(start, start + n_queries))
        # Below 2²⁴, so exact in float32, whoever adds them.
        dots = w[start : start + n_queries] @ w.T
        expected = defined_distances(dots, codes, queries)
        for backend in every_compiled:
            found = backend.distance(codes, queries)
            assert found.tobytes() == expected.tobytes(), backend.name
        n_pairs += expected.size
    assert n_pairs == 2**32


@pytest.mark.parametrize(
    ("weights", "n_codes"),
    [("corrected", 2 + 8 + 24 + 64), ("published", 2 + 12 + 56 + 240)],
)
def test_every_order_of_magnitudes_is_coded_by_its_definition(
    backend: Backend, weights: Weights, n_codes: int
) -> None:
    """Rows of -4 … 4: all signs, zeros and orders of four magnitudes with ties."""
    reached = 0
    for dim in (1, 2, 3, 4):
        vectors = every_row(tuple(range(-4, 5)), dim).astype(np.float32)
        codes = backend.encode(vectors, plain_transform("euclidean", dim), 2, weights)
        for row, vector in zip(codes.rows, vectors.tolist(), strict=True):
            assert row.tobytes() == naive.row(naive.encode(vector, 2, weights))
        reached += len(np.unique(codes.packed, axis=0))
    assert reached == n_codes


def wide_vectors(bits: Bits) -> list[np.ndarray]:
    """Return all rows of whole steps: four coordinates of four bits, two of eight.

    Those of four bits lie half-way between two levels, and once more beside them.
    """
    if bits == 8:
        return [every_row(tuple(range(-127, 128)), dim) for dim in (1, 2)]
    halves = [every_row(tuple(range(-8, 9)), dim) for dim in (1, 2, 3)]
    return [
        *halves,
        *(every_row(tuple(range(-15, 16, 2)), dim) for dim in (1, 2, 3, 4)),
    ]


@pytest.mark.parametrize(("bits", "n_rows"), [(4, 5219 + 69_904), (8, 255 + 255**2)])
def test_every_row_of_whole_steps_is_coded_as_the_reference_does(
    backend: Backend, bits: Bits, n_rows: int
) -> None:
    total = 0
    for rows in wide_vectors(bits):
        vectors = rows.astype(np.float32)
        transform = plain_transform("euclidean", rows.shape[1])
        codes = backend.encode(vectors, transform, bits, "corrected")
        assert_identical(codes, reference.encode(vectors, transform, bits, "corrected"))
        total += len(rows)
    assert total == n_rows


@pytest.mark.slow
@pytest.mark.parametrize("bits", [4, 8])
def test_the_reference_codes_every_row_of_whole_steps_by_its_definition(
    bits: Bits,
) -> None:
    for rows in wide_vectors(bits):
        vectors, dim = rows.astype(np.float32), rows.shape[1]
        transform = plain_transform("euclidean", dim)
        codes = reference.encode(vectors, transform, bits, "corrected")
        u = unpack(codes.packed, dim, bits).tolist()
        assert u == [naive.in_steps(vector, bits) for vector in vectors.tolist()]
