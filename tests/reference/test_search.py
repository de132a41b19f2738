"""The reference's walk against the textbook's two heaps and against a full sort."""

from __future__ import annotations

import naive
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import CodedCase, coded_cases, graph_kinds, random_codes, rngs

from quiver._typing import Ids
from quiver.conformance import hazards
from quiver.reference import distance, scan, search, search_radius
from quiver.reference.codes import CACHE_LINE
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids, make_keys


def rows(*numbers: int) -> Ids:
    return np.array(numbers, dtype=np.uint32)


@given(
    case=coded_cases(min_n=1, max_n=40),
    kind=graph_kinds,
    width=st.sampled_from([1, 3, 40]),
    ef=st.sampled_from([1, 2, 5, 40, 50]),
    n_entries=st.sampled_from([1, 2, 16]),
)
def test_two_heaps_find_the_same_beam_at_the_same_cost(
    case: CodedCase, kind: str, width: int, ef: int, n_entries: int
) -> None:
    codes, queries = case.codes, case.queries
    neighbors = hazards.make_neighbors(case.rng, codes.n_rows, width, kind)
    lists = [row[row != NO_ID].tolist() for row in neighbors]
    entry_points = case.rng.permutation(codes.n_rows)[:n_entries].astype(np.uint32)
    beams = search(codes, neighbors, queries, entry_points, ef)
    table = distance(codes, queries).tolist()
    for number, distances in enumerate(table):
        best, hops, seen = naive.search(
            distances.__getitem__, lists, entry_points.tolist(), ef
        )
        keys = beams.keys[number]
        assert key_distances(keys[: len(best)]).tolist() == [d for d, _ in best]
        assert key_ids(keys[: len(best)]).tolist() == [node for _, node in best]
        assert (keys[len(best) :] == NO_KEY).all()
        assert beams.hops[number] == hops
        assert beams.distance_computations[number] == seen


@given(
    case=coded_cases(min_n=1, max_n=20),
    kind=graph_kinds,
    ef=st.sampled_from([1, 2, 5, 21]),
    has_limits=st.booleans(),
    one_mask=st.booleans(),
)
def test_two_heaps_stop_by_every_rule_where_the_walk_does(
    case: CodedCase, kind: str, ef: int, has_limits: bool, one_mask: bool
) -> None:
    rng, codes, queries = case.rng, case.codes, case.queries
    n, n_queries = codes.n_rows, len(queries[0])
    neighbors = hazards.make_neighbors(rng, n, 7, kind)
    lists = [row[row != NO_ID].tolist() for row in neighbors]
    entry_points = rng.permutation(n)[:3].astype(np.uint32)
    table = distance(codes, queries)
    limits = hazards.make_limits(rng, table)
    masks = hazards.make_masks(rng, n, 1 if one_mask else n_queries)
    rules = {"allowed": masks, "budget": hazards.make_budgets(rng, n, n_queries)}
    walked = codes, neighbors, queries, entry_points, ef
    if has_limits:
        balls = search_radius(*walked, limits, **rules)
        ends = zip(balls.offsets[:-1], balls.offsets[1:], strict=True)
        found = [balls.keys[start:stop] for start, stop in ends]
        counters = balls[2:]
    else:
        beams = search(*walked, **rules)
        found = [keys[keys != NO_KEY] for keys in beams.keys]
        counters = beams[1:]
    for number, distances in enumerate(table.tolist()):
        mask = masks[number % len(masks)].tolist()
        best, *expected = naive.search_by_rules(
            *(distances.__getitem__, lists, entry_points.tolist(), ef),
            may_answer=lambda row, mask=mask: bool(mask[row // 64] >> row % 64 & 1),
            limit=limits[number].item() if has_limits else None,
            budget=rules["budget"][number].item(),
            expected=ef,
        )
        assert key_distances(found[number]).tolist() == [d for d, _ in best]
        assert key_ids(found[number]).tolist() == [node for _, node in best]
        found_counters = [counter[number].item() for counter in counters]
        lines_read = found_counters.pop(2)
        assert found_counters == expected
        assert lines_read == expected[1] * codes.rows.shape[1] // CACHE_LINE


@given(case=coded_cases(min_n=1, max_n=30), ef=st.sampled_from([1, 3, 40]))
def test_a_scan_keeps_the_nearest_of_its_rows_and_counts_them(
    case: CodedCase, ef: int
) -> None:
    rows = np.flatnonzero(case.rng.random(case.codes.n_rows) < 0.5).astype(np.uint32)
    beams = scan(case.codes, case.queries, rows, ef)
    for keys, distances in zip(
        beams.keys, distance(case.codes, case.queries), strict=True
    ):
        expected = np.sort(make_keys(distances[rows], rows))[:ef]
        assert keys[: len(expected)].tolist() == expected.tolist()
        assert (keys[len(expected) :] == NO_KEY).all()
    assert (beams.hops == 0).all()
    assert (beams.distance_computations == len(rows)).all()
    assert beams.complete.all()


@given(rng=rngs, kind=st.sampled_from(["complete", "ring"]), extra=st.integers(0, 3))
def test_a_beam_of_all_nodes_on_a_connected_graph_is_a_full_sort(
    rng: np.random.Generator, kind: str, extra: int
) -> None:
    n = 30
    codes, queries = random_codes(rng, n, 65), random_codes(rng, 3, 65)
    ring = (np.arange(n, dtype=np.uint32)[:, None] + 1) % n
    complete = hazards.make_neighbors(rng, n, n - 1, "complete")
    neighbors = ring if kind == "ring" else complete
    beams = search(codes, neighbors.astype(np.uint32), queries, rows(4), n + extra)
    every_id = np.tile(np.arange(n, dtype=np.uint32), (3, 1))
    expected = np.sort(make_keys(distance(codes, queries), every_id), axis=1)
    np.testing.assert_array_equal(beams.keys[:, :n], expected)
    assert (beams.distance_computations == n).all()
    assert (beams.hops == n).all()


def test_a_beam_of_one_descends_greedily() -> None:
    # Points 0 … 9 on a line, linked to their two neighbours: each hop gets closer,
    # looks both ways, and the last one sees nothing better.
    codes = random_codes(np.random.default_rng(0), 10, 16)
    order = np.argsort(distance(codes, codes.take(np.array([0])))[0])
    line = np.full((10, 2), NO_ID, dtype=np.uint32)
    for place, node in enumerate(order):
        around = order[[p for p in (place - 1, place + 1) if 0 <= p < 10]]
        line[node, : len(around)] = around
    beams = search(codes, line, codes.take(np.array([0])), rows(order[-1]), 1)
    assert key_ids(beams.keys).tolist() == [[0]]
    assert beams.hops.tolist() == [10]
    assert beams.distance_computations.tolist() == [10]


def test_without_edges_the_entry_point_is_the_whole_answer() -> None:
    codes = random_codes(np.random.default_rng(1), 5, 33)
    neighbors = np.full((5, 3), NO_ID, dtype=np.uint32)
    beams = search(codes, neighbors, codes.take(np.array([0, 1])), rows(3), 4)
    assert key_ids(beams.keys[:, 0]).tolist() == [3, 3]
    assert (beams.keys[:, 1:] == NO_KEY).all()
    assert beams.hops.tolist() == [1, 1]
    assert beams.distance_computations.tolist() == [1, 1]


def test_an_island_out_of_reach_is_never_seen() -> None:
    rng = np.random.default_rng(2)
    codes = random_codes(rng, 20, 33)
    neighbors = hazards.make_neighbors(rng, 20, 19, "islands")
    beams = search(codes, neighbors, codes.take(np.array([1])), rows(0), 20)
    found = key_ids(beams.keys[beams.keys != NO_KEY])
    assert sorted(found.tolist()) == list(range(0, 20, 2))
    assert beams.distance_computations.tolist() == [10]


def test_an_entry_point_on_each_island_reaches_them_all() -> None:
    rng = np.random.default_rng(2)
    codes = random_codes(rng, 20, 33)
    neighbors = hazards.make_neighbors(rng, 20, 19, "islands")
    beams = search(codes, neighbors, codes.take(np.array([1])), rows(0, 1), 20)
    assert sorted(key_ids(beams.keys[0]).tolist()) == list(range(20))
    assert beams.distance_computations.tolist() == [20]


def test_ties_are_settled_by_id() -> None:
    rng = np.random.default_rng(3)
    twins = random_codes(rng, 1, 40).take(np.zeros(12, dtype=np.uint32))
    neighbors = hazards.make_neighbors(rng, 12, 11, "complete")
    beams = search(twins, neighbors, twins.take(np.array([5])), rows(11), 4)
    # The entry point 11 was there first, and gives way to lower ids all the same.
    assert key_ids(beams.keys).tolist() == [[0, 1, 2, 3]]
