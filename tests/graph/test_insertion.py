"""Insertion bound to some rows: the others route, and get no edge anew."""

from __future__ import annotations

import numpy as np
import pytest
from plain_graph import edge_lists
from rows import normal_rows

import quiver
from quiver.graph.insertion import GrowingGraph, add_reverse_edges, insert
from quiver.graph.order import growing_batches
from quiver.parallel.workers import Workers
from quiver.params import wider
from quiver.reference.keys import NO_ID
from quiver.reference.masks import is_marked, make_mask

N, NEW = 200, 20
SHAPE = quiver.BuildParams(max_degree=6, ef_construction=16)
ROWS = normal_rows(N + NEW, 10)


def growing(dead: np.ndarray) -> GrowingGraph:
    """Return the graph of a built index with room for more rows, some of them dead."""
    old = quiver.Index.build(ROWS[:N], metric="euclidean", params=SHAPE)
    codes = old.backend.encode(ROWS, old.transform, old.codes.bits, "corrected")
    lists = np.full((N + NEW, wider(6)), NO_ID, dtype=np.uint32)
    lists[:N, :6] = old.neighbors
    is_live = np.arange(N + NEW) < N
    is_live[dead] = False
    mask = make_mask(is_live)[None] if len(dead) else None
    return GrowingGraph(
        *(old.backend, codes, SHAPE, "vamana", old.state.entry_points, lists), mask
    )


def with_new(dead: np.ndarray) -> GrowingGraph:
    graph = growing(dead)
    with Workers(1) as workers:
        batches = growing_batches(np.arange(N, N + NEW, dtype=np.uint32), N)
        insert(graph, batches, workers)
    return graph


def test_new_rows_get_edges_to_live_rows_only_and_back() -> None:
    dead = np.arange(0, N, 2)
    graph = with_new(dead)
    lists = edge_lists(graph.neighbors)
    for row in range(N, N + NEW):
        assert lists[row]
        assert not set(lists[row]).intersection(dead.tolist())
        assert any(row in lists[target] for target in lists[row])
    assert is_marked(graph.allowed[0], np.arange(N, N + NEW, dtype=np.uint32)).all()


def test_lists_that_overflow_let_go_of_their_dead_rows() -> None:
    dead = np.arange(0, N, 2)
    before, after = growing(dead).neighbors, with_new(dead).neighbors
    pruned = np.flatnonzero(
        (before[:N] != NO_ID).sum(axis=1) > (after[:N] != NO_ID).sum(axis=1)
    )
    assert pruned.size
    for row in pruned:
        assert not set(edge_lists(after)[row]).intersection(dead.tolist())


@pytest.mark.parametrize("share", [0.0, 0.97])
def test_without_room_for_a_walk_the_live_rows_are_scanned(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A budget of nothing: every walk is cut short.
    dead = np.flatnonzero(np.random.default_rng(0).random(N) < share)
    monkeypatch.setattr("quiver.graph.insertion.LEAST_BUDGET", 0)
    monkeypatch.setattr("quiver.graph.insertion.SCAN_SHARE", N)
    graph = growing(dead if len(dead) else np.array([0]))
    nodes = np.array([N, N + 1], dtype=np.uint32)
    beams = graph.search(nodes)
    live = np.flatnonzero(is_marked(graph.allowed[0], np.arange(N, dtype=np.uint32)))
    scanned = graph.backend.scan(
        graph.codes, graph.codes.take(nodes), live.astype(np.uint32), 16
    )
    np.testing.assert_array_equal(beams, scanned.keys)


def test_a_source_that_is_there_already_is_not_added_again() -> None:
    graph = growing(np.array([0]))
    before = graph.neighbors.copy()
    nodes = np.arange(1, N, dtype=np.uint32)
    with Workers(1) as workers:
        add_reverse_edges(graph, nodes, before[nodes], workers)
    lists = edge_lists(graph.neighbors)
    assert all(len({*edges}) == len(edges) for edges in lists)
    assert (graph.neighbors != before).any()


@pytest.mark.parametrize(
    ("n_nodes", "n_inserted", "sizes"),
    [(3, 1, [1, 1, 1]), (5, 999, [1, 2, 2]), (2, 10_000, [2]), (0, 5, [])],
)
def test_batches_are_a_500th_of_the_graph_by_then(
    n_nodes: int, n_inserted: int, sizes: list[int]
) -> None:
    nodes = np.arange(n_nodes, dtype=np.uint32)
    cut = list(growing_batches(nodes, n_inserted))
    assert [len(batch) for batch in cut] == sizes
    assert np.concatenate([nodes[:0], *cut]).tolist() == nodes.tolist()
