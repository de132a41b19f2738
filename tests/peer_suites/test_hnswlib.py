"""What hnswlib's own tests ask of an index, asked of quiver's.

Each docstring names the file of hnswlib's suite that it follows: those that begin with
``bindings_test`` are of its Python binding, those that end with ``.cpp`` of the header.
"""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from agreement import (
    answer_exactly,
    assert_exact,
    assert_same_answers,
    odd_rows,
    recall,
    share_found,
    truth,
    uniform_rows,
)
from small_index import assert_same_index, bounded

import quiver
from quiver._typing import Metric, Vectors
from quiver.backends import Backend
from quiver.conformance.hazards import METRICS
from quiver.errors import InvalidArgumentError

DIM = 16
HALF = bounded(3000)
# 16 links are 32 at the bottom level of hnswlib.
SHAPE = quiver.BuildParams(max_degree=32, ef_construction=100)


@pytest.fixture(params=[uniform_rows, odd_rows], ids=["uniform", "odd"])
def rows(request: pytest.FixtureRequest) -> Vectors:
    """Return four batches of rows, each of ``HALF``."""
    return request.param(4 * HALF, DIM)


def build(vectors: Vectors, metric: Metric = "euclidean") -> quiver.Index:
    return quiver.Index.build(vectors, metric=metric, params=SHAPE)


def test_rows_find_themselves_after_a_file_and_a_second_half(
    rows: Vectors, tmp_path: Path
) -> None:
    """bindings_test.py, at its narrow beam of 10."""
    first, both = rows[:HALF], rows[: 2 * HALF]
    index = build(first)
    assert share_found(index, first, ef=10) >= 0.9995
    index.save(tmp_path / "half.quiver")
    index = quiver.open(tmp_path / "half.quiver")
    index.add(both[HALF:])
    assert share_found(index, both, ef=10) >= 0.9995


@pytest.mark.parametrize("metric", METRICS)
def test_an_index_too_small_for_a_graph_answers_as_a_table_does(metric: Metric) -> None:
    """bindings_test_bf_index.py. There is no class for it: below 1 000 rows an index
    that was created looks at every one, at any beam."""
    index = quiver.Index.create(DIM, metric)
    index.add(odd_rows(900, DIM))
    assert not index.state.has_graph
    queries = uniform_rows(200, DIM, seed=1)
    assert_same_answers(index.search(queries, k=20), answer_exactly(index, queries, 20))
    assert_exact(index, queries, 20)


@pytest.mark.parametrize("metric", METRICS)
def test_a_beam_of_everything_answers_as_a_table_does(metric: Metric) -> None:
    """bindings_test_bf_index.py, with a graph."""
    index = build(odd_rows(bounded(5000), DIM), metric)
    assert_exact(index, uniform_rows(50, DIM, seed=1), 20)


def test_of_the_even_ids_each_finds_itself_and_no_odd_one_answers(
    rows: Vectors,
) -> None:
    """bindings_test_filter.py. The function is asked once, for all ids."""
    rows = rows[: 2 * HALF]
    index = build(rows)
    found = index.search(rows, k=1, ef=10, filter=lambda ids: ids % 2 == 0)
    assert (found.ids % 2 == 0).all()
    is_itself = (index.get(found.ids[:, 0]) == rows).all(axis=1)
    assert is_itself[::2].mean() >= 0.9995
    assert_exact(index, rows[:50], 1, index.ids % 2 == 0)


@pytest.mark.parametrize(
    ("first_id", "is_allowed"),
    [
        (17, lambda ids: ids % 3 == 0),
        (17, lambda ids: ids % 7 == 0),
        (17, lambda ids: np.zeros(len(ids), dtype=bool)),
        (21, lambda ids: np.isin(ids, [26, 39, 52, 65])),
    ],
    ids=["thirds", "sevenths", "nothing", "four"],
)
def test_filters_speak_of_ids_and_fewer_than_k_are_marked(
    first_id: int, is_allowed: object, backend: Backend
) -> None:
    """searchKnnWithFilter_test.cpp. Too few are no error: -1 at +inf, and counts."""
    ids = np.arange(first_id, first_id + 100)
    index = quiver.Index.build(
        uniform_rows(100, 4), metric="euclidean", ids=ids, backend=backend
    )
    queries = uniform_rows(10, 4, seed=1)
    marks = is_allowed(ids)
    assert_exact(index, queries, 10, marks)
    found = index.search(queries, k=10, filter=is_allowed)
    assert (found.counts == min(10, marks.sum())).all()
    assert np.isin(found.ids[found.ids != -1], ids[marks]).all()


def test_the_nearest_come_first_and_of_equals_the_first_row(rows: Vectors) -> None:
    """searchKnnCloserFirst_test.cpp, and an order of ties that it leaves open."""
    index = build(rows[:HALF])
    ids, distances = index.search(rows[:HALF], k=10)
    steps = np.diff(distances)
    assert (steps >= 0).all()
    assert (np.diff(ids)[steps == 0] > 0).all()


def test_every_row_is_given_back_as_it_was_given(rows: Vectors) -> None:
    """bindings_test_getdata.py. One id is a vector here, which it refuses."""
    index = quiver.Index.create(DIM, "euclidean", params=SHAPE)
    ids = np.arange(HALF)
    with pytest.raises(InvalidArgumentError, match="in the index, got 0"):
        index.get(ids)
    index.add(rows[:HALF], ids)
    np.testing.assert_array_equal(index.get(ids), rows[:HALF])
    np.testing.assert_array_equal(index.get(ids[-1]), rows[HALF - 1])
    assert isinstance(index.get(ids), np.ndarray)
    assert index.get(ids).tolist() == rows[:HALF].tolist()


def test_removed_rows_are_not_found_and_those_given_again_are(
    rows: Vectors, tmp_path: Path
) -> None:
    """bindings_test_labels.py. A removal is not undone: its rows are added again."""
    first, second = rows[:HALF], rows[HALF : 2 * HALF]
    index = build(first)
    index.add(second)
    assert sorted(index.ids.tolist()) == list(range(2 * HALF))
    removed = np.unique(index.search(first, k=1).ids)
    vectors = index.get(removed)
    index.remove(removed, consolidate="manual")
    assert share_found(index, second) >= 0.999
    index.save(tmp_path / "removed.quiver")
    for one in (index, quiver.open(tmp_path / "removed.quiver")):
        assert not np.isin(one.search(first, k=1).ids, removed).any()
        assert not np.isin(one.ids, removed).any()
        one.add(vectors, removed)
        assert share_found(one, first) == 1


def test_an_index_says_what_it_is() -> None:
    """bindings_test_metadata.py. No capacity is among it: an index grows."""
    index = build(uniform_rows(bounded(10_000), DIM))
    assert len(index) == index.n == bounded(10_000)
    assert (index.metric, index.dim) == ("euclidean", DIM)
    assert (index.params.max_degree, index.params.ef_construction) == (32, 100)
    assert index.state.n == len(index.codes.rows)


@pytest.mark.parametrize(
    ("metric", "dim"), [("inner_product", 16), ("euclidean", 53), ("cosine", 32)]
)
def test_an_index_pickled_at_any_time_goes_on_as_it_would_have(
    metric: Metric, dim: int
) -> None:
    """bindings_test_pickle.py, where few answers may differ; here no bit does. Of its
    settings ``ef`` belongs to a search."""
    shape = quiver.BuildParams(max_degree=64, ef_construction=bounded(200), alpha=1.1)
    rows, queries = odd_rows(bounded(2000), dim), uniform_rows(100, dim, seed=1)
    index = quiver.Index.create(dim, metric, params=shape)
    twin = pickle.loads(pickle.dumps(index))
    for one in (index, twin):
        one.add(rows)
    again = pickle.loads(pickle.dumps(index))
    for other in (twin, again):
        assert other.params == shape
        assert_same_index(other, index)
        found, expected = (one.search(queries, k=25, ef=400) for one in (other, index))
        assert_same_answers(found, expected)
    assert recall(index, queries, 25, ef=400) >= 0.99


def test_nineteen_of_twenty_are_found_and_the_same_after_a_file(tmp_path: Path) -> None:
    """bindings_test_recall.py, of a fifth of its rows."""
    rows, queries = uniform_rows(bounded(20_000), 32), uniform_rows(100, 32, seed=1)
    index = build(rows)
    before = recall(index, queries, 10, ef=200)
    assert before > 0.95
    index.save(tmp_path / "recall.quiver")
    again = quiver.open(tmp_path / "recall.quiver")
    assert recall(again, queries, 10, ef=200) == before
    assert_exact(again, queries[:5], 10)


def test_batches_take_the_place_of_removed_ones_time_and_again(
    rows: Vectors, tmp_path: Path
) -> None:
    """bindings_test_replace.py. Rows removed make room by themselves: there is no limit
    to reach, and no more than a quarter more rows than there are vectors are kept."""
    ids = np.arange(4 * HALF).reshape(4, HALF)
    index = build(rows[: 2 * HALF])
    removed = np.unique(index.search(rows[HALF : 2 * HALF], k=1).ids)
    index.remove(removed)
    assert share_found(index, index.get(index.ids)) >= 0.999
    assert not np.isin(index.search(rows[HALF : 2 * HALF], k=1).ids, removed).any()
    index.add(rows[ids[2]], ids[2])
    left = np.setdiff1d(ids[:3], removed)
    np.testing.assert_array_equal(np.sort(index.ids), left)
    np.testing.assert_array_equal(index.get(left), rows[left])

    index.remove(ids[2])
    index.save(tmp_path / "replaced.quiver")
    index = quiver.open(tmp_path / "replaced.quiver")
    index.add(rows[ids[3]], ids[3])
    assert share_found(index, rows[ids[3]]) > 0.98

    index.remove(ids[3])
    index = pickle.loads(pickle.dumps(index))
    index.add(rows[ids[2]], ids[2])
    assert share_found(index, rows[ids[2]]) > 0.98
    assert 4 * index.state.n <= 5 * len(index)


def test_a_half_replaced_costs_no_recall() -> None:
    """bindings_test_replace.py, test_recall_degradation: there the difference is of a
    number and itself; here it is of the two indexes."""
    rows = uniform_rows(3 * HALF, DIM)
    queries = uniform_rows(bounded(1000), DIM, seed=1)
    index = build(rows[: 2 * HALF])
    index.remove(np.arange(HALF, 2 * HALF))
    index.add(rows[2 * HALF :])
    fresh = build(np.concatenate([rows[:HALF], rows[2 * HALF :]]))
    expected = recall(fresh, queries, 100)
    assert expected > 0.98
    assert abs(recall(index, queries, 100) - expected) < 0.005


@pytest.mark.parametrize("seed", range(4))
def test_a_second_half_needs_no_resizing(seed: int) -> None:
    """bindings_test_resize.py: other seeds, other numbers of threads, the same rows."""
    rows = (uniform_rows if seed % 2 else odd_rows)(2 * HALF, DIM, seed)
    index = build(rows[:HALF])
    np.testing.assert_array_equal(index.get(np.arange(HALF)), rows[:HALF])
    index.add(rows[HALF:], threads=seed + 1)
    assert share_found(index, rows, ef=20, threads=seed + 1) >= 0.9995
    np.testing.assert_array_equal(index.get(np.arange(2 * HALF)), rows)
    assert index.ids.tolist() == list(range(2 * HALF))


ROOT_OF_6, ROOT_OF_3 = np.sqrt(6), np.sqrt(3)
OF_ALL_ONES: dict[Metric, list[float]] = {
    "euclidean": [0, 1, np.sqrt(2), np.sqrt(2), np.sqrt(2)],
    "inner_product": [-3, -2, -1, -1, -1],
    "cosine": [0, 1 - 2 / ROOT_OF_6, *[1 - 1 / ROOT_OF_3] * 3],
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("left", [1, 26])
@pytest.mark.parametrize("right", [1, 61, 124])
def test_distances_are_those_of_the_page_wherever_the_values_lie(
    metric: Metric, left: int, right: int, backend: Backend
) -> None:
    """bindings_test_spaces.py. Euclidean distances are not squared here, and inner
    products are not taken from 1."""
    corners = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1]]
    rows = np.pad(np.array(corners, dtype=float), [(0, 0), (left, right)])
    index = quiver.Index.build(rows, metric=metric, backend=backend)
    ids, distances = index.search(rows[-1], k=5)
    np.testing.assert_allclose(distances, OF_ALL_ONES[metric], atol=1e-6)
    assert ids.tolist() == [4, 3, 0, 1, 2]


def test_many_threads_that_remove_add_and_search_lose_nothing() -> None:
    """bindings_test_stress_mt_replace.py, multiThread_replace_test.cpp and
    multiThreadLoad_test.cpp. Two threads that give the same id are told apart here: the
    second gets an error; it is `update` that gives an id another vector."""
    n, n_threads = bounded(2000), 8
    rows = uniform_rows(2 * n, DIM)
    index = build(rows[:n])
    share = np.array_split(np.arange(n), n_threads)

    def churn(ids: np.ndarray) -> None:
        index.remove(ids[::2])
        index.add(rows[n + ids[::2]], n + ids[::2])
        index.update(ids[1::2], rows[n + ids[1::2]])
        found = index.search(rows[n + ids], k=1, ef=n)
        assert (found.distances == 0).all()

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(churn, share))
    replaced = np.concatenate([ids[::2] for ids in share])
    kept = np.setdiff1d(np.arange(n), replaced)
    np.testing.assert_array_equal(np.sort(index.ids), np.sort([*kept, *(n + replaced)]))
    np.testing.assert_array_equal(index.get(kept), rows[n + kept])
    np.testing.assert_array_equal(index.get(n + replaced), rows[n + replaced])
    assert index.version == 3 * n_threads
    assert index.check().ok


def test_of_every_query_nineteen_of_twenty_rows_within_a_radius_are_found(
    rows: Vectors,
) -> None:
    """epsilon_search_test.cpp, whose radius is squared, and which looks at a fifth of
    all rows; so the margin is wide here. The usual one finds as many in all."""
    index = build(rows[: 2 * HALF])
    queries = uniform_rows(100, DIM, seed=1)
    true_ids, true = truth(index, queries, len(index))
    within = [ids[near <= 1.0] for ids, near in zip(true_ids, true, strict=True)]
    found = index.search_radius(queries, 1.0, confidence=4)
    for (ids, distances), expected in zip(found, within, strict=True):
        assert (distances <= 1.0).all()
        assert np.isin(ids, expected).all()
        assert len(ids) >= 0.95 * len(expected)
    usual = index.search_radius(queries, 1.0)
    assert usual.counts.sum() >= 0.95 * sum(map(len, within))


def test_a_radius_of_next_to_nothing_holds_the_row_itself(rows: Vectors) -> None:
    """epsilon_search_test.cpp, of every row; the usual margin finds 19 of 20."""
    index = build(rows[:HALF])
    found = index.search_radius(rows[:HALF], 0.01, confidence=4)
    assert (found.counts >= 1).all()
    assert (found.distances[found.offsets[:-1]] == 0).all()
    usual = index.search_radius(rows[:HALF], 0.01)
    assert (usual.counts >= 1).mean() >= 0.95


def test_updates_end_where_a_build_of_the_last_vectors_does() -> None:
    """updates_test.cpp: every row gets other vectors twice."""
    n = bounded(4000)
    rows, queries = uniform_rows(3 * n, DIM), uniform_rows(500, DIM, seed=1)
    index = build(rows[:n])
    for start in (n, 2 * n):
        for part in np.array_split(np.random.default_rng(start).permutation(n), 5):
            index.update(part, rows[start + part])
    last = rows[2 * n :]
    np.testing.assert_array_equal(index.get(np.arange(n)), last)
    assert recall(index, queries, 10) >= recall(build(last), queries, 10) - 0.005
