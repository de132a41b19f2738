"""The search tree: links reach every node, lose none, and agree with plain loops."""

from __future__ import annotations

import naive_build
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from plain_graph import assert_sound, edge_lists
from strategies import rngs

from quiver.conformance import hazards
from quiver.graph.reachability import SearchTree, degrees, reachable
from quiver.reference.keys import NO_ID


@given(rng=rngs, n=st.integers(2, 40), width=st.integers(2, 5))
def test_links_reach_every_node_and_lose_none(
    rng: np.random.Generator, n: int, width: int
) -> None:
    neighbors = hazards.make_neighbors(rng, n, width, "random")
    neighbors[neighbors == np.arange(n)[:, None]] = NO_ID
    neighbors.sort(axis=1)
    before = neighbors.copy()
    tree = SearchTree(neighbors, 0)
    n_links = 0
    for node in range(n):
        if not tree.reached[node]:
            tree.link(int(rng.choice(np.flatnonzero(tree.reached))), node)
            n_links += 1
    assert_sound(neighbors, 0)
    assert tree.reached.all()
    assert np.count_nonzero(neighbors != before) == n_links
    unreached = n - len(naive_build.reached_from(edge_lists(before), 0))
    assert n_links <= unreached
    assert bool(n_links) == bool(unreached)


def test_a_full_node_passes_the_link_on_to_its_children() -> None:
    neighbors = np.full((6, 2), NO_ID, dtype=np.uint32)
    neighbors[0] = [2, 1]
    neighbors[2, 0] = 3
    tree = SearchTree(neighbors, 0)
    for node in (4, 5):
        tree.link(0, node)
    # Both edges of 0 are tree edges; of its children 2 comes first and takes one.
    assert edge_lists(neighbors) == [[2, 1], [5], [3, 4], [], [], []]


def test_a_link_replaces_the_last_edge_outside_the_tree() -> None:
    neighbors = np.array([[1, 2, 3], [2, 3, 0], [0, 1, 3], [0, 1, 2], [0, 1, 2]])
    neighbors = neighbors.astype(np.uint32)
    SearchTree(neighbors, 0).link(2, 4)
    assert neighbors[2].tolist() == [0, 1, 4]
    assert_sound(neighbors, 0)


@given(rng=rngs, n=st.integers(1, 30), width=st.integers(1, 4))
def test_reachability_and_degrees_are_those_of_plain_loops(
    rng: np.random.Generator, n: int, width: int
) -> None:
    neighbors = hazards.make_neighbors(rng, n, width, "random")
    lists = edge_lists(neighbors)
    reached = np.flatnonzero(reachable(neighbors, 0)).tolist()
    assert set(reached) == naive_build.reached_from(lists, 0)
    assert degrees(neighbors).tolist() == [len(edges) for edges in lists]
