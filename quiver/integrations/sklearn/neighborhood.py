"""Neighborhood: rows that know which of them are near, measured in float64."""

from __future__ import annotations

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
        asked, own = self._asked(queries)
        n_proposed = min(k + (own is not None) + SPARE, len(self.rows))
        proposed = self.proposer.nearest(self._moved(asked), n_proposed, effort)
        counts = np.full(len(asked), n_proposed)
        return self._measured(asked, own, Ragged(counts, proposed.ravel())).first(k)

    def within(self, queries: Any, radius: float, effort: Effort) -> Near:
        """Return all rows at most so far from every query; None as for `nearest`."""
        asked, own = self._asked(queries)
        length = np.sqrt(radius) if self._metric == "sqeuclidean" else radius
        reach = float(length * self._scale)
        proposed = self.proposer.within(self._moved(asked), reach, effort)
        return self._measured(asked, own, proposed, radius)

    def _asked(self, queries: Any) -> tuple[NDArray[np.floating], Rows | None]:
        """Return the queries and, where they are the rows, their numbers."""
        if queries is None:
            return self.rows, np.arange(len(self.rows))
        return queries, None

    def _choose_frame(self) -> tuple[Lanes | float, float]:
        """Return what is subtracted, then multiplied, so that float32 does no harm.

        Neither moves far for a few outliers; the power of two rounds nothing.
        """
        if self._space == "cosine":
            return 0.0, 1.0
        some = self.rows[evenly_taken(len(self.rows), _FRAME_ROWS)].astype(np.float64)
        center = np.median(some, axis=0)
        offsets = np.abs(some - center)
        usual = np.median(offsets[offsets > 0]) if offsets.any() else 1.0
        return center, float(2.0 ** -np.floor(np.log2(usual)))

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
