"""Filter: the rows that may answer, and whether to walk to them or to measure them all.

A small filter is a list, and a walk to few rows would see most of the others first. So
few rows are scanned; to many a walk goes that only they can end, with a budget. Where
few of the rows it meets are among them they lie far from the query, and it is given up
early; see `quiver.reference.walk.PATIENCE`. Then they are scanned after all.

Source: quiver's own; measured in docs/filters.md.
"""

from __future__ import annotations

import weakref
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Ids, Mask, Unlinked
from quiver.reference.masks import make_mask
from quiver.state import State

SCAN_FACTOR = 45
"""A walk to ``ef`` of m allowed rows of n measures about ``15 · ef · n / m`` rows at
32 edges a node, each three times as dear as a row scanned in order. Equal at m² = 45
· ef · n."""

BUDGET_SHARE = 3
"""By the same measure, a walk of m / 3 distances costs what scanning m rows does. That
a 15th of it must show ``ef`` allowed rows is `SCAN_FACTOR` again, 3 · 15, with their
share of the rows met in the place of m / n."""


class Filter:
    """Rows of an index that may answer, to be used in any number of searches.

    Made by `Index.filter`, and good for the version of the index that made it.

    Parameters
    ----------
    state : State
        The version.
    is_allowed : ndarray of shape (n,), bool
        Whether each row may answer.

    Attributes
    ----------
    unlinked : ndarray of shape (m, 2), uint32
        The pairs of ``state.unlinked`` whose row may answer.
    nodes : ndarray of uint32
        Linked rows that may answer, or that are equal to one that may, ascending.

    Examples
    --------
    >>> import numpy as np
    >>> import quiver
    >>> index = quiver.Index.build(np.eye(4), backend="reference")
    >>> even = index.filter([0, 2])
    >>> even
    Filter(2 of 4 rows)
    >>> index.search(np.ones(4), k=3, filter=even).ids
    array([ 0,  2, -1])
    """

    def __init__(self, state: State, is_allowed: NDArray[np.bool_]) -> None:
        # An old version is not kept in memory by a filter of it.
        self._state = weakref.ref(state)
        self.is_allowed = is_allowed
        self.unlinked: Unlinked = state.unlinked[is_allowed[state.unlinked[:, 1]]]
        is_node = state.marked_nodes(is_allowed)
        self.nodes: Ids = np.flatnonzero(is_node).astype(np.uint32)
        self._n_unlinked = len(state.unlinked)
        self._has_graph = state.has_graph

    def __len__(self) -> int:
        """Return how many rows may answer."""
        return int(np.count_nonzero(self.is_allowed))

    def __repr__(self) -> str:
        """Return how many rows may answer, and of how many."""
        return f"Filter({len(self)} of {len(self.is_allowed)} rows)"

    def is_of(self, state: State) -> bool:
        """Return whether this is a filter of a version of an index."""
        return self._state() is state

    @property
    def rows(self) -> NDArray[np.intp]:
        """The rows that may answer, ascending."""
        return np.flatnonzero(self.is_allowed)

    @cached_property
    def mask(self) -> Mask:
        """The nodes as the kernels take them."""
        is_node = np.zeros(len(self.is_allowed), dtype=np.bool_)
        is_node[self.nodes] = True
        return make_mask(is_node)

    def is_scanned(self, ef: int) -> bool:
        """Return whether measuring every node costs less than a walk is expected to."""
        n_nodes = len(self.nodes)
        n_linked = len(self.is_allowed) - self._n_unlinked
        return not self._has_graph or n_nodes * n_nodes <= SCAN_FACTOR * ef * n_linked

    @property
    def budget(self) -> int:
        """Distances after which a walk is given up."""
        return len(self.nodes) // BUDGET_SHARE
