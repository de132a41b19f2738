"""Repair: lists let go of their dead rows and take the nearest of what lay behind."""

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


def graph_without(dead: np.ndarray, backend: str = "auto") -> GrowingGraph:
    """Return the graph of a built index of which some rows are dead."""
    rows = normal_rows(N, 10)
    index = quiver.Index.build(rows, metric="euclidean", params=SHAPE, backend=backend)
    is_live = np.ones(N, dtype=bool)
    is_live[dead] = False
    how = index.backend, index.codes, SHAPE, "vamana", index.state.entry_points
    return GrowingGraph(*how, index.neighbors.copy(), make_mask(is_live)[None])


def plain_candidates(graph: GrowingGraph, dead: set[int], node: int) -> list[int]:
    """Return by plain loops what a node with dead neighbours chooses from."""
    lists = edge_lists(graph.neighbors)
    found = {row for row in lists[node] if row not in dead}
    for row in dead.intersection(lists[node]):
        found |= set(lists[row]) - dead
    found.discard(node)
    rows = np.array(sorted(found), dtype=np.uint32)[None]
    own = graph.codes.take(np.array([node]))
    keys = np.sort(make_keys(graph.backend.distance(graph.codes, own, rows), rows)[0])
    return key_ids(keys)[: CANDIDATES * DEGREE].tolist()


def test_candidates_are_the_nearest_of_both_rings_each_once() -> None:
    dead = np.arange(0, N, 4)
    graph = graph_without(dead)
    nodes = np.flatnonzero(np.arange(N) % 4).astype(np.uint32)
    keys = candidates_behind(graph, nodes)
    assert keys.shape == (len(nodes), CANDIDATES * DEGREE)
    for node, row in zip(nodes.tolist(), keys, strict=True):
        found = key_ids(row[row != NO_KEY]).tolist()
        assert found == plain_candidates(graph, {*dead.tolist()}, node)
    assert (keys != NO_KEY).sum(axis=1).max() == CANDIDATES * DEGREE


def test_only_lists_with_dead_rows_change_and_none_keeps_one() -> None:
    dead = np.array([3, 40, 77])
    graph = graph_without(dead)
    before = graph.neighbors.copy()
    with Workers(1) as workers:
        new = repair(graph, workers)
    np.testing.assert_array_equal(graph.neighbors, before)
    assert not np.isin(new, dead).any()
    assert (new[dead] == NO_ID).all()
    had_dead = np.isin(before, dead).any(axis=1)
    had_dead[dead] = False
    kept = ~had_dead
    kept[dead] = False
    np.testing.assert_array_equal(new[kept], before[kept])
    assert 0 < had_dead.sum() < N
    assert all(edge_lists(new)[row] for row in np.flatnonzero(had_dead))


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
    dead = np.random.default_rng(0).choice(N, 60, replace=False)
    with Workers(1) as workers:
        expected = repair(graph_without(dead, "reference"), workers)
    with Workers(threads) as workers:
        found = repair(graph_without(dead, backend.name), workers)
    np.testing.assert_array_equal(found, expected)
