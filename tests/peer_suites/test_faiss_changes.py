"""What faiss's own tests ask of an index that changes, asked of quiver's.

Removal, updates and merging: each docstring names the file of faiss's suite that it
follows.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import (
    answer_exactly,
    assert_same_answers,
    odd_rows,
    recall,
    uniform_rows,
)
from as_faiss import DIM, QUERIES, ROWS, N, build
from small_index import assert_same_index, bounded

import quiver
from quiver._typing import Metric, UserIds
from quiver.conformance.hazards import METRICS
from quiver.errors import InvalidArgumentError


def test_vectors_are_given_back_by_id_until_they_are_removed(tmp_path: Path) -> None:
    """test_index.py, on direct maps: before and after a file, removed in two ways."""
    rows = odd_rows(200, DIM)
    ids = np.random.default_rng(123).choice(10_000, size=200, replace=False)
    index = build(rows[:100], ids=ids[:100])
    index.add(rows[100:], ids[100:])
    index.save(tmp_path / "map.quiver")
    again = quiver.open(tmp_path / "map.quiver")
    for one in (index, again):
        np.testing.assert_array_equal(one.get(ids), rows)
    gone = ids[::3]
    again.remove(gone[:50])
    again.remove(gone[50:].tolist())
    assert len(again) == 200 - len(gone)
    for number in gone.tolist():
        with pytest.raises(InvalidArgumentError, match=f"in the index, got {number}"):
            again.get(number)
    left = np.setdiff1d(ids, gone)
    np.testing.assert_array_equal(again.get(left), index.get(left))
    with pytest.raises(InvalidArgumentError, match="in the index, got 20000"):
        index.get(20_000)


def test_no_rows_are_added_by_no_operation() -> None:
    """test_graph_based.py, test_add_0_vecs."""
    index = build(ROWS)
    for one in (index, quiver.Index.create(DIM)):
        assert one.add(np.empty((0, DIM))).tolist() == []
        assert one.version == 0


@pytest.mark.parametrize(
    ("n", "removed"),
    [(993, [992]), (1100, (33 * np.arange(32)).tolist()), (1000, list(range(8)))],
    ids=["last", "every place of a block", "first of a block"],
)
@pytest.mark.parametrize("tidy", [False, True])
def test_removing_moves_no_other_row(n: int, removed: list[int], tidy: bool) -> None:
    """test_index_composite.py, TestRemoveFastScan."""
    rows = odd_rows(n, 20)
    index = quiver.Index.create(20, "euclidean", max_degree=8, ef_construction=16)
    index.add(rows)
    index.remove(removed, consolidate="manual")
    if tidy:
        index.consolidate()
    left = np.setdiff1d(np.arange(n), removed)
    assert len(index) == len(left)
    np.testing.assert_array_equal(index.ids, left)
    np.testing.assert_array_equal(index.get(left), rows[left])
    for number in removed:
        with pytest.raises(InvalidArgumentError, match=f"got {number}"):
            index.get(number)


def merged(parts: list[quiver.Index], ids: Callable[[quiver.Index], UserIds]) -> Any:
    """Return an index of the rows of all parts, which stay as they are."""
    whole = parts[0].snapshot()
    for part in parts[1:]:
        whole.add(part.get(part.ids), ids(part))
    return whole


@pytest.mark.parametrize("tidy", [False, True])
def test_what_was_merged_and_removed_leaves_the_answers_before(tidy: bool) -> None:
    """test_index_composite.py, do_merge_then_remove."""
    half = N // 2
    first, second = build(ROWS[:half]), build(ROWS[half:])
    before = answer_exactly(first, QUERIES, 10)
    whole = merged([first, second], lambda part: part.ids + half)
    assert len(whole) == N
    whole.remove(np.arange(half, N), consolidate="manual")
    if tidy:
        whole.consolidate()
    assert len(whole) == half
    assert_same_answers(answer_exactly(whole, QUERIES, 10), before)


def test_ids_removed_between_two_batches_answer_nothing() -> None:
    """test_index_composite.py, test_remove_id_map_2, of faiss's issue 255."""
    rows = np.random.default_rng(1234).normal(size=(10, 10)).astype(np.float32)
    ids = np.array([0, 10, 20, 30, 40, 5, 15, 25, 35, 45])
    index = build(rows[:5], ids=ids[:5])
    index.remove([10, 30])
    index.add(rows[5:], ids[5:])
    found = index.search(rows, k=1).ids[:, 0]
    is_gone = np.isin(ids, [10, 30])
    np.testing.assert_array_equal(found[~is_gone], ids[~is_gone])
    assert not np.isin(found[is_gone], [10, 30]).any()


def test_vectors_that_change_places_change_the_names_of_answers_only() -> None:
    """test_index_composite.py, TestUpdate."""
    rows = uniform_rows(bounded(1000), 64)
    queries, n = uniform_rows(100, 64, seed=1), bounded(200)
    index = build(rows)
    before = answer_exactly(index, queries, 5)
    index.update(np.arange(n), rows[n - 1 :: -1])
    np.testing.assert_array_equal(index.get(np.arange(n)), rows[n - 1 :: -1])
    after = answer_exactly(index, queries, 5)
    np.testing.assert_array_equal(after.distances, before.distances)
    name = np.arange(len(rows))
    name[:n] = name[:n][::-1]
    np.testing.assert_array_equal(name[after.ids], before.ids)


@pytest.mark.parametrize("metric", METRICS)
def test_parts_merged_answer_as_the_whole(metric: Metric) -> None:
    """test_merge_index.py. There is no merge: an index gives its vectors to another,
    which codes and links them as its own, and keeps them itself."""
    ids = np.random.default_rng(123).choice(10_000, N, replace=False)
    cuts = np.array_split(np.arange(N), 3)
    parts = [build(ROWS[cut], metric, ids[cut]) for cut in cuts]
    whole = merged(parts, lambda part: part.ids)
    built = build(ROWS, metric, ids)
    np.testing.assert_array_equal(whole.ids, ids)
    assert_same_answers(
        answer_exactly(whole, QUERIES, 16), answer_exactly(built, QUERIES, 16)
    )
    assert recall(whole, QUERIES, 16) >= recall(built, QUERIES, 16) - 0.005
    assert len(parts[1]) == len(cuts[1])
    with pytest.raises(InvalidArgumentError, match="new to the index"):
        merged([whole, parts[1]], lambda part: part.ids)


@pytest.mark.parametrize("metric", METRICS)
def test_answers_left_after_a_removal_keep_their_order(metric: Metric) -> None:
    """test_merge_index.py, do_test_remove: every even answer is removed."""
    ids = np.random.default_rng(1234).permutation(7 * N)[:N]
    index = build(ROWS, metric, ids)
    before = answer_exactly(index, QUERIES, 16)
    index.remove(np.unique(before.ids[before.ids % 2 == 0]), consolidate="manual")
    after = answer_exactly(index, QUERIES, 16)
    for number in range(len(QUERIES)):
        left = before.ids[number] % 2 == 1
        n_left = left.sum()
        kept = before.ids[number][left], before.distances[number][left]
        np.testing.assert_array_equal(after.ids[number, :n_left], kept[0])
        np.testing.assert_array_equal(after.distances[number, :n_left], kept[1])


@pytest.mark.parametrize("metric", METRICS)
def test_an_index_freed_of_two_rows_in_three_is_one_of_the_third(
    metric: Metric,
) -> None:
    """test_merge_index.py, TestRemoveFastScan."""
    is_kept = np.arange(N) % 3 == 0
    index = build(ROWS, metric)
    index.remove(np.flatnonzero(~is_kept))
    alone = build(ROWS[is_kept], metric, np.flatnonzero(is_kept))
    assert_same_answers(
        answer_exactly(index, QUERIES, 5), answer_exactly(alone, QUERIES, 5)
    )
    assert recall(index, QUERIES, 5) >= recall(alone, QUERIES, 5) - 0.01
    again = pickle.loads(pickle.dumps(index))
    assert_same_index(again, index)
