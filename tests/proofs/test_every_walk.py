"""All graphs of up to five nodes, walked by all orders of distance with ties.

Distances are those of an int8 query to codes of which each is strong in a coordinate
of its own, so that a query's coordinates say which node is at which level.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from every import (
    Walks,
    as_neighbors,
    code_rows,
    every_graph,
    every_order,
    every_subset,
    query_rows,
    walked,
)

from quiver import reference
from quiver.backends import Backend, get_backend
from quiver.reference.codes import Codes, Queries
from quiver.reference.keys import make_keys
from quiver.reference.search import Beams

CHUNK = 1 << 15


def nodes(n: int) -> Codes:
    """Return codes of which row i has the value 3 in coordinate i, and 1 elsewhere."""
    return code_rows(2 + np.eye(n, dtype=int), 2, "corrected")


def asked_in(orders: np.ndarray) -> Queries:
    """Return a query for each order: the nearer a node, the larger its coordinate."""
    return query_rows(orders.shape[1] - orders, 2)


def assert_walks(
    backends: Sequence[Backend],
    graphs: np.ndarray,
    orders: np.ndarray,
    entries: np.ndarray,
    ef: int,
) -> int:
    """Compare the walks of every order through every graph; return how many."""
    codes, queries = nodes(graphs.shape[1]), asked_in(orders)
    neighbors, rights = (
        as_neighbors(graphs),
        expected_walks(graphs, orders, entries, ef),
    )
    for backend in backends:
        found = [backend.search(codes, one, queries, entries, ef) for one in neighbors]
        beams = Beams(*map(np.stack, zip(*found, strict=True)))
        assert beams.complete.all()
        np.testing.assert_array_equal(beams.lines_read, beams.distance_computations)
        computed = beams.distance_computations
        for number, right in enumerate(rights):
            np.testing.assert_array_equal(beams.keys[:, number], right.keys)
            np.testing.assert_array_equal(beams.hops[:, number], right.hops)
            np.testing.assert_array_equal(computed[:, number], right.computed)
    return len(graphs) * len(orders)


def expected_walks(
    graphs: np.ndarray, orders: np.ndarray, entries: np.ndarray, ef: int
) -> list[Walks]:
    """Return the walks through all graphs for each order, by the twin."""
    n = graphs.shape[1]
    ids = np.arange(n, dtype=np.uint32)
    distances = reference.distance(nodes(n), asked_in(orders))
    return [walked(graphs, make_keys(row, ids), entries, ef) for row in distances]


def test_distances_are_in_the_order_asked_for_ties_included() -> None:
    for n, n_orders in ((3, 13), (4, 75), (5, 541)):
        orders = every_order(n)
        assert len(orders) == n_orders
        distances = reference.distance(nodes(n), asked_in(orders))
        for order, row in zip(orders, distances, strict=True):
            levels = np.unique(row, return_inverse=True)[1]
            np.testing.assert_array_equal(levels, order)


def test_all_17_544_walks_through_graphs_of_up_to_three_nodes(
    backend: Backend,
) -> None:
    n_walks = 0
    for n in (2, 3):
        graphs, orders = every_graph(n), every_order(n)
        for entries, ef in product(every_subset(n), range(1, n + 1)):
            n_walks += assert_walks([backend], graphs, orders, entries, ef)
    assert n_walks == 4 * 3 * 3 * 2 + 64 * 13 * 7 * 3


def test_all_graphs_of_four_nodes_from_one_entry(compiled: Backend) -> None:
    graphs, orders = every_graph(4), every_order(4)
    entries = np.array([2], dtype=np.uint32)
    assert assert_walks([compiled], graphs, orders, entries, 2) == 4096 * 75


@pytest.mark.proofs
def test_all_18_432_000_walks_through_graphs_of_four_nodes(
    every_compiled: list[Backend],
) -> None:
    graphs, orders, n_walks = every_graph(4), every_order(4), 0
    for entries, ef in product(every_subset(4), range(1, 5)):
        n_walks += assert_walks(every_compiled, graphs, orders, entries, ef)
    assert n_walks == 4096 * 75 * 15 * 4


@pytest.mark.proofs
def test_the_reference_walks_all_graphs_of_four_nodes_but_for_their_names() -> None:
    # With ids to break ties an order is a permutation; renamed, it is this one.
    graphs, order, n_walks = every_graph(4), np.arange(4)[None], 0
    for entries, ef in product(every_subset(4), range(1, 5)):
        n_walks += assert_walks([get_backend("reference")], graphs, order, entries, ef)
    assert n_walks == 4096 * 15 * 4


@pytest.mark.proofs
def test_all_graphs_of_five_nodes_but_for_their_names(
    every_compiled: list[Backend],
) -> None:
    """A million graphs, every width of beam, the entry at every place of the order."""
    entries, orders, n_walks = np.zeros(1, dtype=np.uint32), entry_orders(5), 0
    for start in range(0, 2**20, CHUNK):
        graphs = every_graph(5, start, start + CHUNK)
        for ef in range(1, 6):
            n_walks += assert_walks(every_compiled, graphs, orders, entries, ef)
    assert n_walks == 2**20 * len(orders) * 5


def entry_orders(n: int) -> np.ndarray:
    """Return orders in which node 0 is at each place, and that in which all tie."""
    strict = [np.insert(np.delete(np.arange(n), place), 0, place) for place in range(n)]
    return np.array([*strict, np.zeros(n, dtype=int)])
