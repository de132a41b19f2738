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
from quiver.reference.keys import NO_ID, NO_KEY
from quiver.reference.masks import is_marked, make_mask
from quiver.reference.search import Beams
from quiver.reference.walk import PATIENCE

N, NEW = 200, 20
SHAPE = quiver.BuildParams(max_degree=6, ef_construction=16)
ROWS = normal_rows(N + NEW, 10)
NEWCOMER = np.array([N], dtype=np.uint32)


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


def graph_without_nearest(n_live: int) -> tuple[GrowingGraph, np.ndarray, Beams]:
    """Return a graph of the rows farthest from a new one, these, and its short walk."""
    distances = np.square(ROWS[:N] - ROWS[N]).sum(axis=1)
    order = np.argsort(-distances).astype(np.uint32)
    graph = growing(np.sort(order[n_live:]))
    node = graph.codes.take(NEWCOMER)
    budget = np.array([PATIENCE * SHAPE.ef_construction * SHAPE.max_degree])
    walk = graph.backend.search(
        *(graph.codes, graph.neighbors, node, graph.entry_points),
        SHAPE.ef_construction,
        allowed=graph.allowed,
        budget=budget,
    )
    assert not walk.complete.any()
    return graph, np.sort(order[:n_live]), walk


def test_a_walk_that_ends_with_too_few_for_a_list_becomes_a_scan() -> None:
    graph, live, walk = graph_without_nearest(SHAPE.max_degree)
    assert np.count_nonzero(walk.keys != NO_KEY) < SHAPE.max_degree
    node = graph.codes.take(NEWCOMER)
    scanned = graph.backend.scan(graph.codes, node, live, SHAPE.ef_construction)
    np.testing.assert_array_equal(graph.search(NEWCOMER), scanned.keys)


def test_a_walk_that_ends_with_enough_keeps_what_it_met() -> None:
    graph, _, walk = graph_without_nearest(76)
    assert np.count_nonzero(walk.keys != NO_KEY) >= SHAPE.max_degree
    np.testing.assert_array_equal(graph.search(NEWCOMER), walk.keys)


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
