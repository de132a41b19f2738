"""Near: what was found, and the three forms in which scikit-learn wants it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from quiver._typing import Lanes

Rows = NDArray[np.int64]


class Near(NamedTuple):
    """Rows by query, nearest first, ties by row.

    Attributes
    ----------
    counts : ndarray of shape (q,), int64
        How many there are of each query.
    rows : ndarray of shape (counts.sum(),), int64
        All of them, query after query.
    distances : ndarray of shape (counts.sum(),), float64
        Theirs.
    """

    counts: Rows
    rows: Rows
    distances: Lanes

    @classmethod
    def joined(cls, parts: Iterable[Near]) -> Near:
        """Return what was found for one batch of queries after the other."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def first(self, k: int) -> Near:
        """Return k of each query, which must have as many."""
        starts = np.cumsum(self.counts) - self.counts
        taken = (starts[:, None] + np.arange(k)).ravel()
        counts = np.full(len(self.counts), k)
        return Near(counts, self.rows[taken], self.distances[taken])

    def tables(self, k: int) -> tuple[Lanes, Rows]:
        """Return distances and rows, (q, k), where every query has k."""
        shape = len(self.counts), k
        return self.distances.reshape(shape), self.rows.reshape(shape)

    def lists(self) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
        """Return distances and rows, one array for each query."""
        return _split(self.distances, self.counts), _split(self.rows, self.counts)

    def graph(self, n: int, mode: str) -> csr_matrix:
        """Return a matrix of n columns, of distances or of ones."""
        entries = self.distances if mode == "distance" else np.ones(len(self.rows))
        starts = np.concatenate(([0], np.cumsum(self.counts)))
        return csr_matrix((entries, self.rows, starts), shape=(len(self.counts), n))


def _split(values: NDArray[Any], counts: Rows) -> NDArray[np.object_]:
    parts = np.empty(len(counts), dtype=object)
    # One by one: NumPy takes a list of equally long arrays for a matrix.
    for number, (end, count) in enumerate(zip(np.cumsum(counts), counts, strict=True)):
        parts[number] = values[end - count : end]
    return parts
