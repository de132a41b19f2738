"""The exact neighbors at each search of a runbook, and the share of them found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import quiver
from big_ann.files import Nearest, read_nearest, write_nearest
from big_ann.runbook import NONE
from quiver._typing import Metric, Vectors
from quiver.errors import FileFormatError

WIDTH = 100
"""Neighbors in the harness's files, as many as there are."""
TIE = 1e-6
"""Distances no farther apart than this are ties to the harness."""


class Truth:
    """Exact neighbors, computed when asked for, or kept in a folder.

    Parameters
    ----------
    base, queries : ndarray of shapes (n, dim) and (q, dim), float32
        All vectors of the runbook, and what is searched.
    metric : {'cosine', 'euclidean', 'inner_product'}
        As for `quiver.exact_knn`.
    folder : Path, optional
        Where the harness looks for them: ``stepN.gt100`` for the search in step N.
    """

    def __init__(
        self,
        base: Vectors,
        queries: Vectors,
        metric: Metric,
        folder: Path | None = None,
    ) -> None:
        self._base, self._queries = base, queries
        self._metric, self._folder = metric, folder

    def at(self, number: int, vector_of: NDArray[np.int64]) -> Nearest:
        """Return the neighbors at step ``number``, given the vector of every tag.

        Raises
        ------
        FileFormatError
            If a file is damaged, or holds a tag that the index does not.
        """
        if self._folder is None:
            return self._computed(vector_of)
        path = self._folder / f"step{number}.gt100"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_nearest(path, self._computed(vector_of))
        nearest = read_nearest(path)
        n_live = np.count_nonzero(vector_of != NONE)
        shape = len(self._queries), min(WIDTH, n_live)
        known = nearest.tags.shape == shape and np.isin(
            nearest.tags, np.flatnonzero(vector_of != NONE)
        )
        if not np.all(known):
            msg = (
                f"{path}: must hold {shape[1]} of the tags at that step for each of "
                f"{shape[0]} queries, got others; it is of another runbook: remove it"
            )
            raise FileFormatError(msg)
        return nearest

    def _computed(self, vector_of: NDArray[np.int64]) -> Nearest:
        tags = np.flatnonzero(vector_of != NONE)
        k = min(WIDTH, len(tags))
        rows, distances = quiver.exact_knn(
            self._base[vector_of[tags]], self._queries, k, metric=self._metric
        )
        return Nearest(tags[rows], distances)


def recall(found: NDArray[np.int64], true: Nearest, k: int) -> float:
    """Return the share of the k nearest that is among the tags found, ties as hits.

    As in the harness: whatever is as near as the k-th of the true neighbors counts,
    and a tag found twice counts once.
    """
    k = min(k, true.tags.shape[1])
    is_near = np.abs(true.distances - true.distances[:, k - 1 : k]) < TIE
    is_near[:, :k] = True
    hits = [
        len(np.intersect1d(row[near], answer))
        for row, near, answer in zip(true.tags, is_near, found, strict=True)
    ]
    return float(np.mean(hits)) / k
