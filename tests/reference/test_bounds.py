"""Bounds on exact distances, told from codes: by hand, true, and of every metric."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

from quiver._typing import Bits, Metric
from quiver.conformance import hazards
from quiver.encoding import fit
from quiver.params import Encoding
from quiver.reference import distance, encode, quantize
from quiver.reference.bounds import CODE_ERROR, MEAN_SQUARE, SIGMAS, lower_bounds
from quiver.reference.codes import Codes, Queries
from quiver.reference.keys import NO_KEY, make_keys
from quiver.reference.lanes import lane_sum
from quiver.reference.rerank import exact_distance
from quiver.reference.transform import query_transform


def bounds_and_distances(
    vectors: np.ndarray, queries: np.ndarray, metric: Metric, bits: Bits
) -> tuple[np.ndarray, np.ndarray]:
    """Return a bound and the exact distance of every pair."""
    # An index codes its rows for inner product as they are, less their mean.
    scaling = "euclidean" if metric == "inner_product" else metric
    transform = fit(vectors, scaling, Encoding(bits=bits), seed=0)
    codes = encode(vectors, transform, bits, "corrected")
    if metric == "inner_product":
        codes.corrections[:, 1] = 0
    coded = quantize(queries, query_transform(transform, metric), bits)
    rows = np.broadcast_to(np.arange(len(vectors)), (len(queries), len(vectors)))
    keys = make_keys(distance(codes, coded), rows)
    shifts = lane_sum(queries.astype(np.float64) * transform.mean)
    exact = [exact_distance(vectors, query, metric) for query in queries]
    return lower_bounds(codes, coded, keys, metric, shifts), np.stack(exact)


@pytest.mark.parametrize("metric", hazards.METRICS)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_bounds_of_rotated_rows_hold_and_are_near(metric: Metric, bits: Bits) -> None:
    rows = normal_rows(420, 48, seed=bits) + np.float32(0.5)
    bounds, distances = bounds_and_distances(rows[:400], rows[400:], metric, bits)
    # Four standard errors of 8 000 estimates.
    assert np.mean(bounds > distances) < 5e-4
    # Near enough to tell rows apart: they follow the distances.
    assert np.corrcoef(bounds.ravel(), distances.ravel())[0, 1] > {2: 0.9}.get(
        bits, 0.99
    )


def test_a_bound_by_hand() -> None:
    # One row of scale 0.1 at the squared estimate 9, asked by a query of norm 2.
    codes = Codes(np.zeros((1, 64), dtype=np.uint8), 224, 2, "corrected")
    codes.corrections[:] = [[0.1, 4]]
    coded = Queries(np.zeros((1, 4, 64), np.int8), np.array([[0.01, 4]], np.float32))
    keys = make_keys(np.array([[9]], np.float32), np.zeros((1, 1), np.uint32))
    error = np.sqrt(4 * CODE_ERROR[2] ** 2 + 0.01**2 / 12 * 224 * MEAN_SQUARE[2])
    squared = 9 - SIGMAS * 2 * 0.1 * error
    found = {
        metric: float(lower_bounds(codes, coded, keys, metric, np.array([0.5]))[0, 0])
        for metric in hazards.METRICS
    }
    assert found["cosine"] == pytest.approx(squared / 2, rel=1e-4)
    assert found["euclidean"] == pytest.approx(np.sqrt(squared), rel=1e-4)
    assert found["inner_product"] == pytest.approx((squared - 4) / 2 - 0.5, rel=1e-4)


@pytest.mark.parametrize("metric", hazards.METRICS)
@pytest.mark.parametrize("hazard", sorted(hazards.HAZARDS))
def test_no_hazard_makes_a_bound_warn_or_lie_by_much(
    metric: Metric, hazard: str
) -> None:
    vectors = hazards.make_vectors(np.random.default_rng(1), 60, 40, [hazard])
    bounds, distances = bounds_and_distances(vectors, vectors[:20], metric, 2)
    assert not np.isnan(bounds).any()
    assert np.mean(bounds > distances) <= 0.01


def test_a_query_at_the_centre_bounds_by_rounding_alone() -> None:
    rows = normal_rows(100, 40)
    rows = np.concatenate([rows, -rows])
    centre = np.zeros((1, 40), dtype=np.float32)
    bounds, distances = bounds_and_distances(rows, centre, "euclidean", 2)
    assert (bounds <= distances).all()
    np.testing.assert_allclose(bounds, distances, rtol=1e-4)


def test_places_left_empty_need_no_row() -> None:
    codes = Codes(np.zeros((1, 64), dtype=np.uint8), 224, 2, "corrected")
    coded = Queries(np.zeros((2, 4, 64), np.int8), np.ones((2, 2), np.float32))
    keys = np.full((2, 3), NO_KEY)
    assert lower_bounds(codes, coded, keys, "cosine", np.zeros(2)).shape == (2, 3)
