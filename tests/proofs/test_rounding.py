"""Float steps at the edges of rounding: every backend against rational arithmetic.

The inputs lie on halves, at the ends of the range and beside both by construction. The
expected numbers come from `exact`, where each operation is exact and rounded once, so
that a processor that flushes, fuses or rounds otherwise is found out, the reference's
too; and every backend has the reference's bits, signs of zeros included.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import Any

import edges
import exact
import numpy as np
import pytest
from exact import Real
from identical import assert_identical, call_untouched
from strategies import plain_transform

from quiver import reference
from quiver._typing import Bits, Metric, Weights
from quiver.backends import Backend
from quiver.conformance.hazards import METRICS
from quiver.reference.codes import (
    Codes,
    Queries,
    Transform,
    aligned_zeros,
    capacity,
    least_lines,
)
from quiver.reference.encode import in_steps, pack, to_planes, unpack
from quiver.reference.keys import key_distances, make_keys
from quiver.reference.lanes import lane_sum
from quiver.reference.transform import prepare, rotate

SLOW = pytest.mark.slow
FLOATS = np.array(
    [
        *(0.0, -0.0, edges.LEAST, -edges.LEAST, edges.NORMAL, -edges.NORMAL),
        *(1.0, -1.0, edges.LARGEST, -edges.LARGEST, np.inf, -np.inf),
    ],
    dtype=np.float32,
)


def as_floats(numbers: Iterable[Real]) -> np.ndarray:
    return np.array([float(number.exact) for number in numbers])


def asked(backend: Backend, method: str, *args: Any) -> Any:
    """Return what a backend answers, once it has the bits of the reference."""
    actual = call_untouched(getattr(backend, method), *args)
    assert_identical(actual, getattr(reference, method)(*args))
    return actual


@cache
def edge_rows(bits: Bits, every: int = 1) -> np.ndarray:
    """Return rows at all edges; of those between two steps one in so many."""
    rows = [edges.plain_edges(), edges.rows_of_peaks(edges.small_peaks())]
    if bits > 2:
        rows.append(edges.halves_of_steps(bits)[::every])
    return np.concatenate(rows)


@cache
def exact_codes(bits: Bits, every: int) -> tuple[list[list[int]], np.ndarray]:
    """Return the u and corrections of all edge rows, in rational arithmetic."""
    levels, pairs = [], []
    plain = plain_transform("euclidean", 8)
    two_bit = reference.encode(edge_rows(2), plain, 2, "corrected")
    by_rank = unpack(two_bit.packed, 8, 2).tolist()
    for number, row in enumerate(edge_rows(bits, every)):
        r = exact.reals(row)
        u = exact.steps(r, bits) if bits > 2 else by_rank[number]
        levels.append(u)
        pairs.append(as_floats(exact.corrections(r, exact.values(u, bits))))
    return levels, np.array(pairs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bits", "every"),
    [(2, 1), (4, 5), (8, 41), *(pytest.param(b, 1, marks=SLOW) for b in (4, 8))],
)
def test_codes_and_corrections_are_rounded_as_rational_numbers_say(
    backend: Backend, bits: Bits, every: int
) -> None:
    rows = edge_rows(bits, every)
    args = rows, plain_transform("euclidean", 8), bits, "corrected"
    codes = asked(backend, "encode", *args)
    levels, pairs = exact_codes(bits, every)
    assert unpack(codes.packed, 8, bits).tolist() == levels
    np.testing.assert_array_equal(codes.corrections, pairs)


def test_a_magnitude_equal_to_the_mean_is_not_strong(backend: Backend) -> None:
    rows = edge_rows(2)
    kind: tuple[Bits, Weights] = (2, "published")
    codes = asked(backend, "encode", rows, plain_transform("euclidean", 8), *kind)
    for row, u in zip(rows, unpack(codes.packed, 8, 2).tolist(), strict=True):
        sizes = exact.wide([abs(x) for x in exact.reals(row)])
        mean = exact.lane_sum(sizes) / exact.rounded(Fraction(8), exact.F64)
        expected = [
            2 * (x > 0) + ((mean < size) == (x > 0))
            for x, size in zip(row, sizes, strict=True)
        ]
        assert u == expected


@cache
def query_edges() -> dict[int, np.ndarray]:
    """Return queries by their number of coordinates."""
    return {8: edge_rows(2), 255: edges.halves_of_queries()}


@cache
def exact_queries(dim: int) -> list[tuple[list[int], np.ndarray]]:
    rows = [exact.quantized(exact.reals(row)) for row in query_edges()[dim]]
    return [(v, as_floats(pair)) for v, *pair in rows]


@pytest.mark.parametrize("dim", [8, 255])
def test_queries_are_rounded_as_rational_numbers_say(
    backend: Backend, dim: int
) -> None:
    transform = plain_transform("euclidean", dim)
    queries = asked(backend, "quantize", query_edges()[dim], transform, 8)
    v = queries.values[:, :, 8:].reshape(len(queries.values), -1)[:, :dim]
    for number, (levels, pair) in enumerate(exact_queries(dim)):
        assert v[number].tolist() == levels
        np.testing.assert_array_equal(queries.corrections[number], pair)


def test_halves_go_to_the_even_number_and_their_neighbours_do_not() -> None:
    below, halves, above = edges.halves_of_queries()[:3, 1:]
    for rows, expected in (
        (halves, 2 * np.round(halves / 2)),
        (below, np.floor(halves)),
        (above, np.ceil(halves)),
    ):
        vectors = np.insert(rows, 0, 127)[None]
        plain = plain_transform("euclidean", 255)
        queries = reference.quantize(vectors, plain, 8)
        v = queries.values[0, :, 8:].reshape(-1)[1:255]
        np.testing.assert_array_equal(v, expected)


@pytest.mark.parametrize("bits", [4, 8])
def test_every_share_of_the_peak_has_rows_half_way_between_two_steps(
    bits: Bits,
) -> None:
    rows = edges.halves_of_steps(bits)
    reach, middle = {4: (8, 7.5), 8: (127, 128)}[bits]
    for share in (1.0, 0.85, 0.7):
        inverse = np.float32(reach) / np.float32(share)
        steps = rows[:, 1] * inverse + np.float32(middle)
        assert np.count_nonzero(steps % 1 == 0.5) >= reach
    assert len(np.unique(in_steps(rows, bits), axis=0)) > reach


@pytest.mark.parametrize("metric", METRICS)
def test_vectors_are_scaled_as_rational_numbers_say(metric: Metric) -> None:
    rows = edge_rows(2)
    if metric == "cosine":
        largest = edges.rows_of_peaks(np.array([edges.LARGEST]))
        rows = np.concatenate([rows, largest])
    for row, prepared in zip(rows, prepare(rows, metric), strict=True):
        expected = exact.prepare(exact.reals(row), metric)
        np.testing.assert_array_equal(prepared, as_floats(expected))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rotated", [False, True])
def test_scaled_centred_and_rotated_edges_are_coded_as_the_reference_does(
    backend: Backend, metric: Metric, rotated: bool
) -> None:
    rows, rng = edge_rows(2), np.random.default_rng(0)
    flips = rng.choice([-1, 1], (2 if rotated else 0, 8)).astype(np.float32)
    # The mean is one of the rows, so that differences are zeros and subnormal.
    for mean in (np.zeros(8, np.float32), rows[4], rows[8]):
        transform = Transform(metric, mean, flips)
        asked(backend, "quantize", rows, transform, 2)
        for bits in (2, 4, 8):
            asked(backend, "encode", rows, transform, bits, "corrected")


@pytest.mark.parametrize("dim", [1, 2, 3, 7, 8])
def test_rotations_are_rounded_as_rational_numbers_say(dim: int) -> None:
    flips = np.array([[1, -1] * 4, [-1, -1, 1, 1] * 2], dtype=np.float32)[:, :dim]
    rows = np.ascontiguousarray(edge_rows(2)[:, :dim])
    for row, turned in zip(rows, rotate(rows, flips), strict=True):
        expected = exact.rotate(exact.reals(row), flips.tolist())
        np.testing.assert_array_equal(turned, as_floats(expected))


def coded(dim: int, bits: Bits, u: np.ndarray, pairs: np.ndarray) -> Codes:
    """Return rows of the codes given, with the corrections given."""
    lines = least_lines(dim, bits)
    codes = Codes(aligned_zeros((len(u), 64 * lines), np.uint8), dim, bits, "corrected")
    codes.packed[:] = pack(u.astype(np.uint8), bits, lines)
    codes.corrections[:] = pairs
    return codes


BIASES = np.array(
    [0, edges.LEAST, edges.NORMAL, 1, 1 + 2.0**-23, 2.0**24, 2.0**24 + 2, 1e16],
    dtype=np.float32,
)
"""Sums of two of them are exact, halves, or lost in the larger one."""


def test_two_bit_distances_are_rounded_as_rational_numbers_say(
    backend: Backend,
) -> None:
    u = np.array([[3, 0, 2], [1, 2, 0], [3, 3, 3]])[np.arange(8) % 3]
    codes = coded(3, 2, u, np.stack([np.ones(8), BIASES], axis=1))
    found = asked(backend, "distance", codes, codes)
    # One strong coordinate of three.
    inverse = (exact.ONE / exact.rounded(Fraction(11), exact.F64).root()).to(exact.F32)
    bias = exact.reals(BIASES)
    m = [x.root() * inverse for x in bias]
    w = (2 * u - 3) @ (2 * u - 3).T
    expected = [
        as_floats(
            exact.symmetric(int(w[a, b]), (m[a], m[b]), (bias[a], bias[b]))
            for b in range(8)
        )
        for a in range(8)
    ]
    np.testing.assert_array_equal(found, expected)


SCALES = np.array([0, edges.LEAST, 2.0**-60, 1 / 3, 1, 1e12], dtype=np.float32)
DIM = capacity(least_lines(1100, 8), 8)


@cache
def long_codes() -> tuple[Codes, Queries, np.ndarray]:
    """Return rows, queries and their dot products: 2²⁴ + 1 and + 3 among them.

    Such a number is half-way between two float32.
    """
    u = np.full((3, DIM), 128)
    u[:2, :1040], u[:2, 1040], u[:2, 1041] = 255, 128 + 125, 128 + 1
    u[1, 1042] = 128 + 2
    v = np.zeros((2, DIM), dtype=np.int8)
    v[:, :1040], v[0, 1040], v[0, 1041:1043] = 127, 24, (57, 1)
    v[1, 1042] = 1
    pairs = np.array([(s, b) for s in SCALES for b in BIASES[:-1]])
    kinds = np.arange(len(pairs)) % 3
    codes = coded(DIM, 8, u[kinds], pairs)
    values = np.pad(to_planes(v, 8, least_lines(DIM, 8)), ((0, 0), (0, 0), (8, 0)))
    steps = np.array([[1 / 127, 1.0], [2.0**-140, 2.0**24]], dtype=np.float32)
    dots = v.astype(int) @ (u[kinds] - 128).T
    return codes, Queries(values, steps), dots


def test_dot_products_that_float32_lacks_are_among_those_measured() -> None:
    *_, dots = long_codes()
    assert {2**24 + 1, 2**24 + 3} <= {*dots[0].tolist()}


def test_estimates_are_rounded_as_rational_numbers_say(backend: Backend) -> None:
    codes, queries, dots = long_codes()
    found = asked(backend, "distance", codes, queries)
    rows = [tuple(exact.reals(pair)) for pair in codes.corrections]
    for number, pair in enumerate(queries.corrections):
        query = tuple(exact.reals(pair))
        expected = [
            exact.asymmetric(int(dot), query, row)
            for dot, row in zip(dots[number], rows, strict=True)
        ]
        np.testing.assert_array_equal(found[number], as_floats(expected))


@cache
def ranked_rows() -> np.ndarray:
    """Return rows whose sums end half-way between two floats, or are lost in another.

    Terms j and j + 8 share a lane, so their order is known.
    """
    rows = np.zeros((9, 17), dtype=np.float32)
    # A float64 lane: 2⁵³ + 1 and 2⁵³ + 3 are half-way.
    rows[0, [0, 8]] = 2.0**53, 1
    rows[1, [0, 8, 16]] = 2.0**53, 2, 1
    # The last rounding: 2²⁴ + 1 and 2²⁴ + 3, and one more bit that float64 lacks.
    rows[2, [0, 1]] = 2.0**24, 1
    rows[3, [0, 1]] = 2.0**24, 3
    rows[4, [0, 1, 2]] = 2.0**24, 1, 2.0**-30
    rows[5] = edges.LEAST
    rows[6, ::2] = 1e16
    rows[7, 3] = -3 * edges.NORMAL
    return rows


@pytest.mark.parametrize("metric", METRICS)
def test_exact_distances_are_rounded_as_rational_numbers_say(
    backend: Backend, metric: Metric
) -> None:
    rows = ranked_rows()
    queries = np.stack([np.ones(17), rows[1], -rows[6], rows[5], rows[8]])
    queries = queries.astype(np.float32)
    ids = np.tile(np.arange(len(rows), dtype=np.uint32), (len(queries), 1))
    ranking = asked(backend, "rerank", rows, queries, ids, len(rows), metric)
    for query, order, found in zip(queries, *ranking[:2], strict=True):
        q = exact.reals(query)
        expected = as_floats(
            exact.distance(exact.reals(rows[row]), q, metric) for row in order
        )
        np.testing.assert_array_equal(found, expected)
        # Sorted by (distance, id), and no zero has a sign.
        assert [*zip(found, order, strict=True)] == sorted(
            zip(found, order, strict=True)
        )
        assert not np.signbit(found[found == 0]).any()


def test_a_lane_rounds_after_every_term() -> None:
    one, two, three = 2.0**53, 1.0, 2.0
    for terms, expected in (
        ([one] + 7 * [0.0] + [two], 2.0**53),
        ([one] + 7 * [0.0] + [three] + 7 * [0.0] + [two], 2.0**53 + 4),
        ([two] + 7 * [0.0] + [two] + 7 * [0.0] + [one], 2.0**53 + 2),
    ):
        numbers = [exact.rounded(Fraction(x), exact.F64) for x in terms]
        assert lane_sum(np.array(terms)) == expected
        assert float(exact.lane_sum(numbers).exact) == expected


def test_keys_sort_like_floats_from_end_to_end() -> None:
    keys = make_keys(FLOATS, np.zeros(len(FLOATS), dtype=np.uint32))
    order = np.argsort(keys, kind="stable")
    np.testing.assert_array_equal(order, np.argsort(FLOATS, kind="stable"))
    assert keys[0] == keys[1]
    back = key_distances(keys)
    np.testing.assert_array_equal(back, FLOATS)
    assert not np.signbit(back[:2]).any()
