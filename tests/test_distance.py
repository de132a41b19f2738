"""The reference's distances against integers, float64 formulas and Table 1."""

from __future__ import annotations

import naive
import numpy as np
from hypothesis import given
from strategies import CodedCase, coded_cases, dims, plain_transform, random_codes, rngs

from quiver.conformance import hazards
from quiver.reference import distance, encode, quantize
from quiver.reference.codes import Codes, Queries
from quiver.reference.distance import symmetric_dot
from quiver.reference.encode import unpack
from quiver.reference.keys import NO_ID


def code_values(codes: Codes) -> np.ndarray:
    u = unpack(codes.codes, codes.dim)
    return np.array([naive.values(row, codes.strong) for row in u.tolist()])


@given(rng=rngs, dim=dims)
def test_the_popcount_form_is_the_integer_dot_product(
    rng: np.random.Generator, dim: int
) -> None:
    a, b = random_codes(rng, 6, dim), random_codes(rng, 6, dim)
    expected = (code_values(a) * code_values(b)).sum(axis=1)
    np.testing.assert_array_equal(symmetric_dot(a, b), expected)


@given(rng=rngs, dim=dims)
def test_the_published_distance_is_four_dim_minus_the_dot_product(
    rng: np.random.Generator, dim: int
) -> None:
    codes = random_codes(rng, 6, dim, strong=2)
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
    codes = random_codes(rng, 2, dim, strong=2)
    a, b = code_values(codes)
    both_strong, any_strong = np.abs(a * b) == 4, np.abs(a * b) >= 2
    penalty = np.select([a * b > 0, both_strong, any_strong], [0, 4, 2], 1).sum()
    missing = np.select([both_strong, any_strong], [0, 2], 3).sum()
    assert distance(codes, codes)[0, 1] == 2 * penalty + missing


@given(case=coded_cases(min_n=1))
def test_distances_follow_the_definition_number_by_number(case: CodedCase) -> None:
    codes, queries = case.codes, case.queries
    levels = unpack(codes.codes, codes.dim).tolist()
    for number, row in enumerate(distance(codes, queries)):
        for found, u, pair in zip(row, levels, codes.corrections.tolist(), strict=True):
            if isinstance(queries, Queries):
                v = queries.values[number, : codes.dim].tolist()
                step, norm2 = queries.corrections[number].tolist()
                expected = naive.asymmetric(v, step, norm2, u, *pair)
            else:
                own = unpack(queries.codes, queries.dim)[number].tolist()
                bias = float(queries.corrections[number, 1])
                expected = (
                    naive.symmetric(own, bias, u, pair[1])
                    if codes.strong == 3
                    else naive.published(own, u)
                )
            assert found == expected


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
    np.testing.assert_array_equal(distances, distances.T)
    assert (distances >= 0).all()


def test_the_asymmetric_distance_is_the_float64_estimate() -> None:
    rng = np.random.default_rng(1)
    vectors = hazards.make_vectors(rng, 30, 200, [])
    transform = plain_transform("euclidean", 200)
    codes, queries = encode(vectors, transform, 3), quantize(vectors[:5], transform)
    w = code_values(codes)
    scale = (vectors**2).sum(axis=1) / (w * vectors).sum(axis=1)
    overlaps = vectors[:5].astype(np.float64) @ (scale[:, None] * w).T
    norms2 = (vectors.astype(np.float64) ** 2).sum(axis=1)
    expected = norms2[:5, None] + norms2 - 2 * overlaps
    # The query's 8 bits are the only difference; half a step per coordinate.
    slack = queries.corrections[:, :1] * np.abs(scale[:, None] * w).sum(axis=1)
    assert (np.abs(distance(codes, queries) - expected) <= 1.001 * slack).all()


def test_the_asymmetric_distance_is_unbiased_over_rotations() -> None:
    rng = np.random.default_rng(2)
    base, query = hazards.make_vectors(rng, 2, 64, ["offset"])[:, None]
    true = float(((base - query) ** 2).sum())
    estimates = []
    for _ in range(400):
        # A real rotation drawn afresh, so that only the code's own error is left.
        orthogonal, _ = np.linalg.qr(rng.standard_normal((64, 64)))
        turned, asked = (np.float32(x @ orthogonal) for x in (base, query))
        transform = plain_transform("euclidean", 64)
        codes, queries = encode(turned, transform, 3), quantize(asked, transform)
        estimates.append(distance(codes, queries).item())
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - true) < 3 * error
    assert error < 0.1 * true


def test_a_code_is_at_distance_zero_from_itself() -> None:
    codes = random_codes(np.random.default_rng(3), 40, 384)
    to_itself = np.diag(distance(codes, codes))
    assert (to_itself <= 1e-5 * codes.corrections[:, 1]).all()


def test_unused_places_are_infinitely_far() -> None:
    codes = random_codes(np.random.default_rng(4), 3, 10)
    candidates = np.array([[NO_ID, 1, NO_ID], [2, NO_ID, 0]], dtype=np.uint32)
    distances = distance(codes, codes.take(np.array([0, 1])), candidates)
    np.testing.assert_array_equal(np.isinf(distances), candidates == NO_ID)
