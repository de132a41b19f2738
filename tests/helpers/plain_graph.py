"""Graphs as plain lists, and what every search relies on, by plain loops."""

from __future__ import annotations

from collections.abc import Sequence

import naive_build
import numpy as np

from quiver.reference.keys import NO_ID


def edge_lists(neighbors: np.ndarray) -> naive_build.Lists:
    return [row[row != NO_ID].tolist() for row in neighbors]


def assert_sound(
    neighbors: np.ndarray, entry_point: int, unlinked: Sequence[int] = ()
) -> None:
    """Assert what every search relies on, by plain loops."""
    n = len(neighbors)
    lists = edge_lists(neighbors)
    for node, (row, edges) in enumerate(zip(neighbors, lists, strict=True)):
        assert (row[len(edges) :] == NO_ID).all(), "holes come last only"
        assert node not in edges, "no self-loop"
        assert len(set(edges)) == len(edges), "no edge twice"
        assert all(target < n for target in edges)
    assert not any(lists[row] for row in unlinked), "no edge leaves an unlinked row"
    linked = set(range(n)) - set(unlinked)
    assert naive_build.reached_from(lists, entry_point) == linked
