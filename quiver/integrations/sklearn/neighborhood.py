"""Neighborhood: rows that know which of them are near, measured in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Lanes
from quiver.integrations.sklearn.near import Near, Rows
from quiver.integrations.sklearn.proposing import (
    MAX_SCANNED,
    MAX_TREE_DIM,
    Effort,
    Graph,
    Proposer,
    Ragged,
    Scan,
    Space,
    Tree,
)
from quiver.reference.lanes import squared_norms
from quiver.reference.transform import evenly_taken

ALGORITHMS = ("auto", "exact", "graph")
Metric = Literal["euclidean", "sqeuclidean", "cosine"]

SPARE = 8
"""Rows proposed beyond those wanted: float32 may order the last few otherwise."""

_FRAME_ROWS = 1024
_BATCH = 1 << 14
"""Queries answered at once, which bounds what is held beside the answers."""

_PAIR_VALUES = 1 << 18
"""Of the rows measured at once: few enough to stay in a cache."""


class Neighborhood:
    """Rows that can be asked for the nearest of them.

    Parameters
    ----------
    rows : ndarray of shape (n, dim), float32 or float64
        Kept as they are; distances are theirs, computed in float64.
    metric : {'euclidean', 'sqeuclidean', 'cosine'}
        A zero vector is at cosine distance 1 from everything.
    algorithm : {'auto', 'exact', 'graph'}
        ``auto`` is exact up to ``MAX_SCANNED`` rows or ``MAX_TREE_DIM`` dimensions.
    effort : Effort
        Of the build.
    """

    def __init__(
        self,
        rows: NDArray[np.floating],
        metric: Metric,
        algorithm: str,
        effort: Effort,
    ) -> None:
        self.rows = rows
        self._metric = metric
        self._space: Space = "cosine" if metric == "cosine" else "euclidean"
        self._lengths = self._lengths_of(rows)
        self._center, self._scale = self._choose_frame()
        self.proposer = self._choose_proposer(algorithm, effort)

    def nearest(self, queries: Any, k: int, effort: Effort) -> Near:
        """Return the k nearest rows of every query; of None, of every row without it.

        A row is left out by its number, so its copies stay.
        """
        n_proposed = min(k + (queries is None) + SPARE, len(self.rows))

        def of_batch(asked: NDArray[np.floating], own: Rows | None) -> Near:
            rows = self.proposer.nearest(self._moved(asked), n_proposed, effort)
            proposed = Ragged(np.full(len(asked), n_proposed), rows.ravel())
            return self._measured(asked, own, proposed).first(k)

        return Near.joined(of_batch(*batch) for batch in self._batches(queries))

    def within(self, queries: Any, radius: float, effort: Effort) -> Near:
        """Return all rows at most so far from every query; None as for `nearest`."""
        length = np.sqrt(radius) if self._metric == "sqeuclidean" else radius
        reach = float(length * self._scale)

        def of_batch(asked: NDArray[np.floating], own: Rows | None) -> Near:
            proposed = self.proposer.within(self._moved(asked), reach, effort)
            return self._measured(asked, own, proposed, radius)

        return Near.joined(of_batch(*batch) for batch in self._batches(queries))

    def _batches(
        self, queries: Any
    ) -> Iterator[tuple[NDArray[np.floating], Rows | None]]:
        """Yield some queries at a time and, where they are the rows, their numbers."""
        asked = self.rows if queries is None else queries
        for start in range(0, len(asked), _BATCH):
            part = asked[start : start + _BATCH]
            own = np.arange(start, start + len(part)) if queries is None else None
            yield part, own

    def _choose_frame(self) -> tuple[Lanes | float, float]:
        """Return what is subtracted, then multiplied, so that float32 does no harm.

        No outlier moves the middle far; and the power of two rounds nothing.
        """
        if self._space == "cosine":
            return 0.0, 1.0
        some = self.rows[evenly_taken(len(self.rows), _FRAME_ROWS)].astype(np.float64)
        center = np.median(some, axis=0)
        largest = np.abs(some - center).max()
        return center, float(2.0 ** -np.floor(np.log2(largest))) if largest else 1.0

    def _choose_proposer(self, algorithm: str, effort: Effort) -> Proposer:
        n, dim = self.rows.shape
        moved = self._moved(self.rows)
        # In a tree over unit rows a zero vector would be at half its distance.
        can_tree = self._space == "euclidean" or moved.any(axis=1).all()
        if algorithm == "graph":
            return Graph.build(moved, self._space, effort)
        if dim <= MAX_TREE_DIM and can_tree:
            return Tree(moved, self._space)
        if algorithm == "exact" or n <= MAX_SCANNED:
            return Scan(moved, self._space)
        return Graph.build(moved, self._space, effort)

    def _moved(self, vectors: NDArray[np.floating]) -> Lanes:
        """Return vectors as proposers see them: unit rows, or in the frame."""
        if self._space == "cosine":
            return _divided(vectors, self._lengths_of(vectors))
        return (vectors.astype(np.float64) - self._center) * self._scale

    def _measured(
        self,
        asked: NDArray[np.floating],
        own: Rows | None,
        proposed: Ragged,
        radius: float = np.inf,
    ) -> Near:
        """Return what is proposed within the radius, in order, but no row itself."""
        owners = np.repeat(np.arange(len(asked)), proposed.counts)
        rows = proposed.rows
        distances = self._distances(asked, owners, rows)
        kept = distances <= radius
        if own is not None:
            kept &= rows != own[owners]
        owners, rows, distances = owners[kept], rows[kept], distances[kept]
        order = np.lexsort((rows, distances, owners))
        counts = np.bincount(owners, minlength=len(asked))
        return Near(counts, rows[order], distances[order])

    def _distances(
        self, asked: NDArray[np.floating], owners: Rows, rows: Rows
    ) -> Lanes:
        lengths = self._lengths_of(asked)
        distances = np.empty(len(rows))
        step = max(1, _PAIR_VALUES // self.rows.shape[1])
        for start in range(0, len(rows), step):
            near, far = rows[start : start + step], owners[start : start + step]
            ours = _divided(self.rows[near], self._lengths[near])
            theirs = _divided(asked[far], lengths[far])
            distances[start : start + step] = squared_norms(ours - theirs)
        if self._metric == "cosine":
            # Half the squared chord: exactly 0 between a vector and itself.
            is_zero = (self._lengths[rows] == 0) | (lengths[owners] == 0)
            return np.where(is_zero, 1.0, distances / 2)
        return np.sqrt(distances) if self._metric == "euclidean" else distances

    def _lengths_of(self, vectors: NDArray[np.floating]) -> Lanes:
        """Return by what vectors are divided before they are compared; 0 is left out.

        Under cosine by their lengths, else by 1.
        """
        if self._space != "cosine":
            return np.ones(len(vectors))
        # Scaled first: a square could be too small or too large for float64.
        largest = np.abs(vectors).max(axis=1).astype(np.float64)
        return largest * np.sqrt(squared_norms(_divided(vectors, largest)))


def _divided(vectors: NDArray[np.floating], divisors: Lanes) -> Lanes:
    """Return rows divided in float64; by 0 they are not."""
    return vectors / np.where(divisors == 0, 1.0, divisors)[:, None]
