"""Measuring answers: tie-aware recall.

Source: ParlayANN's ``check_nn_recall`` for counting ties as hits; recall@k as in
QuIVer (arXiv 2605.02171), Table 5.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Distances
from quiver.errors import InvalidArgumentError
from quiver.params import check_int


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
