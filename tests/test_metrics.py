"""Exact neighbours against scipy and brute force; recall with its ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from strategies import hazard_lists, metrics, rngs

import quiver
from quiver import hazards
from quiver._typing import Metric
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.reference import rerank


def every_row(n_queries: int, n: int) -> np.ndarray:
    return np.tile(np.arange(n, dtype=np.uint32), (n_queries, 1))


@pytest.mark.parametrize("metric", hazards.METRICS)
def test_exact_neighbours_are_those_of_scipy(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    vectors = hazards.make_vectors(rng, 500, 24, [])
    queries = hazards.make_vectors(rng, 7, 24, [])
    ids, distances = quiver.exact_knn(vectors, queries, 9, metric=metric)
    wide, asked = vectors.astype(np.float64), queries.astype(np.float64)
    table = -asked @ wide.T if metric == "inner_product" else cdist(asked, wide, metric)
    np.testing.assert_array_equal(ids, np.argsort(table, axis=1)[:, :9])
    expected = np.sort(table, axis=1)[:, :9]
    np.testing.assert_allclose(distances, expected, rtol=1e-6, atol=1e-7)
    assert (ids.dtype, distances.dtype) == (np.int64, np.float32)


@given(
    rng=rngs,
    names=hazard_lists,
    metric=metrics,
    n=st.integers(1, 60),
    dim=st.sampled_from([1, 2, 9, 65]),
    share=st.floats(0, 1),
)
def test_the_screen_never_loses_a_neighbour(
    rng: np.random.Generator,
    names: list[str],
    metric: Metric,
    n: int,
    dim: int,
    share: float,
) -> None:
    vectors = np.clip(hazards.make_vectors(rng, n, dim, names), -1e15, 1e15)
    queries = np.clip(hazards.make_vectors(rng, 3, dim, names), -1e15, 1e15)
    k = max(1, round(share * n))
    expected = rerank(vectors, queries, every_row(3, n), k, metric)
    ids, distances = quiver.exact_knn(vectors, queries, k, metric=metric)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(distances, expected[1])


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_products_lost_to_underflow_lose_no_neighbour(metric: Metric) -> None:
    # At 3e-23 a product of two coordinates is about the smallest float32.
    rng = np.random.default_rng(0)
    vectors = hazards.make_vectors(rng, 60, 65, []) * np.float32(3e-23)
    expected, _ = rerank(vectors, vectors[:2], every_row(2, 60), 3, metric)
    ids, _ = quiver.exact_knn(vectors, vectors[:2], 3, metric=metric)
    np.testing.assert_array_equal(ids, expected)


def test_equal_distances_are_ordered_by_row() -> None:
    vectors = np.ones((50, 4), dtype=np.float32)
    ids, _ = quiver.exact_knn(vectors, vectors[:2], 6, metric="euclidean")
    assert ids.tolist() == [[0, 1, 2, 3, 4, 5]] * 2


def test_no_queries_give_no_rows() -> None:
    vectors = np.ones((5, 4), dtype=np.float32)
    ids, distances = quiver.exact_knn(vectors, vectors[:0], 3)
    assert ids.shape == distances.shape == (0, 3)


@pytest.mark.parametrize("k", [0, 6, -1])
def test_k_must_be_a_number_of_rows(k: int) -> None:
    with pytest.raises(InvalidArgumentError, match="k must be in 1 … 5"):
        quiver.exact_knn(np.ones((5, 4)), np.ones((1, 4)), k)


def test_wrong_arguments_of_exact_knn_are_typed_errors() -> None:
    ones = np.ones((5, 4))
    with pytest.raises(InvalidArgumentError, match="metric must be one of"):
        quiver.exact_knn(ones, ones, 1, metric="hamming")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="queries must have 4 columns"):
        quiver.exact_knn(ones, np.ones((1, 3)), 1)
    with pytest.raises(InvalidTypeError, match="vectors must have a real"):
        quiver.exact_knn(ones.astype(complex), ones, 1)


def test_recall_counts_hits_among_the_first_k() -> None:
    true = np.float32([[1, 2, 3], [1, 2, 3]])
    found = np.float32([[1, 3, 4], [2, 3, np.inf]])
    assert quiver.recall_at_k(found, true) == 4 / 6
    assert quiver.recall_at_k(found, true, k=1) == 1 / 2
    assert quiver.recall_at_k(found, true, k=2) == 2 / 4


def test_recall_counts_ties_as_hits() -> None:
    # Four rows share the second place: any of them is as good as the one listed.
    true = np.float32([[1, 2]])
    assert quiver.recall_at_k(np.float32([[2, 2]]), true) == 1.0


def test_recall_counts_no_absent_answer() -> None:
    true = np.float32([[1, np.inf]])
    assert quiver.recall_at_k(np.float32([[1, np.inf]]), true) == 0.5


@pytest.mark.parametrize(
    ("found", "true"),
    [((2, 3), (1, 3)), ((3,), (3,)), ((0, 3), (0, 3)), ((2, 3), (2, 3, 1))],
)
def test_recall_refuses_shapes_that_do_not_match(
    found: tuple[int, ...], true: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidArgumentError, match="found and true must be"):
        quiver.recall_at_k(np.zeros(found, np.float32), np.zeros(true, np.float32))


def test_recall_refuses_fewer_answers_than_k() -> None:
    # Silently averaging over the columns there are would flatter the index.
    true = np.zeros((2, 3), np.float32)
    with pytest.raises(InvalidArgumentError, match="at least k columns"):
        quiver.recall_at_k(true[:, :2], true)
