"""Measuring answers: exact neighbours and tie-aware recall.

Source: ParlayANN's ``check_nn_recall`` for counting ties as hits; recall@k as in
QuIVer (arXiv 2605.02171), Table 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Metric, Vectors
from quiver.errors import InvalidArgumentError
from quiver.keys import key_distances, key_ids, make_keys
from quiver.params import check_int
from quiver.reference.lanes import squared_norms
from quiver.reference.rerank import exact_distance
from quiver.validation import as_vectors
from quiver.words import check_metric

_BLOCK_BYTES = 1 << 27
_FLOAT32_UNIT = 2.0**-24
_FLOAT32_TINY = 2.0**-149  # Below it products are lost, whatever the lengths.


def exact_knn(
    vectors: Any, queries: Any, k: int, *, metric: Metric = "cosine"
) -> tuple[NDArray[np.int64], Distances]:
    """Return the exact k nearest rows of every query, by (distance, row).

    Parameters
    ----------
    vectors : array_like of shape (n, dim)
        Base, as for `Index.build`.
    queries : array_like of shape (q, dim)
        Queries.
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
    A float32 matrix product in blocks keeps every row that could be among the k
    given its rounding error; those few are measured by the exact rule. So the
    result does not depend on the BLAS in use.
    """
    metric = check_metric(metric)
    base = as_vectors(vectors, "vectors", metric=metric)
    wanted = as_vectors(queries, "queries", metric=metric, dim=base.shape[1])
    k = check_int("k", k, 1, len(base))
    screen = _Screen(base, metric)
    ids = np.empty((len(wanted), k), dtype=np.int64)
    distances = np.empty((len(wanted), k), dtype=np.float32)
    block_rows = max(1, _BLOCK_BYTES // (4 * len(base)))
    for start in range(0, len(wanted), block_rows):
        block = wanted[start : start + block_rows]
        for number, rows in enumerate(screen.candidates(block, k), start):
            exact = exact_distance(base[rows], wanted[number], metric)
            best = np.sort(make_keys(exact, rows))[:k]
            ids[number], distances[number] = key_ids(best), key_distances(best)
    return ids, distances


class _Screen:
    """Approximate squared distances with a bound on their error."""

    def __init__(self, base: Vectors, metric: Metric) -> None:
        self._metric = metric
        self._base = self._prepare(base)
        self._half_norms2 = (squared_norms(self._base) / 2).astype(np.float32)
        if metric != "euclidean":
            # A zero vector has the cosine 0, so its norm must not count either.
            self._half_norms2[:] = 0
        self._largest = float(np.sqrt(squared_norms(self._base).max(initial=0.0)))

    def candidates(self, queries: Vectors, k: int) -> list[NDArray[np.uint32]]:
        """Return, for each query, every row that may be among its k nearest."""
        prepared = self._prepare(queries)
        scores = self._half_norms2 - prepared @ self._base.T
        kth = np.partition(scores, k - 1, axis=1)[:, k - 1]
        lengths = np.sqrt(squared_norms(prepared)) + self._largest
        # Rounding of a dot product of dim terms, twice over, and of the norms.
        n_roundings = 2 * self._base.shape[1] + 8
        error = n_roundings * (_FLOAT32_UNIT * lengths * lengths + _FLOAT32_TINY)
        limits = kth + 2 * error
        return [
            np.flatnonzero(row <= limit).astype(np.uint32)
            for row, limit in zip(scores, limits, strict=True)
        ]

    def _prepare(self, vectors: Vectors) -> Vectors:
        if self._metric != "cosine":
            return vectors
        norms = np.sqrt(squared_norms(vectors))[:, None]
        unit = np.divide(vectors, norms, out=np.zeros(vectors.shape), where=norms > 0)
        return unit.astype(np.float32)


def recall_at_k(found: Distances, true: Distances, k: int | None = None) -> float:
    """Return the mean share of the true k found, counting ties as hits.

    Parameters
    ----------
    found : ndarray of shape (q, >= k), float32
        Distances an index returned, ascending; +inf where it found fewer.
    true : ndarray of shape (q, >= k), float32
        Exact distances from `exact_knn`, ascending.
    k : int, optional
        Default: the columns of ``true``.

    Returns
    -------
    float
        0 … 1.

    Raises
    ------
    InvalidArgumentError
        If the shapes do not go together.

    Notes
    -----
    A returned row is a hit if it is no farther than the k-th true neighbour. Both
    sides come from one exact rule, so equality needs no tolerance.
    """
    if found.ndim != 2 or true.ndim != 2 or len(found) != len(true) or not len(true):
        msg = f"found and true must be (q, k) alike, got {found.shape}, {true.shape}"
        raise InvalidArgumentError(msg)
    k = true.shape[1] if k is None else check_int("k", k, 1, true.shape[1])
    if found.shape[1] < k:
        msg = f"found must have at least k columns, got {found.shape}, k={k}"
        raise InvalidArgumentError(msg)
    kth = true[:, k - 1 : k]
    hits = np.isfinite(found[:, :k]) & (found[:, :k] <= kth)
    return float(hits.sum() / (len(true) * k))
