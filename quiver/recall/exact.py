"""Exact neighbours: a matrix product screens, the exact rule decides.

The base is read once for a batch of queries, in blocks of rows, so it may be a mapped
file larger than memory. A float32 product over a block leaves only rows that could be
among the k nearest given its rounding error; these are measured by the exact rule,
and the k best so far decide what the next block must beat. So the result does not
depend on the BLAS in use, and memory does not depend on the number of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Keys, Lanes, Metric, Vectors
from quiver.arithmetic import in_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.recall.marks import exact_distances
from quiver.recall.row_blocks import RowBlocks, Rows
from quiver.reference.keys import (
    NO_ID,
    NO_KEY,
    key_distances,
    key_ids,
    make_keys,
    places_in_line,
)
from quiver.reference.rerank import exact_distance
from quiver.validation.checks import check_int, check_metric

# Of a block, of its scores and of the k best of all queries asked at once: 8 MiB as
# float32. Some twenty arrays of this size exist at the worst moment.
_BLOCK_VALUES = 1 << 21
# Wider batches make the product no faster.
_BATCH_QUERIES = 1024
# Of the rows measured exactly at once: few enough to stay in a cache.
_PAIR_VALUES = 1 << 18
# Where more rows than this times k pass, a partition of the block pays.
_MANY = 2

# How far off one rounding is, and what is lost below it, whatever the lengths. The
# threads of a BLAS are its own: they may round another way, and flush subnormals.
_FLOAT32_UNIT = 2.0**-23
_FLOAT32_TINY = 2.0**-126


@in_standard_arithmetic
def exact_knn(
    vectors: Any, queries: Any, k: int, *, metric: Metric = "cosine"
) -> tuple[NDArray[np.int64], Distances]:
    """Return the exact k nearest rows of every query, by (distance, row).

    Parameters
    ----------
    vectors : array_like of shape (n, dim), or ColdVectors
        Base, as for `Index.build`. An array, mapped or not and of any dtype, is
        read in blocks and never converted whole.
    queries : array_like of shape (q, dim)
        Queries; many at once share each pass over the base.
    k : int
        1 … n.
    metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
        As for `Index.build`.

    Returns
    -------
    ids : ndarray of shape (q, k), int64
        Row numbers, best first.
    distances : ndarray of shape (q, k), float32
        The same values that `Index.search` returns.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule.

    Notes
    -----
    Takes at most 256 MiB beside the arrays given and returned, and about the time of
    a float32 matrix product.
    """
    metric = check_metric(metric)
    base = RowBlocks(vectors, "vectors", metric)
    query_rows = RowBlocks(queries, "queries", metric, dim=base.shape[1])
    return nearest_rows(base, query_rows, check_int("k", k, 1, len(base)), metric)


def nearest_rows(
    base: Rows,
    queries: Rows,
    k: int,
    metric: Metric,
    backend: Backend | None = None,
) -> tuple[NDArray[np.int64], Distances]:
    """Return what `exact_knn` does, of arguments checked already or when read.

    Kernels, where some are given, measure what NumPy would: in every bit the same.
    """
    n_queries, dim = queries.shape
    ids = np.empty((n_queries, k), dtype=np.int64)
    distances = np.empty((n_queries, k), dtype=np.float32)
    step = max(1, min(_BATCH_QUERIES, _BLOCK_VALUES // max(dim, k)))
    for start in range(0, n_queries, step):
        batch = slice(start, start + step)
        keys = _nearest_keys(base, queries[batch], k, metric, backend)
        ids[batch], distances[batch] = key_ids(keys), key_distances(keys)
    return ids, distances


def _nearest_keys(
    base: Rows, queries: Vectors, k: int, metric: Metric, backend: Backend | None
) -> Keys:
    screen = _Screen(queries, metric)
    best = np.full((len(queries), k), NO_KEY, dtype=np.uint64)
    step = max(1, _BLOCK_VALUES // max(len(queries), base.shape[1]))
    for start in range(0, len(base), step):
        block = base[start : start + step]
        owners, rows = screen.candidates(block, best)
        if backend is None or not len(rows):
            distances = _measured(block, queries, owners, rows, metric)
        else:
            distances = _by_kernels(backend, block, queries, owners, rows, metric)
        best = _merge(best, owners, make_keys(distances, rows + start))
    return best


class _Screen:
    """Approximate distances of a batch to a block, with a bound on their error.

    A score grows with the exact distance: ``(d² - ‖q‖²) / 2`` for Euclidean distance,
    minus the product for inner product, minus the cosine for cosine.
    """

    def __init__(self, queries: Vectors, metric: Metric) -> None:
        self._metric = metric
        self._is_euclidean = metric == "euclidean"
        prepared, self._squares = self._prepare(queries)
        self._negated = -prepared

    def candidates(
        self, block: Vectors, best: Keys
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return every (query, row of the block) that may change the best so far."""
        points, squares = self._prepare(block)
        scores = self._negated @ points.T
        if self._is_euclidean:
            scores += (squares / 2).astype(np.float32)
        error = self._error(float(squares.max()), points.shape[1])
        near = scores <= self._limits(best, error)
        k, n_rows = best.shape[1], len(block)
        if k < n_rows and np.count_nonzero(near) > _MANY * k * len(best):
            kth = np.partition(scores, k - 1, axis=1)[:, k - 1 : k]
            near &= scores <= (kth + 2 * error).astype(np.float32)
        return np.divmod(np.flatnonzero(near), n_rows)

    def _prepare(self, vectors: Vectors) -> tuple[Vectors, Lanes]:
        """Return what is multiplied, and its squared norms in float64."""
        squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
        if self._metric != "cosine":
            return vectors, squares
        # A zero vector stays zero: its cosine to everything is 0.
        squares[squares == 0] = 1.0
        units = np.empty_like(vectors)
        norms = np.sqrt(squares)[:, None]
        np.divide(vectors, norms, out=units, dtype=np.float64, casting="same_kind")
        return units, np.ones(len(vectors))

    def _error(self, largest_square: float, dim: int) -> Lanes:
        """Return how far a score may be off, shape (q, 1)."""
        lengths = np.sqrt(self._squares) + np.sqrt(largest_square)
        # Rounding of a dot product of dim terms, twice over, and of the norms, of the
        # limits, and of the exact distances, whose ties go by row.
        n_roundings = 2 * dim + 8
        lost = _FLOAT32_TINY * (1 + lengths)
        return (n_roundings * (_FLOAT32_UNIT * lengths * lengths + lost))[:, None]

    def _limits(self, best: Keys, error: Lanes) -> Distances:
        """Return the largest score that may still be among the k best, (q, 1)."""
        kth = key_distances(best[:, -1:]).astype(np.float64)
        if self._is_euclidean:
            kth = (kth * kth - self._squares[:, None]) / 2
        elif self._metric == "cosine":
            kth -= 1
        return (kth + error).astype(np.float32)


def _measured(
    block: Vectors,
    queries: Vectors,
    owners: NDArray[np.int64],
    rows: NDArray[np.int64],
    metric: Metric,
) -> Distances:
    """Return the exact distance of every (query, row)."""
    distances = np.empty(len(rows), dtype=np.float32)
    step = max(1, _PAIR_VALUES // block.shape[1])
    for start in range(0, len(rows), step):
        pairs = slice(start, start + step)
        near, asking = block[rows[pairs]], queries[owners[pairs]]
        distances[pairs] = exact_distance(near, asking, metric)
    return distances


def _by_kernels(
    backend: Backend,
    block: Vectors,
    queries: Vectors,
    owners: NDArray[np.int64],
    rows: NDArray[np.int64],
    metric: Metric,
) -> Distances:
    """Return the same as `_measured`, of one pair or more."""
    places, width = places_in_line(owners, len(queries))
    candidates = np.full((len(queries), width), NO_ID, dtype=np.uint32)
    candidates[owners, places] = rows
    distances = exact_distances(backend, block, queries, candidates, metric)
    return distances[owners, places]


def _merge(best: Keys, owners: NDArray[np.int64], keys: Keys) -> Keys:
    """Return the k smallest of each query's keys, old and new, in ascending order.

    ``owners`` ascend: the query of every new key.
    """
    n_queries, k = best.shape
    places, width = places_in_line(owners, n_queries)
    both = np.full((n_queries, k + width), NO_KEY, dtype=np.uint64)
    both[:, :k] = best
    both[owners, k + places] = keys
    both.sort(axis=1)
    return both[:, :k].copy()
