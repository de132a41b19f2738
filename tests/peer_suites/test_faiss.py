"""What faiss's own tests ask of a search, asked of quiver's.

Selectors, ranges and reconstruction: each docstring names the file of faiss's suite
that it follows. Distances there are squared.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import (
    answer_exactly,
    assert_exact,
    assert_same_answers,
    odd_rows,
    recall,
    truth,
    uniform_rows,
)
from as_faiss import DIM, QUERIES, ROWS, N, build
from small_index import bounded

import quiver
from quiver._typing import Metric
from quiver.backends import Backend
from quiver.conformance.hazards import METRICS
from quiver.errors import InvalidArgumentError

ALL = np.arange(N)
ONE, OTHER = (
    np.isin(ALL, np.random.default_rng(seed).choice(N, N // 3, replace=False))
    for seed in (123, 456)
)
SELECTORS: dict[str, tuple[Any, np.ndarray]] = {
    "batch": (np.flatnonzero(ONE), ONE),
    "array": (np.flatnonzero(ONE).tolist(), ONE),
    "bitmap": (ONE, ONE),
    "range": (range(30, 80), (ALL >= 30) & (ALL < 80)),
    "not": (~ONE, ~ONE),
    "and": (ONE & OTHER, ONE & OTHER),
    "or": (ONE | OTHER, ONE | OTHER),
    "xor": (ONE ^ OTHER, ONE ^ OTHER),
    "callback": (np.vectorize({3, 5, N, -7}.__contains__), np.isin(ALL, [3, 5])),
    "nothing": ([], np.zeros(N, dtype=bool)),
    "everything": (ALL, np.ones(N, dtype=bool)),
}


@pytest.mark.parametrize("name", SELECTORS)
@pytest.mark.parametrize("metric", METRICS)
def test_a_filter_answers_as_an_index_of_its_rows_alone(
    name: str, metric: Metric
) -> None:
    """test_search_params.py, TestSelector and TestSelectorCallback. Selectors of NumPy
    are joined by NumPy: there is a class for none."""
    given, marks = SELECTORS[name]
    index, alone = build(ROWS, metric), quiver.Index.create(DIM, metric)
    alone.add(ROWS[marks], np.flatnonzero(marks))
    expected = answer_exactly(alone, QUERIES, 10)
    assert_same_answers(answer_exactly(index, QUERIES, 10, given), expected)
    radius = np.median(expected.distances[:, 4]) if marks.sum() > 4 else 0.0
    how = {"radius": radius, "confidence": 10}
    found = index.search_radius(QUERIES, filter=given, **how)
    near = alone.search_radius(QUERIES, **how)
    np.testing.assert_array_equal(found.offsets, near.offsets)
    np.testing.assert_array_equal(found.ids, near.ids)
    np.testing.assert_array_equal(found.distances, near.distances)


@pytest.mark.parametrize("n", [50, 64, 77, 128, 150, 200])
def test_what_is_left_out_may_fill_whole_words_or_none(
    n: int, backend: Backend
) -> None:
    """test_fastscan_filter.py, at its k; a block there has 32 rows, a word here 64."""
    index = build(odd_rows(n, DIM), backend=backend)
    ids = np.arange(n)
    for left_out in (ids // 64 % 2 == 0, ids < 64, np.isin(ids, [5, 10, 20, 31, 63])):
        for k in (1, 10, 40):
            assert_exact(index, QUERIES[:5], k, ~left_out)
        found = index.search(QUERIES, k=10, filter=~left_out)
        assert not np.isin(found.ids, ids[left_out]).any()
    assert (index.search(QUERIES, k=40, filter=[]).ids == -1).all()


def test_filters_name_the_ids_given_and_not_rows() -> None:
    """test_search_params.py, test_idmap."""
    ids = np.random.default_rng(123).choice(10_000, size=N, replace=False)
    is_even = ids % 2 == 0
    index, alone = build(ROWS, ids=ids), build(ROWS[is_even], ids=ids[is_even])
    expected = answer_exactly(alone, QUERIES, 10)
    for even in (ids[is_even], is_even, lambda all_ids: all_ids % 2 == 0):
        assert_same_answers(answer_exactly(index, QUERIES, 10, even), expected)


@pytest.mark.parametrize("metric", METRICS)
def test_ids_out_of_bounds_are_passed_over(metric: Metric) -> None:
    """test_search_params.py, test_bounds."""
    index = build(ROWS, metric)
    assert (index.search(QUERIES, k=3, filter=[N + 15, -9]).ids == -1).all()
    found = index.search(QUERIES, k=3, filter=[N + 15, 7])
    assert (found.ids == [7, -1, -1]).all()


def test_a_radius_asked_with_no_filter_is_one_of_all_rows(backend: Backend) -> None:
    """test_search_params.py, test_idmap_range_empty_params."""
    how = {"ids": [10, 20, 30], "backend": backend}
    index = build(np.array([[0.0, 0], [1, 0], [0, 2]]), **how)
    for everything in (None, [10, 20, 30]):
        found = index.search_radius([0.0, 0.0], np.sqrt(5), filter=everything)
        assert found.ids.tolist() == [10, 20, 30]
        assert found.distances.tolist() == [0, 1, 2]


def test_a_filter_loses_nothing_that_a_plain_search_of_its_effort_finds() -> None:
    """test_search_params.py, do_test_id_selector_weak, of a graph."""
    index = build(ROWS)
    plain = index.search(QUERIES, k=10)
    found = index.search(QUERIES, k=10, filter=ONE)
    for number in range(len(QUERIES)):
        kept = plain.distances[number, ONE[plain.ids[number]]]
        assert (found.distances[number, : len(kept)] <= kept).all()


def test_the_effort_of_one_search_is_its_own() -> None:
    """test_search_params.py, test_efSearch: nothing is set on an index."""
    index = build(ROWS)
    before = index.search(QUERIES, k=10)
    narrow, wide = (index.search(QUERIES, k=10, ef=ef) for ef in (10, 400))
    cost = [found.stats.distance_computations.sum() for found in (narrow, before, wide)]
    assert cost[0] < cost[1] <= cost[2]
    assert recall(index, QUERIES, 10, ef=10) <= recall(index, QUERIES, 10, ef=400)
    assert_same_answers(index.search(QUERIES, k=10), before)


@pytest.mark.parametrize("metric", METRICS)
def test_ranges_are_those_of_a_table(metric: Metric) -> None:
    """test_index.py, TestIndexFlat and TestRangeSearch, at an effort that looks at all
    rows. One at the radius is in."""
    index = build(ROWS, metric)
    ids, distances = truth(index, QUERIES, N)
    radius = np.sort(distances[:, 9])[len(QUERIES) // 2]
    found = index.search_radius(QUERIES, radius, confidence=10, ef=N)
    for number, (near, measured) in enumerate(found):
        within = distances[number] <= radius
        assert near.tolist() == ids[number][within].tolist()
        np.testing.assert_array_equal(measured, distances[number][within])
    assert found.distances.max() == radius


@pytest.mark.parametrize("metric", METRICS)
def test_no_query_has_no_answer(metric: Metric) -> None:
    """test_index.py, test_empty_query_batch."""
    index = build(ROWS, metric)
    none = np.empty((0, DIM), dtype=np.float32)
    ids, distances = index.search(none, k=10)
    assert ids.shape == distances.shape == (0, 10)
    assert index.search_radius(none, 1.0).offsets.tolist() == [0]


@pytest.mark.parametrize("threads", [2, 4, 8])
def test_threads_change_no_answer(threads: int) -> None:
    """test_index.py, test_thread_scaling."""
    index, queries = build(ROWS), uniform_rows(bounded(600), DIM, seed=2)
    expected = index.search(queries, k=10, threads=1)
    assert_same_answers(index.search(queries, k=10, threads=threads), expected)


def test_answers_are_looked_up_in_their_shape() -> None:
    """test_index.py, TestSearchAndReconstruct: here in two calls, and to the bit."""
    index = build(ROWS)
    found = index.search(QUERIES, k=10)
    vectors = index.get(found.ids)
    assert vectors.shape == (len(QUERIES), 10, DIM)
    np.testing.assert_array_equal(vectors, ROWS[found.ids])
    too_many = index.search(QUERIES[0], k=N + 1)
    with pytest.raises(InvalidArgumentError, match="got -1, the mark of a place left"):
        index.get(too_many.ids)
    assert index.get(too_many.ids[: too_many.counts]).shape == (N, DIM)


@pytest.mark.parametrize("wrong", [{"k": -10}, {"k": 0}, {"k": 5, "ef": 4}])
def test_efforts_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    """test_index.py, TestValidIndexParams."""
    with pytest.raises(InvalidArgumentError):
        build(ROWS).search(QUERIES, **wrong)


@pytest.mark.parametrize("metric", METRICS)
def test_an_index_of_zeros_answers_with_all_of_them(metric: Metric) -> None:
    """test_index.py, TestLargeRangeSearch."""
    n = bounded(100_000)
    index = build(np.zeros((n, DIM), dtype=np.float32), metric)
    found = index.search_radius(np.zeros((4, DIM)), 1.0)
    assert found.counts.tolist() == [n] * 4
    assert found.ids.tolist() == list(range(n)) * 4


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_no_distance_is_below_zero(metric: Metric) -> None:
    """test_index.py, TestDistancesPositive."""
    rows = odd_rows(bounded(5000), 128)
    assert (build(rows, metric).search(rows, k=10).distances >= 0).all()


@pytest.mark.parametrize("metric", METRICS)
def test_the_nearest_is_found_and_found_again_from_a_file_and_a_copy(
    metric: Metric, tmp_path: Path
) -> None:
    """test_graph_based.py: 46 of 50 there, 47 by inner product."""
    queries = uniform_rows(bounded(500), DIM, seed=1)
    index = build(ROWS, metric)
    assert recall(index, queries, 1) >= 0.99
    expected = index.search(queries, k=1)
    assert (expected.stats.distance_computations > 64).all() or N < 1000
    path = tmp_path / "graph.quiver"
    index.save(path)
    quiver.open(path).save(path)
    pickled = pickle.loads(pickle.dumps(index))
    for other in (quiver.open(path), index.snapshot(), pickled):
        assert_same_answers(other.search(queries, k=1), expected)


@pytest.mark.parametrize("metric", METRICS)
def test_a_range_holds_no_false_row_and_misses_few(metric: Metric) -> None:
    """test_graph_based.py, test_range_search, where a tenth may be missed."""
    queries = uniform_rows(bounded(500), DIM, seed=1)
    index = build(ROWS, metric)
    ids, distances = truth(index, queries, N)
    radius = float(np.median(distances[:, 9]))
    within = [row[near <= radius] for row, near in zip(ids, distances, strict=True)]
    found = index.search_radius(queries, radius)
    for (near, _), expected in zip(found, within, strict=True):
        assert np.isin(near, expected).all()
    assert found.counts.sum() >= 0.95 * sum(map(len, within))


def test_a_range_answers_by_the_ids_given(backend: Backend) -> None:
    """test_index_composite.py, test_range_search_id_map."""
    rows = np.zeros((10, 5))
    rows[:, 0] = np.arange(1000, 1010)
    index = build(rows, ids=np.arange(100, 110), backend=backend)
    assert index.search_radius(rows[0], 2.97**0.5).ids.tolist() == [100, 101]
