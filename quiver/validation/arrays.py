"""The input boundary: arrays are checked and normalised here, once.

After it, everything inside may assume C-contiguous, aligned, finite float32. What is
no array yet becomes one in `quiver.validation.foreign`.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Metric, Vectors
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.reference.keys import NO_RESULT
from quiver.validation.checks import MAX_DIM, MAX_ROWS
from quiver.validation.foreign import as_column, as_real_array

MAX_MAGNITUDE = 1e16
"""Largest coordinate of Euclidean and inner-product data. Up to 65 536 squared
differences of this size still fit float32, so no code distance can overflow."""

_FLOAT32 = np.dtype(np.float32)
_LARGEST = float(np.finfo(np.float32).max)
_PLAIN_SQUARES: dict[Metric, float] = {
    "cosine": _LARGEST,
    "euclidean": 0.99 * MAX_MAGNITUDE**2,
    "inner_product": 0.99 * MAX_MAGNITUDE**2,
}
"""A sum of squares, however it was rounded, below which every value is valid."""

_BLOCK_VALUES = 1 << 22


def as_matrix(array: Any, name: str, *, dim: int | None = None) -> AnyArray:
    """Return a matrix of the right shape and a real dtype, its values not yet read.

    Parameters and errors are those of `as_vectors`.
    """
    matrix = as_real_array(array, name)
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
        Real floats or integers in any layout or byte order, or anything else that
        `quiver.validation.foreign.as_real_array` takes.
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
        If it holds no real numbers or is no array; the message says what to type.
    InvalidArgumentError
        If the shape is wrong or a value is not finite or too large; the message
        names the row and column.
    """
    matrix = as_matrix(array, name, dim=dim)
    with np.errstate(over="ignore"):
        vectors = np.require(matrix, dtype=np.float32, requirements=["C", "A"])
    _check_values(vectors, name, _limit(metric), first_row)
    return vectors


def valid_rows(vectors: Vectors, metric: Metric) -> NDArray[np.bool_]:
    """Return which rows `as_vectors` takes."""
    return np.all(_is_valid(vectors, _limit(metric)), axis=1)


def as_queries(queries: Any, *, metric: Metric, dim: int) -> tuple[Vectors, bool]:
    """Return queries as `as_vectors` does, and whether they were one vector."""
    if _is_plain_query(queries, metric, dim):
        return queries.reshape(1, dim), queries.ndim == 1
    array = as_real_array(queries, "queries")
    is_single = array.ndim == 1
    if is_single and len(array) != dim:
        msg = f"queries must have {dim} columns like the index, got shape {array.shape}"
        raise InvalidArgumentError(msg)
    matrix = array[None, :] if is_single else array
    return as_vectors(matrix, "queries", metric=metric, dim=dim), is_single


def _is_plain_query(query: Any, metric: Metric, dim: int) -> bool:
    """Return whether one query, or a batch of one, is what `as_vectors` would return.

    What is not so plain may still be valid: it is looked at closely.
    """
    if type(query) is not np.ndarray or query.dtype is not _FLOAT32:
        return False
    if query.shape != (dim,) and query.shape != (1, dim):
        return False
    if not query.flags.c_contiguous or not query.flags.aligned:
        return False
    # One pass where a look at each value takes three, which a single query would
    # notice: no value is larger than the root of the sum of squares, none is NaN.
    # `vdot` alone of NumPy's products overflows without a warning.
    return bool(np.vdot(query, query) < _PLAIN_SQUARES[metric])


def checked_queries(queries: Any, metric: Metric, dim: int) -> Vectors:
    """Return queries as float32; at least one is required."""
    checked = as_vectors(queries, "queries", metric=metric, dim=dim)
    if not len(checked):
        msg = f"queries must have at least 1 row, got shape {checked.shape}"
        raise InvalidArgumentError(msg)
    return checked


def as_ids(ids: Any, n_rows: int) -> NDArray[np.int64]:
    """Return the caller's ids as int64; None numbers the rows from 0.

    Raises
    ------
    InvalidTypeError
        If they are not integers.
    InvalidArgumentError
        If there are not ``n_rows`` of them, or one is -1, too large or repeated.
    """
    if ids is None:
        return np.arange(n_rows, dtype=np.int64)
    numbers = as_int64(ids, "ids")
    if numbers.shape != (n_rows,):
        msg = f"ids must have shape ({n_rows},), one per vector, got {numbers.shape}"
        raise InvalidArgumentError(msg)
    if (numbers == NO_RESULT).any():
        row = int(np.argmax(numbers == NO_RESULT))
        msg = (
            "ids must not hold -1 (as unsigned: 2**64 - 1), which marks a place left "
            f"empty, got it in row {row}"
        )
        raise InvalidArgumentError(msg)
    _check_unique(numbers)
    return numbers


def as_int64(ids: Any, name: str) -> NDArray[np.int64]:
    """Return integers as a new int64 array; unsigned ones keep their 64 bits.

    Raises
    ------
    InvalidTypeError
        If they are not integers.
    InvalidArgumentError
        If one needs more than 64 bits.
    """
    array = as_column(ids, name)
    # An empty array is of floats if nothing else is said.
    if array.dtype.kind in "iu" or not array.size:
        return array.astype(np.int64)
    exact = array
    if array.dtype.kind == "f" and isinstance(ids, (list, tuple)):
        # NumPy makes floats of Python's integers from 2**63 on beside smaller ones.
        exact = np.array(ids, dtype=object)
    if exact.dtype != object:
        raise InvalidTypeError(_no_integers(name, array))
    bits = [_as_bits(number, name, array) for number in exact.ravel()]
    return np.array(bits, dtype=np.uint64).astype(np.int64).reshape(exact.shape)


def _as_bits(number: Any, name: str, array: AnyArray) -> int:
    try:
        value = operator.index(number)
    except TypeError as error:
        raise InvalidTypeError(_no_integers(name, array)) from error
    if not -(2**63) <= value < 2**64:
        msg = f"{name} must have 64 bits at most, got {value}"
        raise InvalidArgumentError(msg)
    return value % 2**64


def _no_integers(name: str, array: AnyArray) -> str:
    remedy = "keep names in a list or dict and look them up by result.take(names)"
    if array.dtype.kind in "fb":
        remedy = f"if they are whole numbers, give np.asarray({name}).astype(np.int64)"
    elif array.dtype == object and not array.ndim:
        remedy = f"give list({name})"
    return f"{name} must be integers, got dtype {array.dtype}; {remedy}"


def _check_shape(matrix: AnyArray, name: str, dim: int | None) -> None:
    if matrix.ndim != 2:
        is_vector = matrix.ndim == 1 and matrix.size
        remedy = f"; one vector is {name}[None, :]" if is_vector else ""
        msg = f"{name} must be 2-d (n, dim), got shape {matrix.shape}{remedy}"
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
        valid = _is_valid(block, limit)
        if valid.all():
            continue
        row, column = np.argwhere(~valid)[0]
        rule = "finite" if limit == np.inf else f"finite and within ±{limit:g}"
        msg = (
            f"{name} must be {rule} as float32, got {block[row, column]} "
            f"in row {first_row + start + row}, column {column}"
        )
        raise InvalidArgumentError(msg)


def _limit(metric: Metric) -> float:
    return np.inf if metric == "cosine" else MAX_MAGNITUDE


def _is_valid(block: Vectors, limit: float) -> NDArray[np.bool_]:
    return np.isfinite(block) if limit == np.inf else np.abs(block) <= limit


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
