"""Probe: the rows that a look takes, and those that ask them for their neighbours.

A sample is thinner than the base. Of a small dense group it holds fewer rows than a
beam does, and of so few any code keeps the nearest; in the base it may keep none. So a
few rows ask besides in a crowd: among their neighbours out of many more rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from quiver._typing import AnyArray, Distances, Metric, StoredVectors, Vectors
from quiver.backends.protocol import Backend
from quiver.graph.unlinked import unlinked_rows
from quiver.recall.exact import nearest_rows
from quiver.reference.transform import evenly_taken

ROWS, QUERIES = 8192, 64
"""Rows looked at and rows that ask, evenly taken: a few hundredths of a build."""

FEWEST_ROWS = 256
"""Fewer rows are searched well enough by any code."""

K = 10
FAR_RANK = 100
"""Of a farther neighbour: how much farther tells the dimension of a neighbourhood."""

FEWEST_FOR_GROWTH = 10 * FAR_RANK
"""Of fewer rows that neighbour is far from the neighbourhood."""

CROWD_ROWS, CROWD_VALUES = 1 << 16, 1 << 23
"""Rows out of which neighbours are taken, at most, and their coordinates: with many of
these the same bits rank better, and a look would cost a tenth of a build."""

CROWD_QUERIES, NEAR = 16, 256
"""Rows that ask, and neighbours of each: four times as many as a code has to order."""


class Probe(NamedTuple):
    """Rows looked at, those that ask, and the exact distance of their neighbours."""

    rows: Vectors
    asking: Vectors
    true: Distances
    growth: float | None = None
    crowd: Probe | None = None


Take = Callable[[AnyArray], Vectors]


class Thinned:
    """Rows evenly taken of a base, read a block at a time.

    Parameters
    ----------
    take : callable
        Returns rows as float32, given their numbers.
    rows : ndarray of int64
        Those that may be taken.
    dim : int
        Columns.
    """

    def __init__(self, take: Take, rows: AnyArray, dim: int) -> None:
        self._take = take
        most = min(CROWD_ROWS, CROWD_VALUES // dim)
        self._rows = rows[evenly_taken(len(rows), most)]
        self.shape = (len(self._rows), dim)

    def __len__(self) -> int:
        """Return how many are taken."""
        return len(self._rows)

    def __getitem__(self, part: slice | AnyArray) -> Vectors:
        """Return some of them."""
        return self._take(self._rows[part])


def crowd_around(
    base: Thinned, asking: Vectors, metric: Metric, backend: Backend
) -> Vectors:
    """Return a few rows that ask, then the nearest to them; no row twice."""
    few = asking[evenly_taken(len(asking), CROWD_QUERIES)]
    near = nearest_rows(base, few, min(NEAR, len(base)), metric, backend)[0]
    rows = np.concatenate([few, base[np.unique(near)]])
    return np.delete(rows, unlinked_rows(rows, metric)[:, 1], axis=0)


def rows_to_look_at(
    vectors: AnyArray | StoredVectors,
) -> tuple[AnyArray, Thinned | None]:
    """Return the rows a look takes, evenly, and where it finds a crowd.

    Of a mapped array only these are read.
    """
    n, dim = vectors.shape
    base = thinned(vectors.__getitem__, np.arange(n), dim)
    return vectors[evenly_taken(n, ROWS)], base


def thinned(take: Take, rows: AnyArray, dim: int) -> Thinned | None:
    """Return where a crowd is found; None where it is hardly denser than a sample."""
    base = Thinned(take, rows, dim)
    return base if len(base) >= 2 * ROWS else None


def make_probe(
    rows: Vectors, metric: Metric, backend: Backend, base: Thinned | None
) -> Probe | None:
    """Return what measures a code, None where rows are too few to tell."""
    if len(rows) < FEWEST_ROWS:
        return None
    # What is answered without a walk needs no code.
    unlinked = unlinked_rows(rows, metric)[:, 1]
    if len(unlinked):
        rows = np.delete(rows, unlinked, axis=0)
    if len(rows) < FEWEST_ROWS:
        return None
    asking = rows[evenly_taken(len(rows), QUERIES)]
    # Every row that asks is its own nearest: one more is wanted.
    far_rank = FAR_RANK if len(rows) >= FEWEST_FOR_GROWTH else K
    near = nearest_rows(rows, asking, far_rank + 1, metric, backend)[1]
    crowd = None
    if base is not None:
        near_rows = crowd_around(base, asking, metric, backend)
        few = near_rows[:CROWD_QUERIES]
        true = nearest_rows(near_rows, few, K + 1, metric, backend)[1][:, -1]
        crowd = Probe(near_rows, few, true)
    return Probe(rows, asking, near[:, K], _growth(near, metric), crowd)


def _growth(near: Distances, metric: Metric) -> float | None:
    """Return the median ratio of the last distance to that of the K-th neighbour.

    By divisions and comparisons alone, which are the same on every computer.
    """
    if near.shape[1] <= K + 1 or metric == "inner_product":
        return None
    kth, last = near[:, K].astype(np.float64), near[:, -1].astype(np.float64)
    ratios = np.sort(last[kth > 0] / kth[kth > 0])
    if not len(ratios):
        return None
    # By cosine distances are squares of those between directions, halved.
    middle = float(ratios[len(ratios) // 2])
    return math.sqrt(middle) if metric == "cosine" else middle
