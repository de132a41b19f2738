"""Repair: lists let go of dead rows, take what lay behind, and are taken in turn."""

from __future__ import annotations

import numpy as np
import pytest
from plain_graph import edge_lists
from rows import normal_rows

import quiver
from quiver.backends import Backend
from quiver.graph.insertion import GrowingGraph
from quiver.graph.repair import CANDIDATES, candidates_behind, repair
from quiver.parallel.workers import Workers
from quiver.reference.keys import NO_ID, NO_KEY, key_ids, make_keys
from quiver.reference.masks import make_mask

N, DEGREE = 120, 6
SHAPE = quiver.BuildParams(max_degree=DEGREE, ef_construction=16)


def graph_without(
    dead: np.ndarray, backend: str = "auto", width: int = DEGREE
) -> GrowingGraph:
    """Return the graph of a built index of which some rows are dead."""
    rows = normal_rows(N, 10)
    index = quiver.Index.build(rows, metric="euclidean", params=SHAPE, backend=backend)
    is_live = np.ones(N, dtype=bool)
    is_live[dead] = False
    how = index.backend, index.codes, SHAPE, "vamana", index.state.entry_points
    lists = np.full((N, width), NO_ID, dtype=np.uint32)
    lists[:, :DEGREE] = index.neighbors
    return GrowingGraph(*how, lists, make_mask(is_live)[None])


def plain_candidates(graph: GrowingGraph, dead: set[int], node: int) -> list[int]:
    """Return by plain loops what a node with dead neighbours chooses from."""
    lists = edge_lists(graph.neighbors)
    kept = [row for row in lists[node] if row not in dead]
    behind = {node for row in dead.intersection(lists[node]) for node in lists[row]}
    others = sorted_by_distance(graph, node, behind - dead - {node, *kept})
    n_others = CANDIDATES * DEGREE - len(kept)
    return sorted_by_distance(graph, node, {*kept, *others[:n_others]})


def sorted_by_distance(graph: GrowingGraph, node: int, rows: set[int]) -> list[int]:
    ids = np.array(sorted(rows), dtype=np.uint32)[None]
    own = graph.codes.take(np.array([node]))
    keys = make_keys(graph.backend.distance(graph.codes, own, ids), ids)
    return key_ids(np.sort(keys[0])).tolist()


def test_candidates_are_the_live_neighbors_and_the_nearest_behind_the_dead() -> None:
    dead = np.arange(0, N, 4)
    graph = graph_without(dead)
    nodes = np.flatnonzero(np.arange(N) % 4).astype(np.uint32)
    keys = candidates_behind(graph, nodes)
    assert keys.shape == (len(nodes), CANDIDATES * DEGREE)
    for node, row in zip(nodes.tolist(), keys, strict=True):
        found = key_ids(row[row != NO_KEY]).tolist()
        assert found == plain_candidates(graph, {*dead.tolist()}, node)
    assert (keys != NO_KEY).sum(axis=1).max() == CANDIDATES * DEGREE


def test_no_list_keeps_a_dead_row_and_none_that_had_one_is_empty() -> None:
    dead = np.array([3, 40, 77])
    graph = graph_without(dead)
    before = graph.neighbors.copy()
    with Workers(1) as workers:
        new = repair(graph, workers)
    np.testing.assert_array_equal(graph.neighbors, before)
    assert not np.isin(new, dead).any()
    assert (new[dead] == NO_ID).all()
    is_hit = had_dead(before, dead)
    assert 0 < is_hit.sum() < N
    assert all(edge_lists(new)[row] for row in np.flatnonzero(is_hit))


def test_what_a_row_chooses_takes_it_and_keeps_what_it_had() -> None:
    dead = np.array([3, 40, 77])
    graph = graph_without(dead, width=N)
    before, is_hit = edge_lists(graph.neighbors), had_dead(graph.neighbors, dead)
    with Workers(1) as workers:
        after = edge_lists(repair(graph, workers))
    for row in range(N):
        assert len({*after[row]}) == len(after[row])
        if is_hit[row]:
            assert all(row in after[chosen] for chosen in after[row])
        elif row not in dead:
            kept = len(before[row])
            assert after[row][:kept] == before[row]
            assert is_hit[after[row][kept:]].all()


def had_dead(neighbors: np.ndarray, dead: np.ndarray) -> np.ndarray:
    """Return which live rows have dead neighbors."""
    is_hit = np.isin(neighbors, dead).any(axis=1)
    is_hit[dead] = False
    return is_hit


def test_a_row_whose_region_is_gone_looks_for_others_and_is_found_by_them() -> None:
    graph = graph_without(np.arange(0))
    node, lists = 50, edge_lists(graph.neighbors)
    ring = set(lists[node]).union(*(lists[row] for row in lists[node])) - {node}
    graph = graph_without(np.array(sorted(ring)))
    keys = candidates_behind(graph, np.array([node], dtype=np.uint32))
    assert (keys == NO_KEY).all()
    with Workers(1) as workers:
        new = repair(graph, workers)
    edges = edge_lists(new)[node]
    assert edges
    assert not ring.intersection(edges)
    assert any(node in edge_lists(new)[row] for row in edges)
    for row in edge_lists(new):
        assert len({*row}) == len(row)


@pytest.mark.parametrize("threads", [1, 3])
def test_every_backend_repairs_alike(
    backend: Backend, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quiver.parallel.workers.WAKE_WORK", 1)
    monkeypatch.setattr("quiver.graph.repair.REVERSE_ROWS", 25)
    dead = np.random.default_rng(0).choice(N, 60, replace=False)
    with Workers(1) as workers:
        expected = repair(graph_without(dead, "reference"), workers)
    with Workers(threads) as workers:
        found = repair(graph_without(dead, backend.name), workers)
    np.testing.assert_array_equal(found, expected)
