"""Marks: which candidates are as near as the true neighbours.

Those known to be are looked up; else every candidate is measured by the exact rule.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Metric, StoredVectors, Vectors
from quiver.backends.protocol import Backend
from quiver.reference.keys import NO_ID
from quiver.rerank import rerank


class Truth(NamedTuple):
    """The true neighbours of every query.

    Attributes
    ----------
    kth : ndarray of shape (q,), float32
        Exact distance of the k-th.
    near : ndarray of shape (q, m), uint32, or None
        All rows no farther, filled with ``NO_ID``; None where too many tie to know.
    """

    kth: Distances
    near: Ids | None = None

    @classmethod
    def of(cls, ids: NDArray[np.int64], distances: Distances, k: int, n: int) -> Truth:
        """Return it from the exact nearest of n rows, k or more, in order."""
        kth = distances[:, k - 1]
        is_near = distances <= kth[:, None]
        # Rows that tie with the k-th may go on beyond the last.
        if ids.shape[1] < n and is_near[:, -1].any():
            return cls(kth)
        return cls(kth, np.where(is_near, ids, NO_ID).astype(np.uint32))

    def first(self, n: int) -> Truth:
        """Return those of the first queries."""
        return Truth(self.kth[:n], None if self.near is None else self.near[:n])


def mark_hits(
    backend: Backend,
    vectors: Vectors | StoredVectors,
    queries: Vectors,
    candidates: Ids,
    kth: Distances,
    metric: Metric,
) -> NDArray[np.bool_]:
    """Return which candidates are no farther than each query's k-th neighbour."""
    distances = exact_distances(backend, vectors, queries, candidates, metric)
    return (candidates != NO_ID) & (distances <= kth[:, None])


def mark_near(candidates: Ids, near: Ids) -> NDArray[np.bool_]:
    """Return the same, of the rows within each query's k-th, filled with ``NO_ID``."""
    hits = np.zeros(candidates.shape, dtype=np.bool_)
    for rows in near.T:
        hits |= candidates == rows[:, None]
    return hits & (candidates != NO_ID)


def exact_distances(
    backend: Backend,
    vectors: Vectors | StoredVectors,
    queries: Vectors,
    candidates: Ids,
    metric: Metric,
) -> Distances:
    """Return the exact distance of every candidate, in its place; +inf at ``NO_ID``.

    The candidates of a query are distinct.
    """
    width = candidates.shape[1]
    rows, ranked, _ = rerank(backend, vectors, queries, candidates, width, metric)
    # Sorted by row number, the re-ranked and the candidates line up again.
    by_row = np.argsort(rows, axis=1, kind="stable")
    order = np.argsort(candidates, axis=1, kind="stable")
    distances = np.empty_like(ranked)
    np.put_along_axis(distances, order, np.take_along_axis(ranked, by_row, 1), 1)
    return distances
