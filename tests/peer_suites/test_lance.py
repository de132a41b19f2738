"""What lance's and lancedb's own tests ask of filters and of tables that change.

Each docstring names the file of their suites that it follows: ``test_vector_index.py``
and ``v2.rs`` are lance's, ``test_query.py`` and ``test_table.py`` lancedb's. Columns
beside the vector are the caller's here.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import (
    answer_exactly,
    assert_exact,
    odd_rows,
    recall,
    share_found,
    truth,
    uniform_rows,
)
from small_index import bounded

import quiver
from quiver._typing import Metric
from quiver.backends import Backend
from quiver.conformance.hazards import METRICS
from quiver.datasets import load_demo
from quiver.errors import InvalidArgumentError

N = bounded(2000)


def test_what_a_removal_left_answers_in_order_and_nothing_else(
    backend: Backend,
) -> None:
    """test_vector_index.py, test_knn_with_deletions."""
    rows = np.repeat(np.arange(50.0)[:, None], 5, axis=1)
    index = quiver.Index.build(rows, metric="euclidean", backend=backend)
    index.remove([number for number in range(50) if number % 5])
    found = index.search(np.zeros(5), k=100)
    assert found.counts == 10
    assert found.ids[:10].tolist() == list(range(0, 50, 5))
    np.testing.assert_array_equal(index.get(found.ids[:10]), rows[::5])


@pytest.mark.parametrize("metric", METRICS)
def test_asked_for_all_rows_every_one_answers_but_the_removed(metric: Metric) -> None:
    """test_vector_index.py, test_knn_deleted_rows."""
    index = quiver.Index.build(odd_rows(N, 32), metric=metric)
    index.add(odd_rows(N, 32, seed=1))
    index.remove([0, N], consolidate="manual")
    found = index.search(odd_rows(1, 32), k=len(index))
    assert sorted(found.ids[0].tolist()) == sorted(index.ids.tolist())


def test_rows_are_found_through_appends_removals_and_tidying() -> None:
    """test_vector_index.py, test_optimize_index_recall: what joins lies a thousand of
    its widths away, where codes hardly tell one from another; a wide beam does."""
    rng = np.random.default_rng(0)
    rows, far = uniform_rows(300, 32), uniform_rows(100, 32, seed=1) + 1000
    index = quiver.Index.build(rows, metric="euclidean")
    stays, goes = np.split(rng.choice(300, 50, replace=False), [40])

    def assert_found(*, is_gone: bool) -> None:
        found = index.search(rows, k=5).ids
        assert (found[stays] == stays[:, None]).any(axis=1).all()
        if is_gone:
            assert not np.isin(found, goes).any()

    assert_found(is_gone=False)
    index.add(far)
    assert_found(is_gone=False)
    index.remove(goes, consolidate="manual")
    assert_found(is_gone=True)
    index.consolidate()
    assert_found(is_gone=True)
    assert share_found(index, far, ef=300) == 1
    assert_exact(index, far[:5], 20)


def test_a_row_that_joined_answers_first_to_itself() -> None:
    """test_vector_index.py, test_ann_append and test_optimize_index: it is found at
    once, with no index to bring up to date and no part that is searched plainly."""
    rng = np.random.default_rng(0)
    index = quiver.Index.build(rng.normal(size=(N, 128)))
    new = rng.normal(size=(10, 128)).astype(np.float32)
    ids = index.add(new)
    assert index.search(new, k=15).ids[:, 0].tolist() == ids.tolist()


@pytest.mark.parametrize("verb", ["build", "add", "update"])
def test_rows_that_are_not_finite_are_refused_and_named(verb: str) -> None:
    """test_vector_index.py, test_vector_with_nans; test_table.py, test_add_with_nans.
    They are left out there, or filled if asked; here the caller does either."""
    rows = uniform_rows(50, 8)
    index = quiver.Index.build(rows)
    bad = rows.copy()
    bad[1], bad[7, 3] = np.nan, np.inf
    verbs: dict[str, Callable[[Any], Any]] = {
        "build": quiver.Index.build,
        "add": index.add,
        "update": lambda vectors: index.update(range(len(vectors)), vectors),
    }
    with pytest.raises(InvalidArgumentError, match="got nan in row 1, column 0"):
        verbs[verb](bad)
    assert index.version == 0
    verbs[verb](bad[np.isfinite(bad).all(axis=1)])
    verbs[verb](np.nan_to_num(bad, posinf=0))


def test_queries_of_another_shape_are_refused() -> None:
    """test_vector_index.py, test_nearest_errors."""
    index = quiver.Index.build(uniform_rows(50, 128))
    with pytest.raises(InvalidArgumentError, match="128 columns like the index"):
        index.search(np.ones(127), k=10)
    with pytest.raises(InvalidArgumentError, match="128 columns like the index"):
        index.search(np.ones((2, 256)), k=10)
    with pytest.raises(InvalidArgumentError, match="2-d"):
        index.search(np.ones((2, 2, 128)), k=10)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_that_are_all_equal_are_an_index(metric: Metric) -> None:
    """test_vector_index.py, test_index_with_no_centroid_movement."""
    rows = np.ones((256, 32), dtype=np.float32)
    index = quiver.Index.build(rows, metric=metric)
    assert index.check(full=True).ok
    assert index.search(rows[0], k=256).ids.tolist() == list(range(256))


def test_halves_are_queries_and_rows(tmp_path: Path) -> None:
    """test_vector_index.py, test_f16_index: kept as halves in a file that says so."""
    rows = uniform_rows(N, 64).astype(np.float16)
    index = quiver.Index.build(rows)
    found = index.search(rows[:50], k=10)
    index.save(tmp_path / "halves.quiver", cold_dtype="float16")
    again = quiver.open(tmp_path / "halves.quiver")
    np.testing.assert_array_equal(again.search(rows[:50], k=10).ids, found.ids)
    np.testing.assert_array_equal(again.get(again.ids), rows.astype(np.float32))


def test_a_removed_row_is_not_asked_for_by_a_filter() -> None:
    """test_vector_index.py, test_no_include_deleted_rows, an error there: a filter that
    names a removed id passes it over."""
    index = quiver.Index.build(uniform_rows(50, 8))
    index.remove([3], consolidate="manual")
    assert index.search(np.ones(8), k=2, filter=[3, 5]).ids.tolist() == [5, -1]


def test_half_removed_and_tidied_keep_the_recall_and_one_row_alone_is_found() -> None:
    """v2.rs, test_remap, at its k of 100 and floor of a flat index."""
    index = quiver.Index.build(uniform_rows(N, 32), metric="euclidean")
    index.remove(np.arange(N // 2))
    assert index.state.n == len(index) == N - N // 2
    assert recall(index, uniform_rows(20, 32, seed=1), min(100, N // 4), ef=500) == 1
    index.remove(index.ids[1:])
    assert index.search(np.zeros(32), k=3).ids.tolist() == [N // 2, -1, -1]


def test_all_rows_removed_leave_an_index_that_is_filled_again() -> None:
    """v2.rs, test_delete_all_rows."""
    index = quiver.Index.build(uniform_rows(N, 32), metric="euclidean")
    index.remove(index.ids)
    assert len(index) == 0
    assert index.search(np.zeros(32), k=10).counts == 0
    rows = uniform_rows(N, 32, seed=1)
    index.add(rows)
    assert share_found(index, rows) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_two_ranges_side_by_side_hold_what_one_search_does(metric: Metric) -> None:
    """v2.rs, test_distance_range. A radius has no lower end: what is nearer is cut off
    by the caller. Its upper end belongs to it, where it does not there."""
    index = quiver.Index.build(uniform_rows(N, 32), metric=metric)
    query = uniform_rows(1, 32, seed=1)
    ids, distances = answer_exactly(index, query, 10)
    how = {"confidence": 10, "ef": N}
    found = index.search_radius(query, float(distances[0, 9]), **how)
    is_left = found.distances < distances[0, 5]
    assert found.ids[is_left].tolist() == ids[0, :5].tolist()
    assert found.ids[~is_left].tolist() == ids[0, 5:].tolist()


def test_a_radius_holds_rows_that_joined_and_none_outside_it() -> None:
    """test_query.py, test_distance_range, test_distance_range_with_new_rows_async."""
    index = quiver.Index.build(uniform_rows(256, 2), metric="euclidean")
    query = np.zeros((1, 2), dtype=np.float32)
    new = index.add(uniform_rows(4, 2, seed=1) + 1)
    ids, distances = truth(index, query, len(index))
    assert np.isin(ids[0, -4:], new).all()
    for rank in (0, 9, len(index) - 1):
        radius = float(distances[0, rank])
        found = index.search_radius(query, radius, confidence=10, ef=len(index))
        assert found.ids.tolist() == ids[0, : rank + 1].tolist()
        below = np.nextafter(np.float32(radius), np.float32(0))
        found = index.search_radius(query, below, confidence=10, ef=len(index))
        assert found.ids.tolist() == ids[0, :rank].tolist()


def test_a_filter_comes_before_the_search_and_several_are_joined(
    backend: Backend,
) -> None:
    """test_query.py, test_query_builder_with_prefilter, test_where_repeated_combines.
    There is no filter after the search, which would leave fewer than k."""
    rows = [[1.0, 2.0], [3.0, 4.0]]
    index = quiver.Index.build(rows, metric="euclidean", ids=[1, 2], backend=backend)
    assert index.search([0.0, 0.0], k=1, filter=[2]).ids.tolist() == [2]
    at_least_1, below_2 = index.ids >= 1, index.ids < 2
    found = index.search([0.0, 0.0], k=2, filter=at_least_1 & below_2)
    assert found.ids.tolist() == [1, -1]


@pytest.fixture(scope="module")
def demo() -> tuple[quiver.Index, np.ndarray, np.ndarray]:
    """Return an index of sentences, their lengths, and queries."""
    demo_set = load_demo()
    n = bounded(10_000)
    lengths = np.array([len(text) for text in demo_set.texts[:n]])
    return quiver.Index.build(demo_set.vectors[:n]), lengths, demo_set.queries


@pytest.mark.parametrize("percent", [0.1, 1, 10, 50, 90])
def test_sentences_of_a_length_are_found_by_tables_of_any_selectivity(
    demo: tuple[quiver.Index, np.ndarray, np.ndarray], percent: float
) -> None:
    """test_vector_index.py, of prefilters on a scalar column, with k always full; on
    real rows, by recall, through removals."""
    index, lengths, queries = demo
    most = np.quantile(lengths, percent / 100)
    assert recall(index, queries, 10, lengths <= most) >= 0.95
    changed = index.snapshot()
    changed.remove(changed.ids[::4], consolidate="manual")
    marks = lengths[changed.ids] <= most
    found = changed.search(queries, k=10, filter=marks)
    assert (found.counts == min(10, marks.sum())).all()
    assert recall(changed, queries, 10, marks) >= 0.95


def test_several_vectors_are_several_queries() -> None:
    """test_query.py, test_query_multiple_vectors and test_query_builder_with_metric."""
    index = quiver.Index.build([[1.0, 2.0], [3.0, 4.0]], metric="euclidean", ids=[1, 2])
    assert index.search([[1, 2], [4, 5]], k=1).ids.tolist() == [[1], [2]]
    by_angle = quiver.Index.build([[1.0, 2.0], [3.0, 4.0]], ids=[1, 2])
    found = by_angle.search([4.0, 8.0], k=1)
    assert found.ids.tolist() == [1]
    np.testing.assert_allclose(found.distances, [0], atol=1e-6)


@pytest.mark.parametrize("k", [0, None])
def test_a_search_without_a_number_of_answers_is_refused(k: Any) -> None:
    """test_query.py, test_vector_query_with_no_limit."""
    with pytest.raises((ValueError, TypeError), match="k must be"):
        quiver.Index.build([[1.0, 2.0]]).search([0.0, 1.0], k=k)


def test_batches_of_answers_are_pages() -> None:
    """test_query.py, test_query_builder_batches."""
    index = quiver.Index.build([[1.0, 2.0], [3.0, 4.0]], metric="euclidean", ids=[1, 2])
    for size, expected in ((1, [[1], [2]]), (2, [[1, 2]])):
        pages = index.pages([0.0, 0.0], size=size)
        assert [ids.tolist() for ids, _ in pages] == expected


def test_vectors_come_in_the_order_they_are_asked_for() -> None:
    """test_query.py, test_take_queries and test_getitems."""
    rows = uniform_rows(200, 4)
    index = quiver.Index.build(rows[:100])
    index.add(rows[100:])
    wanted = [5, 2, 117, 5]
    np.testing.assert_array_equal(index.get(wanted), rows[wanted])


def test_an_empty_table_has_no_answer() -> None:
    """test_query.py, test_search_empty_table, of lancedb's issue 303."""
    index = quiver.Index.create(2)
    found = index.search([1.0, 2.0], k=5)
    assert (found.counts, found.ids.tolist()) == (0, [-1] * 5)
    assert index.search_radius([1.0, 2.0], 5.0).counts.tolist() == [0]
    assert list(index.pages([1.0, 2.0])) == []


def test_a_version_is_looked_at_and_returned_to(tmp_path: Path) -> None:
    """test_table.py, test_versioning, test_restore and test_time_travel. Versions that
    nobody keeps are gone: a snapshot keeps one, and may itself be changed."""
    index = quiver.Index.build([[1.1, 0.9]], metric="euclidean")
    before = index.snapshot()
    index.add([[0.5, 0.2]])
    assert (index.version, before.version) == (1, 0)
    assert (len(index), len(before)) == (2, 1)
    assert index.search([0.5, 0.2], k=1).version == 1
    before.save(tmp_path / "restored.quiver")
    restored = quiver.open(tmp_path / "restored.quiver")
    assert (restored.version, restored.ids.tolist()) == (0, [0])
    before.add([[0.3, 0.3]])
    np.testing.assert_array_equal(index.get(1), np.float32([0.5, 0.2]))
    np.testing.assert_array_equal(before.get(1), np.float32([0.3, 0.3]))


def test_each_change_is_a_version() -> None:
    """test_table.py, test_delete and test_update."""
    rows = [[1.1, 0.9], [1.2, 1.9]]
    index = quiver.Index.build(rows, metric="euclidean")
    index.update([0], [[1.1, 1.1]])
    assert (index.version, len(index)) == (1, 2)
    np.testing.assert_array_equal(index.get([0, 1]), np.float32([[1.1, 1.1], rows[1]]))
    index.remove(index.ids[index.ids == 0])
    assert (index.version, index.ids.tolist()) == (2, [1])


def test_removals_at_once_are_a_version_each() -> None:
    """test_table.py, test_concurrent_deletes_are_thread_safe."""
    n = 8
    index = quiver.Index.build(uniform_rows(n, 4))
    with ThreadPoolExecutor(n) as pool:
        list(pool.map(index.remove, range(n)))
    assert (index.version, len(index)) == (n, 0)


def test_rows_merged_by_id_are_updated_or_added() -> None:
    """test_table.py, test_merge_insert: three calls for its three clauses."""
    index = quiver.Index.build(np.eye(3), ids=[1, 2, 3])
    new_ids, new = np.array([2, 3, 4]), 5 * np.eye(3, dtype=np.float32)
    is_known = np.isin(new_ids, index.ids)
    index.update(new_ids[is_known], new[is_known])
    index.add(new[~is_known], new_ids[~is_known])
    assert sorted(index.ids.tolist()) == [1, 2, 3, 4]
    np.testing.assert_array_equal(index.get(new_ids), new)
    index.remove(np.setdiff1d(index.ids, new_ids))
    assert sorted(index.ids.tolist()) == [2, 3, 4]


def test_rows_are_counted_all_or_by_a_filter() -> None:
    """test_table.py, test_count_rows."""
    index = quiver.Index.build(np.eye(2))
    assert (len(index), len(index.filter(index.ids == 1))) == (2, 1)
