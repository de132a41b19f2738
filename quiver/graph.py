"""The graph as data: degrees, reachability and the links that guarantee it.

Source: section 6 of the specification, step 5 of the build.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Counts, Ids, Neighbors
from quiver.backends.protocol import Backend
from quiver.codes import Codes
from quiver.keys import NO_ID, key_ids, make_keys


def degrees(neighbors: Neighbors) -> Counts:
    """Return the out-degree of every row; a row ends at its first ``NO_ID``."""
    return np.count_nonzero(neighbors != NO_ID, axis=1).astype(np.int64)


class SearchTree:
    """Breadth-first tree from the entry point, grown as links are added.

    Attributes
    ----------
    reached : ndarray of shape (n,), bool
        Whether a node is in the tree.
    n_children : ndarray of shape (n,), int64
        Tree edges that leave a node; the others may be replaced.
    """

    def __init__(self, neighbors: Neighbors, entry_point: int) -> None:
        n = len(neighbors)
        self._neighbors = neighbors
        self.reached = np.zeros(n, dtype=bool)
        self.n_children = np.zeros(n, dtype=np.int64)
        self.parent = np.full(n, NO_ID, dtype=np.uint32)
        self.reached[entry_point] = True
        self._grow(np.array([entry_point], dtype=np.uint32))

    def adopt(self, parent: int, child: int) -> None:
        """Add the tree edge parent → child and all that the child reaches."""
        self.reached[child] = True
        self.parent[child] = parent
        self.n_children[parent] += 1
        self._grow(np.array([child], dtype=np.uint32))

    def _grow(self, frontier: Ids) -> None:
        while frontier.size:
            rows = self._neighbors[frontier]
            parents = np.repeat(frontier, rows.shape[1])
            children = rows.ravel()
            # NO_ID would index past the end: drop it before looking anything up.
            linked = children != NO_ID
            parents, children = parents[linked], children[linked]
            fresh = ~self.reached[children]
            frontier, first = np.unique(children[fresh], return_index=True)
            self.reached[frontier] = True
            self.parent[frontier] = parents[fresh][first]
            np.add.at(self.n_children, self.parent[frontier], 1)


def reachable(neighbors: Neighbors, entry_point: int) -> NDArray[np.bool_]:
    """Return which rows a walk without beam limit would meet."""
    return SearchTree(neighbors, entry_point).reached


def connect(
    backend: Backend, codes: Codes, neighbors: Neighbors, entry_point: int
) -> int:
    """Link every unreached row from the nearest reached one that can take an edge.

    Parameters
    ----------
    backend : Backend
        Measures the symmetric distances.
    codes : Codes
        The base.
    neighbors : ndarray of shape (n, max_degree), uint32
        Changed in place. A host with a free place appends the edge; a full one
        gives up its last edge outside the search tree, so nothing becomes
        unreachable. With ``max_degree >= 2`` a host always exists: m reached nodes
        have only m - 1 tree edges.
    entry_point : int
        Root of the tree.

    Returns
    -------
    int
        Links added.
    """
    tree = SearchTree(neighbors, entry_point)
    n_links = 0
    for node in np.flatnonzero(~tree.reached).tolist():
        if tree.reached[node]:
            continue
        host = _nearest_host(backend, codes, neighbors, tree, node)
        neighbors[host, _free_place(neighbors, tree, host)] = node
        tree.adopt(host, node)
        n_links += 1
    return n_links


def _nearest_host(
    backend: Backend,
    codes: Codes,
    neighbors: Neighbors,
    tree: SearchTree,
    node: int,
) -> int:
    max_degree = neighbors.shape[1]
    can_take = tree.reached & (tree.n_children < max_degree)
    hosts = np.flatnonzero(can_take).astype(np.uint32)
    query = codes.take(np.array([node]))
    to_hosts = backend.distance(codes, query, hosts[None])[0]
    return int(key_ids(make_keys(to_hosts, hosts).min()))


def _free_place(neighbors: Neighbors, tree: SearchTree, host: int) -> int:
    row = neighbors[host]
    free = np.flatnonzero(row == NO_ID)
    if free.size:
        return int(free[0])
    return int(np.flatnonzero(tree.parent[row] != host)[-1])
