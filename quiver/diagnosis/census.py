"""Census: every row is looked at once, since a single one can matter.

A sample sees no row in a million. So one pass in blocks, over a mapped file as well,
counts the rows that are unlike others and keeps 19 bytes for each; it costs 3 to 10 %
of the CPU time of a build (docs/diagnosis.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Distances, Lanes, Metric, Vectors
from quiver.graph.unlinked import hash_rows
from quiver.parallel.progress import ProgressMeter
from quiver.reference.lanes import squared_norms
from quiver.reference.transform import (
    BLOCK_ROWS,
    FAR,
    MEDIAN_ROWS,
    evenly_taken,
    prepare,
    searched_metric,
)
from quiver.validation.arrays import valid_rows

FEWEST_DIMENSIONS = 4
"""In fewer, some rows lie near the centre by chance."""

RowNumbers = NDArray[np.intp]


class Census(NamedTuple):
    """Rows of a base by kind, ascending; a row can be of several.

    Attributes
    ----------
    n : int
        Rows in all.
    unusable : ndarray of int
        Not finite as float32, or too large for the metric: refused by a build.
    zero, constant : ndarray of int
        All coordinates 0; all the same other value.
    copies : ndarray of int
        Equal to an earlier row, by a hash of 64 bits. Zero vectors under cosine are
        none.
    far, central : ndarray of int
        Farther from the coordinate-wise median than ``FAR`` times the median squared
        distance; nearer than a ``FAR``-th of it. No directions are far.
    """

    n: int
    unusable: RowNumbers
    zero: RowNumbers
    constant: RowNumbers
    copies: RowNumbers
    far: RowNumbers
    central: RowNumbers

    def usable(self) -> RowNumbers:
        """Return the rows that an index can hold."""
        return np.delete(np.arange(self.n), self.unusable)


class _Rows(NamedTuple):
    """What is kept of every row until all are read."""

    is_usable: NDArray[np.bool_]
    is_constant: NDArray[np.bool_]
    is_zero: NDArray[np.bool_]
    hashes: NDArray[np.uint64]
    distances: Lanes


def take_census(matrix: AnyArray, metric: Metric, meter: ProgressMeter) -> Census:
    """Read every row of a real matrix once."""
    n, dim = matrix.shape
    middle = _middle(matrix, metric)
    usable, constant, zero = np.empty((3, n), dtype=np.bool_)
    rows = _Rows(usable, constant, zero, np.empty(n, dtype=np.uint64), np.empty(n))
    for start in range(0, n, BLOCK_ROWS):
        meter.advance(0)
        part = slice(start, start + BLOCK_ROWS)
        for kept, found in zip(rows, _read(matrix[part], middle, metric), strict=True):
            kept[part] = found
    n_usable = np.count_nonzero(rows.is_usable)
    # Half of the rows are no farther than is usual.
    usual = float(np.median(rows.distances[rows.is_usable] if n_usable else 0))
    is_zero = rows.is_usable & rows.is_zero
    is_point = rows.is_usable & ~is_zero if metric == "cosine" else rows.is_usable
    is_far = is_point & (rows.distances > FAR * usual) & (usual > 0)
    is_central = is_point & (rows.distances * FAR < usual)
    return Census(
        n=n,
        unusable=np.flatnonzero(~rows.is_usable),
        zero=np.flatnonzero(is_zero),
        constant=np.flatnonzero(rows.is_usable & rows.is_constant & ~rows.is_zero),
        copies=_repeated(rows.hashes, np.flatnonzero(is_point)),
        far=np.flatnonzero(is_far & (metric != "cosine")),
        central=np.flatnonzero(is_central & (dim >= FEWEST_DIMENSIONS)),
    )


def _middle(matrix: AnyArray, metric: Metric) -> Distances:
    """Return the coordinate-wise median of a few rows, which no tenth can move."""
    few, is_usable = as_floats(matrix[evenly_taken(len(matrix), MEDIAN_ROWS)], metric)
    few = few[is_usable]
    if not len(few):
        return np.zeros(matrix.shape[1], dtype=np.float32)
    return np.median(prepare(few, searched_metric(metric)), axis=0)


def _read(block: AnyArray, middle: Distances, metric: Metric) -> _Rows:
    vectors, is_usable = as_floats(block, metric)
    # -0.0 equals 0.0, so their bits must too.
    hashes, is_zero = hash_rows(vectors + np.float32(0)), (vectors == 0).all(axis=1)
    points = prepare(vectors, searched_metric(metric))
    is_constant = (vectors == vectors[:, :1]).all(axis=1) & (vectors.shape[1] > 1)
    distances = squared_norms(points - middle)
    return _Rows(is_usable, is_constant, is_zero, hashes, distances)


def as_floats(block: AnyArray, metric: Metric) -> tuple[Vectors, NDArray[np.bool_]]:
    """Return rows as float32, and which of them an index can hold; 0 for the others."""
    with np.errstate(over="ignore"):
        vectors = np.array(block, dtype=np.float32, order="C")
    is_usable = valid_rows(vectors, metric)
    vectors[~is_usable] = 0
    return vectors, is_usable


def _repeated(hashes: NDArray[np.uint64], rows: RowNumbers) -> RowNumbers:
    """Return those of the rows whose hash an earlier one has."""
    _, first = np.unique(hashes[rows], return_index=True)
    return np.delete(rows, first)
