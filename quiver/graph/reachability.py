"""The graph as data: degrees, reachability and the links that guarantee it.

See docs/algorithm/build.md, step 5.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Counts, Ids, InChunks, Neighbors
from quiver.reference.keys import NO_ID
from quiver.reference.transform import in_turn

_SLICE_ROWS = 1 << 12
"""Rows expanded at a time, so that a wide level of the tree takes no memory."""


def degrees(neighbors: Neighbors) -> Counts:
    """Return the out-degree of every row; a row ends at its first ``NO_ID``."""
    return np.count_nonzero(neighbors != NO_ID, axis=1).astype(np.int64)


class SearchTree:
    """Breadth-first tree from the entry point, grown as links are added.

    Parameters
    ----------
    neighbors : ndarray of shape (n, max_degree), uint32
        The graph; `link` changes it in place.
    entry_point : int
        Root.

    Attributes
    ----------
    reached : ndarray of shape (n,), bool
        Whether a node is in the tree.
    """

    def __init__(self, neighbors: Neighbors, entry_point: int) -> None:
        n = len(neighbors)
        self._neighbors = neighbors
        self._parent = np.full(n, NO_ID, dtype=np.uint32)
        self._n_children = np.zeros(n, dtype=np.int64)
        self._hosts: dict[int, deque[int]] = {}
        self._met = np.append(np.zeros(n, dtype=bool), True)
        self.reached = self._met[:n]
        self.reached[entry_point] = True
        self._grow(np.array([entry_point], dtype=np.uint32))

    def link(self, near: int, node: int) -> None:
        """Make an unreached node a child of ``near``, or of a descendant with room.

        A free place takes the edge; a full list gives up its last edge outside the
        tree, so nothing becomes unreachable. Only a node whose edges are all tree
        edges has no room, and leaves of the tree always have some.
        """
        host = self._first_with_room(near)
        row = self._neighbors[host]
        free = np.flatnonzero(row == NO_ID)
        spare = free[:1] if free.size else np.flatnonzero(self._parent[row] != host)
        row[spare[-1]] = node
        self.reached[node] = True
        self._parent[node] = host
        self._n_children[host] += 1
        self._grow(np.array([node], dtype=np.uint32))

    def _first_with_room(self, near: int) -> int:
        """Walk the tree below ``near`` breadth-first, from where it last stopped."""
        queue = self._hosts.setdefault(near, deque([near]))
        max_degree = self._neighbors.shape[1]
        while self._n_children[queue[0]] == max_degree:
            # Every edge of a node without room is a tree edge.
            queue.extend(self._neighbors[queue.popleft()].tolist())
        return queue[0]

    def _grow(self, frontier: Ids) -> None:
        while frontier.size:
            slices = range(0, len(frontier), _SLICE_ROWS)
            reached = [self._reach(frontier[at : at + _SLICE_ROWS]) for at in slices]
            frontier = np.sort(np.concatenate(reached))

    def _reach(self, nodes: Ids) -> Ids:
        """Make the unreached neighbours of some nodes their children; return them."""
        rows = self._neighbors[nodes].ravel()
        # NO_ID lies past the end, where everything counts as reached.
        is_fresh = ~self._met[np.minimum(rows, len(self.reached))]
        places = np.flatnonzero(is_fresh)
        # Sorted by child; of its parents the first in order is taken.
        found, first = np.unique(rows[places], return_index=True)
        self.reached[found] = True
        self._parent[found] = nodes[places[first] // self._neighbors.shape[1]]
        np.add.at(self._n_children, self._parent[found], 1)
        return found


def reachable(
    neighbors: Neighbors, entry_point: int, in_chunks: InChunks = in_turn
) -> NDArray[np.bool_]:
    """Return which rows a walk without beam limit would meet."""
    n, width = neighbors.shape
    # The last place is where unused ones lead.
    reached, met = np.zeros((2, n + 1), dtype=bool)
    frontier = np.array([entry_point])
    while frontier.size:
        reached[frontier] = True

        def meet(start: int, stop: int, nodes: NDArray[np.intp] = frontier) -> None:
            # Threads may write the same mark.
            met[np.minimum(neighbors[nodes[start:stop]], n)] = True

        in_chunks(meet, len(frontier), chunk_rows=_SLICE_ROWS, row_work=width)
        frontier = np.flatnonzero(met[:n] & ~reached[:n])
    return reached[:n]


def unreached(reached: NDArray[np.bool_], unlinked: Ids | None = None) -> Ids:
    """Return the rows not reached that should be: all but the unlinked ones."""
    lost = ~reached
    if unlinked is not None:
        lost[unlinked] = False
    return np.flatnonzero(lost).astype(np.uint32)
