"""The reference's distances against integers, float64 formulas and Table 1."""

from __future__ import annotations

from functools import cache

import naive
import numpy as np
import pytest
from hypothesis import given
from strategies import (
    CodedCase,
    bit_widths,
    coded_cases,
    dims,
    plain_transform,
    random_codes,
    rngs,
    to_naive,
)

from quiver._typing import Bits
from quiver.backends import Backend
from quiver.conformance import hazards
from quiver.reference import distance, encode, quantize
from quiver.reference.codes import (
    Codes,
    Queries,
    aligned_zeros,
    capacity,
    least_lines,
)
from quiver.reference.distance import as_queries, symmetric_dot
from quiver.reference.encode import pack, to_planes
from quiver.reference.keys import NO_ID
from quiver.validation.checks import MAX_DIM


def code_values(codes: Codes) -> np.ndarray:
    return np.array([code.values for code in to_naive(codes)])


@given(rng=rngs, dim=dims, bits=bit_widths)
def test_the_symmetric_form_is_the_integer_dot_product(
    rng: np.random.Generator, dim: int, bits: Bits
) -> None:
    a, b = random_codes(rng, 6, dim, bits), random_codes(rng, 6, dim, bits)
    expected = (code_values(a) * code_values(b)).sum(axis=1)
    np.testing.assert_array_equal(symmetric_dot(a, b), expected)


@given(rng=rngs, dim=dims)
def test_the_published_distance_is_four_dim_minus_the_dot_product(
    rng: np.random.Generator, dim: int
) -> None:
    codes = random_codes(rng, 6, dim, weights="published")
    w = code_values(codes)
    distances = distance(codes, codes)
    np.testing.assert_array_equal(distances, 4 * dim - w @ w.T)
    assert distances.min() >= 0
    assert distances.max() <= 8 * dim


@given(rng=rngs, dim=dims)
def test_the_published_distance_is_twice_table_1_plus_the_missing_strength(
    rng: np.random.Generator, dim: int
) -> None:
    # Table 1: 0 for equal signs, else 4, 2, 1 for both, one, none strong. The
    # published code computes more: coordinates that are not both strong cost, too.
    codes = random_codes(rng, 2, dim, weights="published")
    a, b = code_values(codes)
    both_strong, any_strong = np.abs(a * b) == 4, np.abs(a * b) >= 2
    penalty = np.select([a * b > 0, both_strong, any_strong], [0, 4, 2], 1).sum()
    missing = np.select([both_strong, any_strong], [0, 2], 3).sum()
    assert distance(codes, codes)[0, 1] == 2 * penalty + missing


@given(case=coded_cases(min_n=1))
def test_distances_follow_the_definition_number_by_number(case: CodedCase) -> None:
    codes, queries = to_naive(case.codes), case.queries
    for number, row in enumerate(distance(case.codes, queries).tolist()):
        if isinstance(queries, Queries):
            v = queries.values[number, :, 8:].reshape(-1)[: case.codes.dim].tolist()
            scalars = queries.corrections[number].tolist()
            assert row == [naive.asymmetric(v, *scalars, code) for code in codes]
        else:
            own = to_naive(queries)[number]
            assert row == [naive.symmetric(own, code) for code in codes]


@given(case=coded_cases(min_n=1))
def test_symmetric_distances_are_the_same_in_both_directions(case: CodedCase) -> None:
    there = distance(case.codes, case.codes)
    assert there.tobytes() == there.T.tobytes()


# As many coordinates as fill the lines of the largest dimension at 8 bits.
LONGEST = capacity(least_lines(MAX_DIM, 8), 8)


@cache
def extremes(bits: Bits) -> tuple[Codes, Queries, list[list[float]], list[list[float]]]:
    """Return the longest rows and queries of extreme values, and their distances.

    With 8 bits and every value 127, Σ u·v is 99 % of what an int32 holds. An encoder
    writes no value -128, but a file may hold it.
    """
    lines = least_lines(LONGEST, bits)
    u = np.full((3, LONGEST), (1 << bits) - 1, dtype=np.uint8)
    u[1], u[2, ::2] = 0, 0
    rows = aligned_zeros((3, 64 * lines), np.uint8)
    codes = Codes(rows, LONGEST, bits, "corrected")
    codes.packed[:] = pack(u, bits, lines)
    # A bias so large that no symmetric distance is clamped to 0.
    codes.corrections[:] = 1, 2**31
    v = np.full((3, LONGEST), 127, dtype=np.int8)
    v[1], v[2, ::2] = -127, -127
    values = np.pad(to_planes(v, bits, lines), ((0, 0), (0, 0), (8, 0)))
    queries = Queries(values, np.ones((3, 2), np.float32))
    plain = to_naive(codes)
    asymmetric = [
        [naive.asymmetric(query, 1.0, 1.0, code) for code in plain]
        for query in v.tolist()
    ]
    symmetric = [[naive.symmetric(a, b) for b in plain] for a in plain]
    return codes, queries, symmetric, asymmetric


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_sums_over_the_longest_rows_do_not_overflow(
    backend: Backend, bits: Bits
) -> None:
    codes, queries, symmetric, asymmetric = extremes(bits)
    assert backend.distance(codes, codes).tolist() == symmetric
    assert backend.distance(codes, queries).tolist() == asymmetric


def test_the_symmetric_distance_is_euclidean_between_the_coded_points() -> None:
    codes = random_codes(np.random.default_rng(0), 20, 96)
    w = code_values(codes)
    lengths = np.linalg.norm(w, axis=1)
    assert len(set(lengths)) == 1
    m = np.sqrt(codes.corrections[:, 1].astype(np.float64)) / lengths
    points = m[:, None] * w
    expected = ((points[:, None] - points) ** 2).sum(axis=2)
    distances = distance(codes, codes)
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=1e-4)
    assert (distances >= 0).all()


@pytest.mark.parametrize(("bits", "error"), [(2, 0.05), (4, 0.012), (8, 0.001)])
def test_each_bit_more_brings_the_symmetric_distance_nearer(
    bits: Bits, error: float
) -> None:
    vectors = np.random.default_rng(6).standard_normal((40, 224)).astype(np.float32)
    codes = encode(vectors, plain_transform("euclidean", 224), bits, "corrected")
    true = ((vectors[:, None] - vectors) ** 2).sum(axis=2)
    apart = ~np.eye(40, dtype=bool)
    relative = distance(codes, codes)[apart] / true[apart] - 1
    assert np.abs(relative).max() < 4 * error
    assert error / 2 < relative.std() < error


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_asymmetric_distance_is_the_float64_estimate(bits: Bits) -> None:
    rng = np.random.default_rng(1)
    vectors = hazards.make_vectors(rng, 30, 200, [])
    transform = plain_transform("euclidean", 200)
    codes = encode(vectors, transform, bits, "corrected")
    queries = quantize(vectors[:5], transform, bits)
    w = code_values(codes)
    scale = (vectors**2).sum(axis=1) / (w * vectors).sum(axis=1)
    overlaps = vectors[:5].astype(np.float64) @ (scale[:, None] * w).T
    norms2 = (vectors.astype(np.float64) ** 2).sum(axis=1)
    expected = norms2[:5, None] + norms2 - 2 * overlaps
    # The query's 8 bits are the only difference; half a step per coordinate.
    slack = queries.corrections[:, :1] * np.abs(scale[:, None] * w).sum(axis=1)
    assert (np.abs(distance(codes, queries) - expected) <= 1.001 * slack).all()


@pytest.mark.parametrize(("bits", "spread"), [(2, 0.1), (4, 0.02), (8, 0.004)])
def test_the_asymmetric_distance_is_unbiased_over_rotations(
    bits: Bits, spread: float
) -> None:
    rng = np.random.default_rng(2)
    base, query = hazards.make_vectors(rng, 2, 64, ["offset"])[:, None]
    true = float(((base - query) ** 2).sum())
    transform = plain_transform("euclidean", 64)
    # Real rotations drawn afresh, so that only the code's own error is left.
    turns = [np.linalg.qr(rng.standard_normal((64, 64)))[0] for _ in range(400)]
    turned, asked = (
        np.concatenate([np.float32(x @ turn) for turn in turns]) for x in (base, query)
    )
    codes = encode(turned, transform, bits, "corrected")
    own = np.arange(len(turns), dtype=np.uint32)[:, None]
    estimates = distance(codes, quantize(asked, transform, bits), own)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - true) < 3 * error
    assert error < spread * true


@pytest.mark.parametrize(("bits", "share"), [(2, 1e-5), (4, 0.01), (8, 1e-4)])
def test_a_code_is_at_next_to_no_distance_from_itself(bits: Bits, share: float) -> None:
    # Of wide codes the typical cosine stands for a row's own.
    codes = random_codes(np.random.default_rng(3), 40, 384, bits)
    to_itself = np.diag(distance(codes, codes))
    assert (to_itself <= share * codes.corrections[:, 1]).all()


def test_unused_places_are_infinitely_far() -> None:
    codes = random_codes(np.random.default_rng(4), 3, 10)
    candidates = np.array([[NO_ID, 1, NO_ID], [2, NO_ID, 0]], dtype=np.uint32)
    distances = distance(codes, codes.take(np.array([0, 1])), candidates)
    np.testing.assert_array_equal(np.isinf(distances), candidates == NO_ID)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("dim", [1, 111, 113, 240])
def test_wide_codes_as_queries_are_their_values_and_lengths(
    bits: Bits, dim: int
) -> None:
    codes = random_codes(np.random.default_rng(7), 3, dim, bits)
    queries = as_queries(codes)
    for number, code in enumerate(to_naive(codes)):
        assert queries.values[number].tolist() == naive.planes(code.values, bits)
        expected = [naive.length_factor(code), code.bias]
        assert queries.corrections[number].tolist() == expected
