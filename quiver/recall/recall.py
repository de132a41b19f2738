"""Recall: the share of the true neighbours found, by distances or by ids.

Source: ParlayANN's ``check_nn_recall`` for counting ties as hits; recall@k as in
QuIVer (arXiv 2605.02171), Table 5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quiver._typing import AnyArray, Distances
from quiver.arithmetic import in_standard_arithmetic
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.validation.checks import check_int

_CONVENTIONS: dict[str, Callable[[AnyArray], AnyArray]] = {
    "squared Euclidean distances": lambda true: true * true,
    "squared Euclidean distances of unit vectors": lambda true: 2 * true,
    "similarities": lambda true: 1 - true,
    "inner products": lambda true: -true,
}
"""What other libraries return, computed from quiver's distances."""

# Fewer values may look like another convention by accident.
_FEWEST_ALIKE = 4
_ALIKE = 1e-4

_ONE_RULE = (
    "only distances computed by one exact rule can be compared: take them from "
    "Index.search and exact_knn over the same vectors, or use recall_by_ids"
)


@in_standard_arithmetic
def recall_at_k(found: Any, true: Any, k: int | None = None) -> float:
    """Return the mean share of the true k found, by distances: ties are hits.

    Parameters
    ----------
    found : array_like of shape (q, >= k), float
        Distances an index returned, ascending; +inf where it found fewer.
    true : array_like of shape (q, >= k), float
        Exact distances of the nearest, ascending, from `exact_knn` over the vectors
        of the index.
    k : int, optional
        Default: the columns of ``true``.

    Returns
    -------
    float
        0 … 1.

    Raises
    ------
    InvalidTypeError
        If either holds no floats; ids are for `recall_by_ids`.
    InvalidArgumentError
        If the shapes do not go together, a row does not ascend or holds NaN, or both
        cannot come from one exact rule: a distance found is smaller than the true
        one of its rank, or only one of the two is rounded to float32.

    Notes
    -----
    A returned row is a hit if it is no farther than the k-th true neighbour, as in
    ann-benchmarks, but without its tolerance of 0.001: where both sides come from
    one exact rule, equality needs none. Distances of another library differ in the
    last digits, which would count true neighbours as misses; `recall_by_ids` is for
    them.

    Examples
    --------
    >>> recall_at_k([[0.1, 0.4]], [[0.1, 0.2]])
    0.5
    """
    found, true = _as_distances(found, "found"), _as_distances(true, "true")
    k = _check_shapes(found, true, k)
    found, true = found[:, :k], true[:, :k]
    _check_one_rule(found, true)
    return share_within(found, true[:, -1:])


@in_standard_arithmetic
def recall_by_ids(found: Any, true: Any, k: int | None = None) -> float:
    """Return the mean share of the true k found, by ids alone.

    Parameters
    ----------
    found : array_like of shape (q, >= k), int
        Ids any library returned, best first; -1 where it found fewer. An id that
        stands twice counts once.
    true : array_like of shape (q, >= k), int
        Ids of the nearest, best first; -1 counts as a neighbour nobody finds.
    k : int, optional
        Default: the columns of ``true``.

    Returns
    -------
    float
        0 … 1.

    Raises
    ------
    InvalidTypeError
        If either holds no integers; distances are for `recall_at_k`.
    InvalidArgumentError
        If the shapes do not go together, or a true neighbour is named twice.

    Notes
    -----
    The intersection of both sets over k, which is also what trec_eval calls
    ``recall_k`` where every query has k relevant documents. Of rows at the same
    distance only those named are hits; `recall_at_k` counts any of them.

    Examples
    --------
    >>> recall_by_ids([[7, 9, -1]], [[9, 7, 8]])
    0.6666666666666666
    """
    found, true = as_id_array(found, "found"), as_id_array(true, "true")
    k = _check_shapes(found, true, k)
    found, true = found[:, :k], true[:, :k]
    check_distinct(true, "true")
    hits = sum(
        len(set(row) & set(true_row) - {-1})
        for row, true_row in zip(found.tolist(), true.tolist(), strict=True)
    )
    return hits / true.size


def share_within(found: Distances, kth: Distances) -> float:
    """Return the share of distances (q, k) no larger than their query's (q, 1)."""
    return float(np.mean(np.isfinite(found) & (found <= kth)))


def as_id_array(values: Any, name: str) -> AnyArray:
    """Return ids of any integer dtype as an array, or raise a typed error."""
    ids = _as_array(values, name)
    if ids.dtype.kind not in "iu":
        msg = (
            f"{name} must hold integer ids, got dtype {ids.dtype}; "
            "distances are for recall_at_k"
        )
        raise InvalidTypeError(msg)
    return ids


def check_distinct(ids: AnyArray, name: str) -> None:
    """Raise if a row of ids holds one twice; -1 may stand anywhere."""
    ordered = np.sort(ids, axis=1)
    repeated = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != -1)
    if repeated.any():
        row, column = np.argwhere(repeated)[0]
        msg = (
            f"{name} must name different ids for each query, got id "
            f"{ordered[row, column]} twice for query {row}"
        )
        raise InvalidArgumentError(msg)


def _as_array(values: Any, name: str) -> AnyArray:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        msg = f"{name} must be a matrix, one row per query: {error}"
        raise InvalidTypeError(msg) from error


def _as_distances(values: Any, name: str) -> AnyArray:
    distances = _as_array(values, name)
    if distances.dtype.kind != "f":
        msg = (
            f"{name} must hold distances as floats, got dtype {distances.dtype}; "
            "ids are for recall_by_ids"
        )
        raise InvalidTypeError(msg)
    return distances


def _check_shapes(found: AnyArray, true: AnyArray, k: int | None) -> int:
    if found.ndim != 2 or true.ndim != 2 or len(found) != len(true) or not true.size:
        msg = f"found and true must be (q, k) alike, got {found.shape}, {true.shape}"
        raise InvalidArgumentError(msg)
    k = true.shape[1] if k is None else check_int("k", k, 1, true.shape[1])
    if found.shape[1] < k:
        msg = f"found must have at least k columns, got {found.shape}, k={k}"
        raise InvalidArgumentError(msg)
    return k


def _check_one_rule(found: AnyArray, true: AnyArray) -> None:
    """Raise if the distances cannot both be exact and of one convention."""
    for name, distances in (("found", found), ("true", true)):
        _check_ascending(distances, name)
    for convention, convert in _CONVENTIONS.items():
        with np.errstate(over="ignore", invalid="ignore"):
            is_alike = _looks_like(found, convert(true), true)
        if is_alike:
            msg = f"found must hold quiver's distances, got {convention}; {_ONE_RULE}"
            raise InvalidArgumentError(msg)
    if _is_float32(found) != _is_float32(true):
        finer = "true" if _is_float32(found) else "found"
        msg = f"{finer} must be rounded to float32 like the other; {_ONE_RULE}"
        raise InvalidArgumentError(msg)
    if (found < true).any():
        row, column = np.argwhere(found < true)[0]
        msg = (
            f"found must not be nearer than the true neighbours, got "
            f"{found[row, column]!s} < {true[row, column]!s} for query {row} at rank "
            f"{column + 1}; {_ONE_RULE}"
        )
        raise InvalidArgumentError(msg)


def _check_ascending(distances: AnyArray, name: str) -> None:
    if np.isnan(distances).any():
        row = int(np.argwhere(np.isnan(distances))[0, 0])
        msg = f"{name} must hold distances, got NaN for query {row}"
        raise InvalidArgumentError(msg)
    wrong = distances[:, 1:] < distances[:, :-1]
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        msg = (
            f"{name} must hold ascending distances, nearest first, got "
            f"{distances[row, column]!s} before {distances[row, column + 1]!s} for "
            f"query {row}; similarities are no distances, see recall_by_ids"
        )
        raise InvalidArgumentError(msg)


def _looks_like(found: AnyArray, other: AnyArray, true: AnyArray) -> bool:
    # The nearest is mostly found; with few queries every rank must tell.
    shown = slice(0, 1 if len(found) >= _FEWEST_ALIKE else None)
    values = found[:, shown]
    alike = np.isclose(values, other[:, shown], rtol=_ALIKE, atol=0)
    count = np.count_nonzero(alike & (values != true[:, shown]))
    return bool(count >= _FEWEST_ALIKE and 2 * count > values.size)


def _is_float32(distances: AnyArray) -> bool:
    with np.errstate(over="ignore"):
        return np.array_equal(distances, distances.astype(np.float32))
