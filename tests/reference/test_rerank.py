"""The reference's exact order against scipy, and its sums against a loop."""

from __future__ import annotations

import math
from functools import reduce
from operator import add

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from strategies import Case, cases

from quiver._typing import Metric
from quiver.conformance import hazards
from quiver.reference import rerank
from quiver.reference.keys import NO_ID
from quiver.reference.lanes import lane_sum
from quiver.reference.rerank import Ranking


@given(terms=st.lists(st.floats(-1e6, 1e6), max_size=40))
def test_lane_sums_follow_the_loop(terms: list[float]) -> None:
    found = lane_sum(np.array(terms, dtype=np.float64))
    assert found == naive.lane_sum(terms)
    assert math.isclose(found, math.fsum(terms), rel_tol=1e-12, abs_tol=1e-6)


def test_a_worked_lane_sum_needs_the_stated_order() -> None:
    # 2**53 swallows a single 1.0. Lanes 0 and 4 meet first and cancel, so that the
    # 1.0 of lane 1 survives; from left to right it would be lost.
    terms = np.array([2.0**53, 1.0, 0, 0, -(2.0**53), 0, 0, 0])
    assert lane_sum(terms) == 1.0
    # Not `sum`, which compensates for rounding since Python 3.12.
    assert reduce(add, terms.tolist()) == 0.0


def every_id(n_queries: int, n: int) -> np.ndarray:
    return np.tile(np.arange(n, dtype=np.uint32), (n_queries, 1))


def scipy_distances(
    vectors: np.ndarray, queries: np.ndarray, metric: Metric
) -> np.ndarray:
    wide, asked = vectors.astype(np.float64), queries.astype(np.float64)
    return -asked @ wide.T if metric == "inner_product" else cdist(asked, wide, metric)


@pytest.mark.parametrize("metric", hazards.METRICS)
@pytest.mark.parametrize("dim", [1, 2, 9, 65, 384])
def test_order_and_distances_are_those_of_scipy(metric: Metric, dim: int) -> None:
    rng = np.random.default_rng(dim)
    vectors = hazards.make_vectors(rng, 60, dim, [])
    queries = hazards.make_vectors(rng, 4, dim, [])
    ids, distances, _ = rerank(vectors, queries, every_id(4, 60), 60, metric)
    expected = scipy_distances(vectors, queries, metric)
    by_scipy = np.take_along_axis(expected, ids.astype(np.int64), axis=1)
    np.testing.assert_allclose(distances, by_scipy, rtol=1e-6, atol=1e-7)
    # Every id once, and never a step down beyond what float32 cannot tell apart.
    assert (np.sort(ids, axis=1) == np.arange(60)).all()
    assert (np.diff(by_scipy, axis=1) >= -1e-6).all()


@given(case=cases(min_n=1), k=st.integers(1, 15))
def test_answers_follow_the_definition_number_by_number(case: Case, k: int) -> None:
    n, metric = len(case.vectors), case.transform.scaling
    candidates = every_id(len(case.queries), n)
    ids, distances, _ = rerank(case.vectors, case.queries, candidates, k, metric)
    rows = case.vectors.tolist()
    for number, query in enumerate(case.queries.tolist()):
        best = sorted(
            (naive.exact_distance(x, query, metric), i) for i, x in enumerate(rows)
        )[:k]
        fill = k - len(best)
        assert ids[number].tolist() == [i for _, i in best] + [int(NO_ID)] * fill
        assert distances[number].tolist() == [d for d, _ in best] + [math.inf] * fill


def test_equal_vectors_come_in_the_order_of_their_ids() -> None:
    vectors = np.ones((6, 3), dtype=np.float32)
    candidates = np.array([[4, 1, 5, 0]], dtype=np.uint32)
    for metric in hazards.METRICS:
        ids, _, _ = rerank(vectors, vectors[:1], candidates, 3, metric)
        assert ids.tolist() == [[0, 1, 4]]


def test_a_zero_vector_is_at_cosine_distance_one() -> None:
    vectors = np.array([[0, 0], [1, 0], [-1, 0]], dtype=np.float32)
    ids, distances, _ = rerank(vectors, vectors[1:2], every_id(1, 3), 3, "cosine")
    assert ids.tolist() == [[1, 0, 2]]
    assert distances.tolist() == [[0, 1, 2]]
    _, from_zero, _ = rerank(vectors, vectors[:1], every_id(1, 3), 3, "cosine")
    assert from_zero.tolist() == [[1, 1, 1]]


def test_cosine_is_never_negative_and_no_distance_is_minus_zero() -> None:
    rng = np.random.default_rng(0)
    vectors = hazards.make_vectors(rng, 300, 7, ["zero_row"])
    for metric in hazards.METRICS:
        _, distances, _ = rerank(vectors, vectors[:20], every_id(20, 300), 5, metric)
        assert not np.signbit(distances[distances == 0]).any()
    _, to_itself, _ = rerank(vectors, vectors, np.arange(300)[:, None], 1, "cosine")
    assert (to_itself >= 0).all()


def test_norms_decide_the_inner_product_but_not_the_cosine() -> None:
    vectors = np.array([[1, 0], [10, 1]], dtype=np.float32)
    query = np.array([[1, 0]], dtype=np.float32)
    ids, distances, _ = rerank(vectors, query, every_id(1, 2), 2, "inner_product")
    assert ids.tolist() == [[1, 0]]
    assert distances.tolist() == [[-10, -1]]
    ids, _, _ = rerank(vectors, query, every_id(1, 2), 2, "cosine")
    assert ids.tolist() == [[0, 1]]


def line_of_points() -> tuple[np.ndarray, np.ndarray]:
    """Return rows at the distances 0 … 5 of one query."""
    return np.arange(6, dtype=np.float32)[:, None], np.zeros((1, 1), dtype=np.float32)


@pytest.mark.parametrize(
    ("order", "bounds", "k", "found", "n_read"),
    [
        # Once 0 and 1 are held, only what may be at 1 or nearer is read.
        ([0, 1, 2, 3], [0, 0, 2, 3], 2, [0, 1], 2),
        # A bound equal to the last distance may be a tie that wins by its number.
        ([0, 2, 1, 3], [0, 0, 2, 3], 2, [0, 1], 3),
        ([0, 1, 2, 3], [0, 0, 1, 3], 2, [0, 1], 3),
        # Not sorted by bound: what is passed over stops nothing behind it.
        ([5, 4, 3, 0], [0, 0, 9, 0], 2, [0, 4], 3),
        # Fewer than k are held: everything is read, whatever its bound.
        ([3, 2], [np.inf, np.inf], 3, [2, 3, NO_ID], 2),
        ([3, NO_ID, 2, NO_ID, 0], [0, 9, 0, 0, 9], 2, [2, 3], 2),
        ([5, 0, 1, 2], [-np.inf] * 4, 1, [0], 4),
        ([NO_ID, NO_ID], [0, 0], 1, [NO_ID], 0),
        ([], [], 1, [NO_ID], 0),
    ],
)
def test_what_cannot_matter_is_neither_read_nor_counted(
    order: list[int], bounds: list[float], k: int, found: list[int], n_read: int
) -> None:
    rows, query = line_of_points()
    candidates = np.array([order], dtype=np.uint32)
    least = np.array([bounds], dtype=np.float32)
    ids, distances, reranked = rerank(rows, query, candidates, k, "euclidean", least)
    assert ids.tolist() == [found]
    assert np.isinf(distances).tolist() == [[row == NO_ID for row in found]]
    assert reranked.tolist() == [n_read]


@given(case=cases(min_n=1), k=st.integers(1, 15), slack=st.sampled_from([0, 1e-3, 1]))
def test_true_bounds_lose_nothing(case: Case, k: int, slack: float) -> None:
    metric, n = case.transform.scaling, len(case.vectors)
    asked = case.vectors, case.queries
    every = every_id(len(case.queries), n)
    ids, distances, _ = rerank(*asked, every, n, metric)
    # At most the distance, and often exactly that.
    bounds = distances - np.float32(slack) * case.rng.integers(0, 2, distances.shape)
    order = case.rng.permutation(n)
    ids, bounds = ids[:, order], bounds[:, order].astype(np.float32)
    bounded = rerank(*asked, ids, k, metric, bounds)
    plain = rerank(*asked, ids, k, metric)
    np.testing.assert_array_equal(bounded.ids, plain.ids)
    np.testing.assert_array_equal(bounded.distances, plain.distances)
    assert (bounded.reranked <= plain.reranked).all()
    assert (plain.reranked == n).all()


def test_room_for_a_ranking_has_its_shapes_and_types() -> None:
    ids, distances, reranked = Ranking.empty(2, 5)
    assert (ids.shape, distances.shape, reranked.shape) == ((2, 5), (2, 5), (2,))
    assert ids.dtype == np.uint32
    assert distances.dtype == np.float32
    assert reranked.dtype == np.int64
