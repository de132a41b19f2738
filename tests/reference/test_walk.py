"""A walk: one sequence of expansions, wherever it stops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CodedCase, coded_cases, graph_kinds, random_codes

from quiver._typing import Ids
from quiver.conformance import hazards
from quiver.reference import search
from quiver.reference.distance import distance, one_query
from quiver.reference.keys import NO_ID, key_ids, make_keys
from quiver.reference.walk import START, follow, last_key_at, walk


def rows(*numbers: int) -> Ids:
    return np.array(numbers, dtype=np.uint32)


def line(n: int) -> tuple:
    """Return n codes in the order of their distance to the first, chained in it."""
    codes = random_codes(np.random.default_rng(0), n, 64)
    order = np.argsort(distance(codes, codes.take(np.array([0])))[0], kind="stable")
    codes = codes.take(order)
    every = np.arange(n, dtype=np.uint32)
    both = np.stack([every - 1, every + 1], axis=1)
    both[0], both[-1] = (1, NO_ID), (n - 2, NO_ID)
    return codes, both, codes.take(np.array([0]))


def test_the_walk_starts_at_the_nearest_entry_point_and_counts_them_all() -> None:
    codes = random_codes(np.random.default_rng(4), 9, 64)
    no_edges = np.full((9, 1), NO_ID, dtype=np.uint32)
    query, starts = codes.take(np.array([6])), rows(8, 6, 2)
    start, first = walk(codes, no_edges, query, starts, 1)
    assert (start.node, start.newly_seen.tolist()) == (START, [2, 6, 8])
    assert first.node == 6
    beams = search(codes, no_edges, query, starts, 1)
    assert (beams.hops[0], beams.distance_computations[0]) == (1, 3)


@given(
    case=coded_cases(min_n=1, max_n=40),
    kind=graph_kinds,
    ef=st.integers(1, 40),
    more=st.integers(1, 20),
)
def test_a_wider_beam_begins_with_the_steps_of_a_narrower_one(
    case: CodedCase, kind: str, ef: int, more: int
) -> None:
    neighbors = hazards.make_neighbors(case.rng, case.codes.n_rows, 5, kind)
    for number in range(len(case.queries[0])):
        query = one_query(case.queries, number)
        graph = case.codes, neighbors, query, rows(0)
        narrow, wide = list(walk(*graph, ef)), list(walk(*graph, ef + more))
        nodes = [step.node for step in narrow]
        assert [step.node for step in wide[: len(nodes)]] == nodes
        beam = narrow[-1].beam
        assert (wide[-1].beam[: len(beam)] <= beam).all()


def test_rows_that_may_not_answer_lead_to_those_that_may() -> None:
    codes, neighbors, query = line(9)
    only_nearest = np.arange(9) == 0
    *_, last = walk(codes, neighbors, query, rows(8), 3, allowed=only_nearest)
    assert key_ids(last.beam).tolist() == [0]


def test_a_walk_that_finds_nothing_sees_all_there_is() -> None:
    codes, neighbors, query = line(9)
    nothing = np.zeros(9, dtype=bool)
    outcome = follow(walk(codes, neighbors, query, rows(4), 3, allowed=nothing))
    assert (len(outcome.keys), outcome.hops, outcome.distance_computations) == (0, 9, 9)
    assert outcome.complete


@pytest.mark.parametrize(
    ("budget", "hops", "computed"), [(0, 0, 1), (1, 0, 1), (2, 1, 2), (5, 4, 5)]
)
def test_a_spent_budget_ends_a_walk_before_its_next_expansion(
    budget: int, hops: int, computed: int
) -> None:
    codes, neighbors, query = line(9)
    outcome = follow(walk(codes, neighbors, query, rows(8), 3), budget)
    assert (outcome.hops, outcome.distance_computations) == (hops, computed)
    assert not outcome.complete


@pytest.mark.parametrize(("ef", "computed"), [(1, 80), (5, 80), (6, 5), (40, 5)])
def test_a_walk_that_meets_few_rows_that_may_answer_is_given_up_early(
    ef: int, computed: int
) -> None:
    # From the far end on come five rows that may answer, and one that may not.
    codes, neighbors, query = line(96)
    allowed = np.arange(96) % 6 != 0
    steps = walk(codes, neighbors, query, rows(95), ef, allowed=allowed)
    outcome = follow(steps, budget=80, expected=ef)
    assert outcome.distance_computations == computed
    assert not outcome.complete


def test_a_budget_spent_just_when_the_walk_is_over_leaves_it_complete() -> None:
    codes, neighbors, query = line(9)
    outcome = follow(walk(codes, neighbors, query, rows(0), 1), 2)
    assert (outcome.hops, outcome.distance_computations) == (1, 2)
    assert outcome.complete


def test_a_walk_goes_on_while_rows_within_the_limit_are_left() -> None:
    codes, neighbors, query = line(9)
    distances = distance(codes, query)[0]
    limit = last_key_at(distances[6])
    *_, last = walk(codes, neighbors, query, rows(0), 1, limit=limit)
    assert key_ids(last.beam).tolist() == [0, 1, 2, 3, 4, 5, 6]
    *_, narrow = walk(codes, neighbors, query, rows(0), 1)
    assert key_ids(narrow.beam).tolist() == [0]


def test_the_last_key_at_a_distance_is_above_every_row_there_and_below_any_beyond() -> (
    None
):
    for distance_ in np.float32([-np.inf, -1.5, -0.0, 0.0, 1.5, np.inf]):
        last = last_key_at(distance_)
        here = make_keys(np.array([distance_]), np.array([2**32 - 2]))[0]
        assert here <= last
        if distance_ < np.inf:
            beyond = np.nextafter(distance_, np.float32(np.inf))
            assert make_keys(np.array([beyond]), np.array([0]))[0] > last
