"""Hazards: each copes with the fewest rows, and what is drawn keeps its contract."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

from quiver import reference
from quiver.conformance import hazards
from quiver.reference.codes import Transform
from quiver.reference.keys import NO_ID, NO_KEY, key_ids
from quiver.reference.masks import marked_rows


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("name", sorted(hazards.HAZARDS))
def test_a_hazard_keeps_shape_and_finite_values(name: str, n: int) -> None:
    vectors = hazards.make_vectors(np.random.default_rng(0), n, 3, [name])
    assert vectors.shape == (n, 3)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


def test_hazards_make_what_they_are_named_for() -> None:
    def drawn(name: str) -> np.ndarray:
        return hazards.make_vectors(np.random.default_rng(0), 40, 6, [name])

    assert len(np.unique(drawn("all_equal"), axis=0)) == 1
    assert len(np.unique(drawn("duplicates"), axis=0)) <= 21
    assert (~drawn("zero_row").any(axis=1)).sum() == 1
    zeros = drawn("signed_zeros")
    assert {False, True} == set(np.signbit(zeros[zeros == 0]).tolist())
    tiny = np.abs(drawn("subnormal"))
    assert 0 < tiny.max() < np.finfo(np.float32).smallest_normal
    small = drawn("square_underflows")
    assert small.all()
    assert not (small * small).any()
    assert (drawn("one_huge") == 1e17).sum() == 1


def test_ids_are_rows_or_holes_and_only_holes_where_there_are_no_rows() -> None:
    rng = np.random.default_rng(0)
    ids = hazards.make_ids(rng, 3, (20, 5))
    assert set(ids.ravel().tolist()) == {0, 1, 2, NO_ID}
    assert (hazards.make_ids(rng, 0, (2, 5)) == NO_ID).all()


def test_graphs_are_of_their_kind_and_holes_come_last() -> None:
    def rows(kind: str, n: int = 5, width: int = 4) -> list[list[int]]:
        rng = np.random.default_rng(0)
        graph = hazards.make_neighbors(rng, n, width, kind)
        assert graph.shape == (n, width)
        holes = graph == NO_ID
        assert (holes == np.sort(holes, axis=1)).all()
        return [row[row != NO_ID].tolist() for row in graph]

    assert rows("empty") == [[]] * 5
    assert rows("chain") == [[1], [2], [3], [4], []]
    assert rows("islands") == [[2, 4], [3], [0, 4], [1], [0, 2]]
    assert rows("complete", n=3) == [[1, 2], [0, 2], [0, 1]]
    assert rows("complete", width=2) == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]
    assert all(len(set(row)) == len(row) for row in rows("random"))


@pytest.mark.parametrize("true_distances", [False, True])
def test_candidates_of_a_target_are_sorted_and_distinct(true_distances: bool) -> None:
    plain = Transform("euclidean", np.zeros(4, np.float32), np.ones((0, 4), "f4"))
    codes = reference.encode(normal_rows(7, 4), plain, 2, "corrected")
    rng = np.random.default_rng(0)
    keys = hazards.make_prune_keys(rng, codes, 30, 6, true_distances=true_distances)
    assert (keys[:, :-1] <= keys[:, 1:]).all()
    for row in keys:
        ids = key_ids(row[row != NO_KEY]).tolist()
        assert len(set(ids)) == len(ids) <= 6
        assert set(ids) <= set(range(7))
    lengths = (keys != NO_KEY).sum(axis=1)
    assert lengths.min() == 0
    assert lengths.max() == 6


def test_masks_are_of_all_rows_of_none_of_one_and_between() -> None:
    masks = hazards.make_masks(np.random.default_rng(0), 70, 200)
    assert masks.shape == (200, 2)
    counts = {int(marked_rows(mask, 70).sum()) for mask in masks}
    assert {0, 1, 70} <= counts
    assert len(counts) > 5
    # No bit is past the last row.
    assert not (masks[:, 1] >> np.uint64(6)).any()


def test_budgets_begin_with_none_and_end_beyond_all_rows() -> None:
    budgets = hazards.make_budgets(np.random.default_rng(0), 9, 300)
    assert {0, 1, 5, 10, 2**62} <= set(budgets.tolist())
    assert budgets.min() == 0


def test_limits_are_distances_of_a_row_or_beyond_all() -> None:
    distances = np.random.default_rng(1).random((200, 5)).astype(np.float32)
    limits = hazards.make_limits(np.random.default_rng(0), distances)
    assert limits.dtype == np.float32
    is_one = (limits[:, None] == distances).any(axis=1)
    assert is_one.sum() > 100
    assert set(limits[~is_one].tolist()) <= {-np.inf, 0.0, np.inf}
