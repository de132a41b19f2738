"""Filtered walks: only rows that may answer, copies and zero rows too, at any share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.datasets import load_demo
from quiver.filters.walk import by_filter, stack_masks, walk_filtered
from quiver.search import encode_queries
from quiver.validation.arrays import as_queries

K = 10


@pytest.fixture(scope="module")
def demo() -> Any:
    return load_demo()


@pytest.fixture(scope="module")
def index(demo: Any) -> quiver.Index:
    if quiver.get_backend().name == "reference":
        pytest.skip("minutes with the reference, and the answer would be the same")
    return quiver.Index.build(demo.vectors)


@pytest.fixture(scope="module")
def true_order(demo: Any) -> np.ndarray:
    """Return all rows for each query, nearest first."""
    vectors, queries = demo.vectors.astype(np.float64), demo.queries.astype(np.float64)
    similarity = queries @ (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
    return np.argsort(-similarity, axis=1, kind="stable")


def regions(demo: Any, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the region of each row, and the similarity of queries to regions."""
    unit = demo.vectors.astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    rng = np.random.default_rng(1)
    centers = unit[rng.permutation(len(unit))[: round(1 / share)]]
    return (unit @ centers.T).argmax(1), demo.queries.astype(np.float32) @ centers.T


def draw(demo: Any, kind: str, share: float) -> list[np.ndarray]:
    """Return bools of rows for every query."""
    rng = np.random.default_rng(2)
    n, n_queries = len(demo.vectors), len(demo.queries)
    if kind == "random":
        marks = rng.random((4, n)) < share
        return [marks[number % 4] for number in range(n_queries)]
    region, nearness = regions(demo, share)
    wanted = {
        "own": nearness.argmax(1),
        "farthest": nearness.argmin(1),
        "any": rng.integers(0, nearness.shape[1], n_queries),
    }[kind]
    marks = region == np.arange(nearness.shape[1])[:, None]
    return [marks[one] for one in wanted]


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("kind", ["random", "own", "any", "farthest"])
def test_every_share_of_rows_near_or_far_is_found(
    demo: Any, true_order: np.ndarray, index: quiver.Index, kind: str, share: float
) -> None:
    filters = draw(demo, kind, share)
    found = index.search(demo.queries, k=K, filter=filters)
    n_true, n_found = 0, 0
    for row, order, marks in zip(found.ids, true_order, filters, strict=True):
        true = order[marks[order]][:K]
        given = row[row >= 0]
        assert marks[given].all()
        assert len(given) == min(K, np.count_nonzero(marks))
        n_true += len(true)
        n_found += np.isin(true, given).sum()
    assert n_found / n_true >= 0.95
    costs = found.stats.distance_computations
    assert costs.mean() <= 15_000
    assert np.quantile(costs, 0.99) <= 40_000


def test_a_filter_that_all_rows_pass_costs_a_plain_walk(
    demo: Any, index: quiver.Index
) -> None:
    plain = index.search(demo.queries, k=K)
    found = index.search(demo.queries, k=K, filter=np.ones(index.n, dtype=bool))
    np.testing.assert_array_equal(found.ids, plain.ids)
    np.testing.assert_array_equal(
        found.stats.distance_computations, plain.stats.distance_computations
    )


def spoiled_rows(n: int, dim: int) -> np.ndarray:
    """Return rows of which many are equal and some are zero."""
    vectors = normal_rows(n, dim, seed=1)
    vectors[50:90], vectors[95:100] = vectors[3], vectors[2]
    vectors[100:120] = 0
    return vectors


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
@pytest.mark.parametrize("share", [0.9, 0.4, 0.05, 0.0])
def test_copies_and_zero_rows_answer_where_they_may_and_only_there(
    metric: Any, share: float
) -> None:
    vectors = spoiled_rows(300, 8)
    params = quiver.BuildParams(max_degree=8, ef_construction=24)
    index = quiver.Index.build(vectors, metric=metric, params=params)
    queries = np.concatenate([normal_rows(5, 8, seed=9), vectors[[3, 2]]])
    ids, exact = quiver.exact_knn(vectors, queries, 300, metric=metric)
    rng = np.random.default_rng(7)
    marks = rng.random((len(queries), 300)) < share
    # A copy whose linked twin may not answer, of both kinds, and a zero row.
    marks[:, [2, 3, 100]], marks[:, [60, 61, 97, 111]] = False, True
    for n_rerank, k in ((64, 12), (5, 5)):
        found = index.search(queries, k=k, ef=64, n_rerank=n_rerank, filter=list(marks))
        for number, order in enumerate(ids):
            is_true = marks[number][order]
            true = exact[number][is_true][:k]
            given = found.ids[number][found.ids[number] >= 0]
            assert marks[number][given].all()
            assert len(given) == min(k, marks[number].sum()) == found.counts[number]
            if n_rerank == 64:
                assert given.tolist() == order[is_true][:k].tolist()
                np.testing.assert_array_equal(
                    found.distances[number][: len(true)], true
                )


def test_every_backend_gives_the_same_filtered_answers(backend: Any) -> None:
    points = normal_rows(400, 12)
    params = quiver.BuildParams(max_degree=8, ef_construction=16)
    reference = quiver.Index.build(points, params=params, backend="reference")
    index = quiver.Index(reference.state, backend)
    queries = normal_rows(6, 12, seed=4)
    rng = np.random.default_rng(3)
    filters = [rng.random(400) < share for share in (0, 0.02, 0.3, 0.95, 0.99, 1)]
    for ef in (3, 20):
        expected = reference.search(queries, k=3, ef=ef, filter=filters)
        found = index.search(queries, k=3, ef=ef, filter=filters, threads=2)
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.distances, expected.distances)
        for name in ("hops", "distance_computations", "reranked"):
            np.testing.assert_array_equal(
                getattr(found.stats, name), getattr(expected.stats, name)
            )


def test_a_walk_given_up_is_followed_by_a_scan_and_both_count() -> None:
    # Six hundred rows far off: a walk would see all others first.
    points = normal_rows(2000, 8)
    points[:600] += 30
    params = quiver.BuildParams(max_degree=8, ef_construction=16)
    index = quiver.Index.build(points, metric="euclidean", params=params)
    far = index.filter(np.arange(2000) < 600)
    assert not far.is_scanned(1)
    query, _ = as_queries(points[1500:1501] - 5, metric="euclidean", dim=8)
    coded = encode_queries(index.state, index.backend, query)
    beams = walk_filtered(index.state, index.backend, coded, 1, [far])
    graph = index.codes, index.neighbors, coded, index.state.entry_points
    given_up = index.backend.search(
        *graph, 1, allowed=stack_masks([far]), budget=np.array([200])
    )
    assert not given_up.complete[0]
    assert given_up.distance_computations[0] >= 200
    assert beams.distance_computations[0] == given_up.distance_computations[0] + 600
    assert beams.hops[0] == given_up.hops[0]
    scanned = index.backend.scan(index.codes, coded, far.nodes, 1)
    np.testing.assert_array_equal(beams.keys, scanned.keys)
    assert beams.complete.all()


def test_filters_are_taken_together_where_they_are_the_same(
    index: quiver.Index,
) -> None:
    one, other = index.filter([1]), index.filter([1])
    filters = [one, other, one, one]
    groups = [(f, n.tolist()) for f, n in by_filter(filters, np.array([0, 1, 3]))]
    assert groups == [(one, [0, 3]), (other, [1])]
    assert stack_masks([one, one]).shape == (1, 157)
    assert stack_masks(filters).shape == (4, 157)
