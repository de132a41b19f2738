"""The input boundary: arrays are checked and normalised here, once.

After it, everything inside may assume C-contiguous, aligned, finite float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Metric, Vectors
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.params import MAX_DIM, MAX_ROWS

MAX_MAGNITUDE = 1e16
"""Largest coordinate of Euclidean and inner-product data. Up to 65 536 squared
differences of this size still fit float32, so no code distance can overflow."""

_BLOCK_VALUES = 1 << 22


def as_matrix(array: Any, name: str, *, dim: int | None = None) -> AnyArray:
    """Return a matrix of the right shape and a real dtype, its values not yet read.

    Parameters and errors are those of `as_vectors`.
    """
    matrix = _as_real_array(array, name)
    _check_shape(matrix, name, dim)
    return matrix


def as_vectors(
    array: Any,
    name: str,
    *,
    metric: Metric,
    dim: int | None = None,
    first_row: int = 0,
) -> Vectors:
    """Return a matrix as C-contiguous finite float32; a view where it is one already.

    Parameters
    ----------
    array : array_like of shape (n, dim)
        Real floats or integers in any layout or byte order.
    name : str
        The argument's name, for messages.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Cosine takes any finite value; the others none beyond ``MAX_MAGNITUDE``.
    dim : int, optional
        Required number of columns.
    first_row : int, default 0
        Number of the first row in the caller's matrix, for messages.

    Returns
    -------
    ndarray of shape (n, dim), float32

    Raises
    ------
    InvalidTypeError
        If the dtype is not real, or the array is masked or sparse.
    InvalidArgumentError
        If the shape is wrong or a value is not finite or too large; the message
        names the row and column.
    """
    matrix = as_matrix(array, name, dim=dim)
    with np.errstate(over="ignore"):
        vectors = np.require(matrix, dtype=np.float32, requirements=["C", "A"])
    limit = np.inf if metric == "cosine" else MAX_MAGNITUDE
    _check_values(vectors, name, limit, first_row)
    return vectors


def as_queries(queries: Any, *, metric: Metric, dim: int) -> tuple[Vectors, bool]:
    """Return queries as `as_vectors` does, and whether they were one vector."""
    array = _as_real_array(queries, "queries")
    is_single = array.ndim == 1
    matrix = array[None, :] if is_single else array
    return as_vectors(matrix, "queries", metric=metric, dim=dim), is_single


def own_vectors(vectors: Vectors, source: Any) -> Vectors:
    """Return vectors that nobody else can change: read-only input is shared.

    A writeable array is copied unless conversion already made a new one.
    """
    shared = isinstance(source, np.ndarray) and np.shares_memory(vectors, source)
    owned = vectors.copy() if shared and vectors.flags.writeable else vectors
    view = owned.view()
    view.flags.writeable = False
    return view


def as_ids(ids: Any, n_rows: int) -> NDArray[np.int64]:
    """Return the caller's ids as int64; None numbers the rows from 0.

    Raises
    ------
    InvalidTypeError
        If they are not integers.
    InvalidArgumentError
        If there are not ``n_rows`` of them, or one is negative, too large or repeated.
    """
    if ids is None:
        return np.arange(n_rows, dtype=np.int64)
    array = np.asarray(ids)
    if array.dtype.kind not in "iu":
        msg = f"ids must be integers, got dtype {array.dtype}"
        raise InvalidTypeError(msg)
    if array.shape != (n_rows,):
        msg = f"ids must have shape ({n_rows},), one per vector, got {array.shape}"
        raise InvalidArgumentError(msg)
    outside = (array < 0) | (array > np.iinfo(np.int64).max)
    if outside.any():
        row = int(np.argmax(outside))
        msg = f"ids must be in 0 … 2**63 - 1, got {array[row]} in row {row}"
        raise InvalidArgumentError(msg)
    _check_unique(array)
    return array.astype(np.int64)


def _as_real_array(array: Any, name: str) -> AnyArray:
    if isinstance(array, np.ma.MaskedArray):
        msg = f"{name} must not be a masked array; fill or drop the masked rows"
        raise InvalidTypeError(msg)
    try:
        matrix = np.asarray(array)
    except (TypeError, ValueError) as error:
        msg = f"{name} must be a matrix of real numbers: {error}"
        raise InvalidTypeError(msg) from error
    if matrix.dtype.kind not in "iuf":
        msg = f"{name} must have a real float or integer dtype, got {matrix.dtype}"
        raise InvalidTypeError(msg)
    return matrix


def _check_shape(matrix: AnyArray, name: str, dim: int | None) -> None:
    if matrix.ndim != 2:
        msg = f"{name} must be 2-d (n, dim), got shape {matrix.shape}"
        raise InvalidArgumentError(msg)
    n, columns = matrix.shape
    if dim is not None and columns != dim:
        msg = f"{name} must have {dim} columns like the index, got shape {matrix.shape}"
        raise InvalidArgumentError(msg)
    if not 1 <= columns <= MAX_DIM:
        msg = f"{name} must have 1 … {MAX_DIM} columns, got shape {matrix.shape}"
        raise InvalidArgumentError(msg)
    if n > MAX_ROWS:
        msg = f"{name} must have at most {MAX_ROWS} rows, got {n}"
        raise InvalidArgumentError(msg)


def _check_values(vectors: Vectors, name: str, limit: float, first_row: int) -> None:
    block_rows = max(1, _BLOCK_VALUES // vectors.shape[1])
    for start in range(0, len(vectors), block_rows):
        block = vectors[start : start + block_rows]
        valid = np.isfinite(block) if limit == np.inf else np.abs(block) <= limit
        if valid.all():
            continue
        row, column = np.argwhere(~valid)[0]
        rule = "finite" if limit == np.inf else f"finite and within ±{limit:g}"
        msg = (
            f"{name} must be {rule} as float32, got {block[row, column]} "
            f"in row {first_row + start + row}, column {column}"
        )
        raise InvalidArgumentError(msg)


def _check_unique(ids: AnyArray) -> None:
    order = np.argsort(ids, kind="stable")
    repeated = np.flatnonzero(ids[order][1:] == ids[order][:-1])
    if repeated.size:
        first, second = order[repeated[0]], order[repeated[0] + 1]
        msg = (
            f"ids must be unique, got {ids[first]} in row {first} "
            f"and again in row {second}"
        )
        raise InvalidArgumentError(msg)
