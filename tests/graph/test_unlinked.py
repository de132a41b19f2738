"""Unlinked rows: left out of the graph, and found at the distance of their twin."""

from __future__ import annotations

import numpy as np
import pytest
from plain_graph import assert_sound, edge_lists
from rows import normal_rows

import quiver
from quiver._typing import Metric, Vectors
from quiver.conformance.hazards import METRICS
from quiver.graph.unlinked import unlinked_rows
from quiver.reference.keys import NO_ID

PARAMS = quiver.BuildParams(max_degree=8, ef_construction=24)


def with_copies(n: int = 300) -> Vectors:
    """Return rows of which some are equal and three are zero, in a random order."""
    rows = normal_rows(n, 24)
    copies = np.repeat(rows[:20], np.arange(20), axis=0)
    every = np.concatenate([rows, copies, np.zeros((3, 24), np.float32)])
    return np.random.default_rng(4).permutation(every)


@pytest.mark.parametrize("metric", METRICS)
def test_every_row_but_the_first_of_equal_ones_is_unlinked(metric: Metric) -> None:
    vectors = with_copies()
    expected, first = [], {}
    for row, vector in enumerate(vectors.tolist()):
        if metric == "cosine" and not any(vector):
            expected.append((NO_ID, row))
        elif tuple(vector) in first:
            expected.append((first[tuple(vector)], row))
        else:
            first[tuple(vector)] = row
    assert [tuple(pair) for pair in unlinked_rows(vectors, metric)] == sorted(expected)


def test_a_negative_zero_equals_a_positive_one() -> None:
    vectors = np.array([[0.0, 1], [-0.0, 1], [1, 0.0]], dtype=np.float32)
    assert unlinked_rows(vectors, "euclidean").tolist() == [[0, 1]]


def test_where_all_rows_are_zero_one_is_linked() -> None:
    vectors = np.zeros((5, 3), dtype=np.float32)
    assert unlinked_rows(vectors, "cosine").tolist() == [[0, n] for n in range(1, 5)]
    found = quiver.Index.build(vectors).search(np.ones(3), k=5)
    assert found.ids.tolist() == [0, 1, 2, 3, 4]
    assert found.distances.tolist() == [1.0] * 5


@pytest.mark.parametrize("metric", METRICS)
def test_unlinked_rows_have_no_edge_and_are_no_one_s_neighbor(metric: Metric) -> None:
    index = quiver.Index.build(with_copies(), metric=metric, params=PARAMS)
    unlinked = index.state.unlinked[:, 1]
    assert len(unlinked) == sum(range(20)) + (3 if metric == "cosine" else 2)
    assert_sound(index.neighbors, index.entry_point, unlinked)
    targets = {target for edges in edge_lists(index.neighbors) for target in edges}
    assert not targets & set(unlinked.tolist())
    assert not set(index.state.entry_points.tolist()) & set(unlinked.tolist())


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 7, 30])
def test_answers_hold_every_copy_at_the_distance_of_its_twin(
    metric: Metric, k: int
) -> None:
    vectors = with_copies()
    index = quiver.Index.build(vectors, metric=metric, params=PARAMS)
    queries = np.concatenate([vectors[::9], normal_rows(20, 24, seed=7)])
    # A beam of everything is exact, so copies must be where a scan finds them.
    found = index.search(queries, k=k, ef=index.n, n_rerank=index.n)
    ids, distances = quiver.exact_knn(vectors, queries, k, metric=metric)
    np.testing.assert_array_equal(found.distances, distances)
    np.testing.assert_array_equal(found.ids, ids)
    assert found.counts.tolist() == [k] * len(queries)


@pytest.mark.parametrize("metric", METRICS)
def test_whatever_the_beam_answers_are_sorted_by_distance_and_row(
    metric: Metric,
) -> None:
    vectors = with_copies()
    index = quiver.Index.build(vectors, metric=metric, params=PARAMS)
    found = index.search(vectors, k=25, ef=25)
    for ids, distances in zip(
        found.ids.tolist(), found.distances.tolist(), strict=True
    ):
        pairs = list(zip(distances, ids, strict=True))
        assert pairs == sorted(pairs)
        assert len(set(ids)) == 25, "no row comes twice"
    assert (found.counts == 25).all()


def test_copies_cost_no_distance_and_no_rerank() -> None:
    vectors = normal_rows(300, 24)
    more = np.concatenate([vectors, np.repeat(vectors[:1], 200, axis=0)])
    how = {"metric": "euclidean", "params": PARAMS, "encoding": quiver.Encoding()}
    found = quiver.Index.build(more, **how).search(vectors[0], k=201, ef=300)
    assert found.ids.tolist() == [0, *range(300, 500)]
    assert (found.distances == 0).all()
    assert int(found.stats.reranked) <= 300
    assert int(found.stats.distance_computations) <= 300


def test_more_answers_than_rows_count_each_row_once() -> None:
    vectors = np.repeat(normal_rows(3, 24), 2, axis=0)
    found = quiver.Index.build(vectors).search(vectors[0], k=9)
    assert sorted(found.ids[:6].tolist()) == list(range(6))
    assert found.ids[6:].tolist() == [-1] * 3
    assert int(found.counts) == 6


@pytest.mark.parametrize("metric", METRICS)
def test_check_is_content_and_repair_makes_the_same_again(metric: Metric) -> None:
    vectors, ids = with_copies(), 7 * np.arange(493)[::-1]
    index = quiver.Index.build(vectors, metric=metric, ids=ids, params=PARAMS)
    report = index.check(full=True)
    assert report.ok, str(report)
    n_unlinked = len(index.state.unlinked)
    assert f"{n_unlinked} copies or zero vectors need no walk" in str(report)
    before = index.state
    answers = index.search(vectors[:30], k=12)
    index.repair()
    assert index.check(full=True).ok
    np.testing.assert_array_equal(index.state.unlinked, before.unlinked)
    np.testing.assert_array_equal(index.neighbors, before.neighbors)
    again = index.search(vectors[:30], k=12)
    np.testing.assert_array_equal(again.ids, answers.ids)
    np.testing.assert_array_equal(again.distances, answers.distances)
