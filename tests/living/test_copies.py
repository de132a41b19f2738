"""Copies and zero vectors join and leave without an edge, whoever goes first."""

from __future__ import annotations

import numpy as np
import pytest
from living_model import DIM, Model, assert_sound_graph, draw_index
from plain_graph import edge_lists
from rows import normal_rows

import quiver
from quiver._typing import Metric
from quiver.conformance.hazards import METRICS
from quiver.reference.keys import NO_ID

ROWS = normal_rows(80, DIM)
MANUAL = {"consolidate": "manual"}


def unlinked(index: quiver.Index) -> list[tuple[int, int]]:
    return [tuple(pair) for pair in index.state.unlinked.tolist()]


@pytest.fixture(params=METRICS)
def index(request: pytest.FixtureRequest) -> quiver.Index:
    return draw_index(request.param, ROWS[:60])


def test_a_copy_of_a_row_is_answered_beside_it_and_needs_no_edge(
    index: quiver.Index,
) -> None:
    before = index.neighbors
    index.add(ROWS[[5, 9, 5]])
    assert unlinked(index) == [(5, 60), (5, 62), (9, 61)]
    np.testing.assert_array_equal(index.neighbors[:60, :6], before)
    assert index.search(ROWS[5], k=3, ef=80).ids.tolist() == [5, 60, 62]


def test_copies_among_the_new_rows_are_those_of_the_first(index: quiver.Index) -> None:
    index.add(ROWS[[70, 71, 70, 71, 9, 70, 9]])
    assert unlinked(index) == [(9, 64), (9, 66), (60, 62), (60, 65), (61, 63)]
    assert_sound_graph(index)


def test_copies_stay_when_their_row_goes_and_the_first_takes_its_place(
    index: quiver.Index,
) -> None:
    index.add(ROWS[[5, 5, 5]])
    edges = edge_lists(index.neighbors)[5]
    index.remove([5, 60], **MANUAL)
    assert index.search(ROWS[5], k=3, ef=80).ids.tolist()[:2] == [61, 62]
    # Two copies of what is dead itself still find more of their like.
    index.add(ROWS[[5]])
    assert unlinked(index)[-1] == (5, 63)
    index.consolidate()
    assert unlinked(index) == [(59, 60), (59, 61)]
    assert index.ids[59:].tolist() == [61, 62, 63]
    # Row 5 is gone, so those after it have moved up.
    assert [row + (row >= 5) for row in edge_lists(index.neighbors)[59]] == edges
    assert index.search(ROWS[5], k=3, ef=80).ids.tolist() == [61, 62, 63]
    assert_sound_graph(index)
    assert index.check(full=True).ok


def test_a_row_none_of_whose_like_is_left_is_linked_anew(index: quiver.Index) -> None:
    index.add(ROWS[[5]])
    index.remove([5, 60], **MANUAL)
    index.add(ROWS[[5]], **MANUAL)
    # The dead row stays dead: other lists may have let go of it.
    assert 62 not in [row for _, row in unlinked(index)]
    assert index.search(ROWS[5], k=1, ef=80).ids.tolist() == [60]
    index.consolidate()
    assert unlinked(index) == []


def test_only_a_removed_copy_goes_where_its_row_stays(index: quiver.Index) -> None:
    index.add(ROWS[[5, 5]])
    index.remove([60], **MANUAL)
    assert index.search(ROWS[5], k=2, ef=80).ids.tolist()[:2] == [5, 61]
    index.consolidate()
    assert unlinked(index) == [(5, 60)]


def test_a_dead_entry_point_hands_on_to_its_copy(index: quiver.Index) -> None:
    first = index.entry_point
    index.add(ROWS[[first]])
    index.remove([first], **MANUAL)
    assert index.search(ROWS[first], k=1, ef=80).ids.tolist() == [60]
    index.consolidate()
    assert index.ids[index.entry_point] == 60


def test_dead_rows_take_no_place_from_others_at_their_distance() -> None:
    # A row, its double and twice its double are one direction.
    rows = np.concatenate([ROWS[:20], 2 * ROWS[[3]], 4 * ROWS[[3]]])
    index = draw_index("cosine", rows)
    index.add(ROWS[[3]])
    index.remove([3], **MANUAL)
    found = index.search(ROWS[3], k=2, ef=30)
    assert found.distances[0] == found.distances[1]
    assert found.ids.tolist() == [20, 21]
    assert index.search(ROWS[3], k=3, ef=30).ids.tolist() == [20, 21, 22]


def test_zero_vectors_come_and_go_under_cosine() -> None:
    index, model = draw_index("cosine", ROWS[:20]), Model("cosine")
    model.put(list(range(20)), ROWS[:20])
    zeros = np.zeros((3, DIM), dtype=np.float32)
    model.put(index.add(zeros).tolist(), zeros)
    assert [equal_to for equal_to, _ in unlinked(index)] == [NO_ID] * 3
    index.remove([21], **MANUAL)
    model.drop([21])
    for _ in range(2):
        model.assert_answers(index, np.concatenate([ROWS[:5], zeros]), k=22)
        index.consolidate()
    assert [row for _, row in unlinked(index)] == [20, 21]


def test_an_index_of_zeros_alone_takes_other_rows() -> None:
    zeros = np.zeros((4, DIM), dtype=np.float32)
    index, model = draw_index("cosine", zeros), Model("cosine")
    model.put([0, 1, 2, 3], zeros)
    for rows in (zeros[:1], ROWS[:1], zeros[:2], ROWS[1:30]):
        model.put(index.add(rows).tolist(), rows)
        model.assert_answers(index, np.concatenate([ROWS[:5], zeros[:1]]), k=9)
    assert not index.state.has_graph


@pytest.mark.parametrize("metric", METRICS)
def test_a_negative_zero_is_a_copy_of_a_positive_one(metric: Metric) -> None:
    rows = normal_rows(30, DIM)
    rows[:, 0] = 0.0
    index = draw_index(metric, rows)
    twin = rows[[4]].copy()
    twin[:, 0] = -0.0
    index.add(twin)
    assert unlinked(index) == [(4, 30)]
