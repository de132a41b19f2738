"""Proposing: rows that may be the nearest, by a tree, a scan or a graph.

Whoever proposes may round to float32 and order as it likes: `Neighborhood` measures
what is proposed in float64 and has the last word.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import chain
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from scipy.spatial import cKDTree

from quiver._typing import Lanes
from quiver.backends.registry import get_backend
from quiver.index import Index
from quiver.integrations.sklearn.near import Rows
from quiver.recall.exact import exact_knn
from quiver.state import State

Space = Literal["euclidean", "cosine"]

MAX_SCANNED = 8192
"""Up to so many rows all are compared with all: in 384 dimensions a scan then takes at
most 1.7 times the CPU time of a graph, built and walked, in 64 less than it; and it
misses nothing. Measured by tools/measure_proposers.py, as is the next."""

MAX_TREE_DIM = 8
"""Up to so many dimensions a tree is exact and no slower than a graph, whatever the
number of rows; in 10 it takes 1.8 times as long for 50 000 uniform rows, in 15 ten."""

ROUNDING = 2.0**-20
"""A bound, with room, on what float32 does to a distance, relative to the lengths."""


class Effort(NamedTuple):
    """Beam width of a walk, None for the default, and threads of all."""

    ef: int | None
    threads: int


class Ragged(NamedTuple):
    """Rows by query: how many there are of each, and all, query after query."""

    counts: Rows
    rows: Rows


class Proposer(Protocol):
    """Rows in a space that can be asked which may be near; queries are float64."""

    def nearest(self, queries: Lanes, k: int, effort: Effort) -> Rows:
        """Return (q, k) different rows."""

    def within(self, queries: Lanes, radius: float, effort: Effort) -> Ragged:
        """Return the rows that may be within a distance, as the space has it."""


class Tree:
    """SciPy's k-d tree: exact, and fastest in few dimensions."""

    def __init__(self, rows: Lanes, space: Space) -> None:
        self._tree = cKDTree(rows)
        self._space = space

    def nearest(self, queries: Lanes, k: int, effort: Effort) -> Rows:
        """See `Proposer.nearest`."""
        _, rows = self._tree.query(queries, np.arange(1, k + 1), workers=effort.threads)
        return rows

    def within(self, queries: Lanes, radius: float, effort: Effort) -> Ragged:
        """See `Proposer.within`."""
        # Half the square of a chord is the cosine distance of unit rows.
        chord = np.sqrt(2 * radius) if self._space == "cosine" else radius
        reach = chord * (1 + ROUNDING)
        found = self._tree.query_ball_point(queries, reach, workers=effort.threads)
        counts = np.fromiter(map(len, found), np.int64, len(queries))
        rows = np.fromiter(chain.from_iterable(found), np.int64, counts.sum())
        return Ragged(counts, rows)


class Scan:
    """All rows compared with every query; a tree for what is within a distance."""

    def __init__(self, rows: Lanes, space: Space) -> None:
        self._rows, self._space = rows, space

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self._rows, self._space)

    def nearest(self, queries: Lanes, k: int, effort: Effort) -> Rows:  # noqa: ARG002
        """See `Proposer.nearest`."""
        return exact_knn(self._rows, queries, k, metric=self._space)[0]

    def within(self, queries: Lanes, radius: float, effort: Effort) -> Ragged:
        """See `Proposer.within`."""
        return self._tree.within(queries, radius, effort)


class Graph:
    """An `Index`; pickled without its kernels, which each computer has of its own."""

    def __init__(self, index: Index) -> None:
        self.index = index

    @classmethod
    def build(cls, rows: Lanes, space: Space, effort: Effort) -> Graph:
        """Build the index."""
        return cls(Index.build(rows, metric=space, threads=effort.threads))

    def __reduce__(self) -> tuple[Callable[[State], Graph], tuple[State]]:
        """Pickle the state alone: the answers do not depend on the backend."""
        return _graph_of, (self.index.state,)

    def nearest(self, queries: Lanes, k: int, effort: Effort) -> Rows:
        """See `Proposer.nearest`."""
        ef = None if effort.ef is None else max(effort.ef, k)
        return self.index.search(queries, k, ef=ef, threads=effort.threads).ids

    def within(self, queries: Lanes, radius: float, effort: Effort) -> Ragged:
        """See `Proposer.within`."""
        is_cosine = self.index.metric == "cosine"
        reach = radius + ROUNDING * (1.0 if is_cosine else self._longest(queries))
        options: dict[str, Any] = {} if effort.ef is None else {"ef": effort.ef}
        found = self.index.search_radius(
            queries, reach, threads=effort.threads, **options
        )
        return Ragged(found.counts, found.ids)

    def _longest(self, queries: Lanes) -> float:
        return self._longest_row + float(np.sqrt((queries**2).sum(axis=1).max()))

    @cached_property
    def _longest_row(self) -> float:
        rows = np.asarray(self.index.vectors)
        return float(np.sqrt(np.einsum("ij,ij->i", rows, rows).max()))


def _graph_of(state: State) -> Graph:
    return Graph(Index(state, get_backend("auto")))
