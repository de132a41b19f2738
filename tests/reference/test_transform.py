"""The reference transform against matrices, and what it must leave unchanged."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from scipy.linalg import hadamard
from strategies import rngs

from quiver._typing import Bits, Metric
from quiver.conformance import hazards
from quiver.parallel.workers import map_chunks
from quiver.reference.codes import capacity, least_lines
from quiver.reference.lanes import N_LANES, fold_lanes
from quiver.reference.transform import (
    SUMMED_ROWS,
    apply_transform,
    evenly_taken,
    far_rows,
    prepare,
    prepared_mean,
    rotate,
    spread,
)

DIMS = (1, 2, 3, 5, 8, 31, 32, 33, 64, 100, 129)


def draw_signs(rng: np.random.Generator, rounds: int, dim: int) -> np.ndarray:
    return rng.choice([-1.0, 1.0], (rounds, dim)).astype(np.float32)


def rotation_matrix(signs: np.ndarray) -> np.ndarray:
    """Return the matrix that two rounds on ``dim`` coordinates multiply by."""
    dim = signs.shape[1]
    p = 1 << int(np.log2(dim))
    matrix = np.eye(dim)
    for flips, first in zip(signs, (0, dim - p), strict=True):
        block = np.eye(dim)
        block[first : first + p, first : first + p] = hadamard(p) / np.sqrt(p)
        matrix = block @ np.diag(flips) @ matrix
    return matrix


@pytest.mark.parametrize("dim", DIMS)
def test_rotation_is_the_product_of_flips_and_hadamard_matrices(dim: int) -> None:
    rng = np.random.default_rng(dim)
    signs = draw_signs(rng, 2, dim)
    vectors = rng.standard_normal((9, dim)).astype(np.float32)
    expected = vectors @ rotation_matrix(signs).T
    np.testing.assert_allclose(rotate(vectors, signs), expected, atol=2e-6)


@pytest.mark.parametrize("dim", DIMS)
def test_rotation_is_orthogonal(dim: int) -> None:
    signs = draw_signs(np.random.default_rng(dim), 2, dim)
    images = rotate(np.eye(dim, dtype=np.float32), signs).astype(np.float64)
    np.testing.assert_allclose(images @ images.T, np.eye(dim), atol=1e-6)


@pytest.mark.parametrize("dim", [2, 33, 100])
def test_both_rounds_together_reach_every_coordinate(dim: int) -> None:
    signs = draw_signs(np.random.default_rng(dim), 2, dim)
    last = np.zeros((1, dim), dtype=np.float32)
    last[0, -1] = 1
    assert np.count_nonzero(rotate(last, signs)) >= dim // 2


def test_no_rounds_leave_vectors_as_they_are() -> None:
    vectors = np.random.default_rng(0).standard_normal((4, 33)).astype(np.float32)
    rotated = rotate(vectors, draw_signs(np.random.default_rng(0), 0, 33))
    np.testing.assert_array_equal(rotated, vectors)


@pytest.mark.parametrize(
    ("dim", "coded_dim", "places"),
    [
        (3, 3, [0, 1, 2]),
        (3, 8, [0, 2, 5]),
        (4, 7, [0, 1, 3, 5]),
        (1, 224, [0]),
    ],
)
def test_coordinates_are_spread_in_order_and_zeros_between(
    dim: int, coded_dim: int, places: list[int]
) -> None:
    vectors = np.random.default_rng(4).standard_normal((5, dim)).astype(np.float32)
    wide = spread(vectors, coded_dim)
    assert wide.shape == (5, coded_dim)
    np.testing.assert_array_equal(wide[:, places], vectors)
    assert np.count_nonzero(wide) == vectors.size


@pytest.mark.parametrize("dim", [1, 2, 55, 57, 100, 223, 384])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_spread_coordinates_are_all_alive_after_the_rotation(
    dim: int, bits: Bits
) -> None:
    coded_dim = capacity(least_lines(dim, bits), bits)
    rng = np.random.default_rng(dim)
    vectors = rng.standard_normal((200, dim)).astype(np.float32)
    transform = hazards.make_transform(
        *(rng, vectors, "euclidean", coded_dim), center=False, rotate=True
    )
    images = apply_transform(vectors, transform).astype(np.float64)
    lengths = [(x.astype(np.float64) ** 2).sum(axis=1) for x in (images, vectors)]
    np.testing.assert_allclose(*lengths, rtol=1e-5)
    energies = (images**2).mean(axis=0)
    # One dimension has a sign pattern for an image, and no more.
    if dim > 50:
        assert energies.min() > 0.1 * energies.mean()


@pytest.mark.parametrize("metric", hazards.METRICS)
def test_the_mean_is_mapped_to_zero(metric: Metric) -> None:
    rng = np.random.default_rng(1)
    vectors = hazards.make_vectors(rng, 1, 40, [])
    transform = hazards.make_transform(
        *(rng, vectors, metric, 55), center=True, rotate=True
    )
    image = apply_transform(vectors, transform)
    np.testing.assert_array_equal(image, np.zeros_like(image))


@given(rng=rngs)
def test_cosine_prepares_unit_vectors_and_leaves_zero_alone(
    rng: np.random.Generator,
) -> None:
    vectors = hazards.make_vectors(rng, 6, 33, ["zero_row"])
    vectors *= np.float32(10.0 ** rng.integers(-15, 16))
    prepared = prepare(vectors, "cosine")
    norms = np.linalg.norm(prepared.astype(np.float64), axis=1)
    zero = ~vectors.any(axis=1)
    assert zero.any()
    np.testing.assert_allclose(norms[~zero], 1, rtol=1e-6)
    assert (norms[zero] == 0).all()


def test_inner_product_brings_the_longest_vectors_nearest_the_middle() -> None:
    rng = np.random.default_rng(2)
    vectors = hazards.make_vectors(rng, 50, 20, [])
    vectors *= rng.lognormal(sigma=0.5, size=(50, 1)).astype(np.float32)
    points = prepare(vectors, "inner_product")
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(
        np.linalg.norm(points.astype(np.float64), axis=1), norms**-0.5, rtol=1e-6
    )
    cosines = (points * vectors).sum(axis=1) / np.sqrt(norms)
    np.testing.assert_allclose(cosines, 1, rtol=1e-5)


@pytest.mark.parametrize("length", [0.0, 1e-45, 1e-38, 1e-25, 1.0, 1e16])
def test_inner_product_scaling_never_overflows(length: float) -> None:
    vector = np.zeros((1, 8), dtype=np.float32)
    vector[0, 3] = length
    point = prepare(vector, "inner_product").astype(np.float64)
    assert np.isfinite(np.float32((point * point).sum()))


def test_a_zero_query_is_finite_under_every_metric() -> None:
    rng = np.random.default_rng(3)
    vectors = hazards.make_vectors(rng, 5, 12, [])
    query = np.zeros((1, 12), dtype=np.float32)
    for metric in hazards.METRICS:
        transform = hazards.make_transform(
            *(rng, vectors, metric, 15), center=True, rotate=True
        )
        assert np.isfinite(apply_transform(query, transform)).all()


@pytest.mark.parametrize("dim", [1, 3, 40])
@pytest.mark.parametrize("n", [1, 7, 8, 9, SUMMED_ROWS - 1, 2 * SUMMED_ROWS + 5])
def test_the_mean_adds_rows_in_the_order_of_the_lane_rule(n: int, dim: int) -> None:
    rng = np.random.default_rng(n)
    # Far from each other in size, so that any other order rounds differently.
    scales = 10.0 ** rng.integers(-3, 4, (n, 1))
    vectors = (scales * rng.standard_normal((n, dim))).astype(np.float32)
    prepared = prepare(vectors, "cosine").astype(np.float64)
    lanes = np.zeros((N_LANES, dim))
    for number, row in enumerate(prepared):
        lanes[number % N_LANES] += row
    expected = (fold_lanes(lanes) / n).astype(np.float32)
    for in_chunks in ((), (partial(map_chunks, threads=3),)):
        found = prepared_mean(vectors, "cosine", *in_chunks)
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("metric", hazards.METRICS)
def test_the_mean_of_no_rows_is_zero(metric: Metric) -> None:
    assert prepared_mean(np.zeros((0, 3), np.float32), metric).tolist() == 3 * [0.0]


def test_what_is_far_is_told_by_the_median_of_1024_rows_evenly_taken() -> None:
    # With a row more or less in the middle it would be 0, and the usual distance 4.
    rows = np.repeat(np.float32([[0], [2]]), 1024, axis=0)
    # From the middle, 1, at squared distances of 100 and a little more.
    rows[1], rows[3] = 11, 11.02
    assert np.flatnonzero(far_rows(rows, "euclidean")).tolist() == [3]


@pytest.mark.parametrize("lane", range(1, N_LANES))
def test_rows_stay_in_their_lane_from_one_block_to_the_next(lane: int) -> None:
    # Two that cancel, if in one lane, and one that is lost beside either.
    next_block = N_LANES * (SUMMED_ROWS // N_LANES + 1)
    rows = np.zeros((next_block + 2 * N_LANES, 1), dtype=np.float32)
    rows[0], rows[next_block] = 2.0**60, -(2.0**60)
    rows[next_block + N_LANES + lane] = len(rows)
    assert prepared_mean(rows, "euclidean").tolist() == [1.0]


@pytest.mark.parametrize("n", [9, 1300, SUMMED_ROWS + 3])
def test_the_mean_is_that_of_the_rows_that_are_not_far_away(n: int) -> None:
    rng = np.random.default_rng(n)
    vectors = rng.standard_normal((n, 5)).astype(np.float32)
    far = [0, n // 2, n - 1]
    vectors[far] = 1e6
    np.testing.assert_array_equal(np.flatnonzero(far_rows(vectors, "euclidean")), far)
    lanes = np.zeros((N_LANES, 5))
    for number, row in enumerate(np.delete(vectors, far, axis=0)):
        lanes[number % N_LANES] += row
    expected = fold_lanes(lanes) / (n - len(far))
    found = prepared_mean(vectors, "euclidean")
    # Rows left out keep their turn, so that the last bit may differ.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_rows_evenly_taken_are_first_and_last_and_between() -> None:
    assert evenly_taken(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly_taken(3, 4).tolist() == [0, 1, 2]
    assert evenly_taken(1, 4).tolist() == [0]


def test_a_prepared_middle_says_which_directions_are_far() -> None:
    # Under inner product rows are scaled before they are measured.
    vectors = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
    vectors[3] *= 1e-3
    far = np.flatnonzero(far_rows(vectors, "inner_product"))
    assert far.tolist() == [3]
