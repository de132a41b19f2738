"""Map NumPy, fvecs-family and big-ann files once their sizes add up.

Sizes are products of Python integers, which cannot overflow, and are compared with the
file's before anything is mapped: a forged header costs nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import DTypeLike

from quiver._typing import AnyArray
from quiver.errors import FileFormatError
from quiver.validation.checks import MAX_DIM

# NumPy writes headers of a few hundred bytes and refuses longer ones than this.
MAX_NPY_HEADER = 10_000
# Versions 2 and 3 differ in how fields are named; arrays with fields are refused.
_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,
}


def read_npy(path: Path, max_rows: int | None) -> AnyArray:
    """Map a ``.npy`` file; objects are refused, not unpickled."""
    shape, fortran_order, dtype, offset = npy_header(path)
    rows, dim = check_matrix(path, shape, dtype)
    check_size(path, offset + rows * dim * dtype.itemsize)
    order: Literal["C", "F"] = "F" if fortran_order else "C"
    return np.memmap(path, dtype, "r", offset, (rows, dim), order)[:max_rows]


def read_vecs(path: Path, max_rows: int | None, *, dtype: DTypeLike) -> AnyArray:
    """Map a file of rows that each begin with their dimension."""
    (dim,) = _head(path, "<i4", 1)
    record = np.dtype([("dim", "<i4"), ("vector", dtype, (_check_dim(path, dim),))])
    size = path.stat().st_size
    rows, rest = divmod(size, record.itemsize)
    if rest:
        msg = (
            f"{path}: size must be a multiple of {record.itemsize} bytes (rows of dim "
            f"{dim}), got {size} bytes: {rest} after row {rows}"
        )
        raise FileFormatError(msg)
    records = np.memmap(path, record, "r", shape=(rows,))[:max_rows]
    wrong = np.flatnonzero(records["dim"] != dim)
    if wrong.size:
        found = records["dim"][wrong[0]]
        msg = f"{path}: every row must have dim {dim}, got {found} at row {wrong[0]}"
        raise FileFormatError(msg)
    return records["vector"]


def read_bin(path: Path, max_rows: int | None, *, dtype: DTypeLike) -> AnyArray:
    """Map a file of ``uint32 rows, uint32 dim`` and then all values."""
    header = _head(path, "<u4", 2)
    value = np.dtype(dtype)
    rows, dim = check_matrix(path, header, value)
    check_size(path, 8 + rows * dim * value.itemsize)
    return np.memmap(path, value, "r", 8, (rows, dim))[:max_rows]


def check_matrix(
    path: object, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> tuple[int, int]:
    """Require real numbers in rows and columns, at least one of each."""
    check_numbers(path, shape, dtype)
    if len(shape) != 2:
        raise _not_a_matrix(path, shape)
    return shape[0], _check_dim(path, shape[1])


def check_numbers(
    path: object, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> None:
    """Require real numbers in at least one row."""
    if dtype.kind not in "fiu":
        msg = f"{path}: dtype must be real numbers, got {dtype}"
        raise FileFormatError(msg)
    if not shape or shape[0] < 1:
        raise _not_a_matrix(path, shape)


def _not_a_matrix(path: object, shape: tuple[int, ...]) -> FileFormatError:
    msg = f"{path}: shape must be (n, dim) with n >= 1, got {shape}"
    return FileFormatError(msg)


def check_size(path: Path, expected: int) -> None:
    """Require the file to be exactly as long as its header says."""
    found = path.stat().st_size
    if found != expected:
        state = "truncated" if found < expected else "too long"
        msg = f"{path}: header asks for {expected} bytes, got {found}: {state}"
        raise FileFormatError(msg)


def npy_header(
    path: Path,
) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Return shape, Fortran order, dtype and the offset of the data."""
    with path.open("rb") as file:
        return *header_in(file, path), file.tell()


def header_in(
    file: IO[bytes], path: Path
) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return shape, Fortran order and dtype, and leave the file at the data."""
    try:
        read_header = _NPY_HEADERS[np.lib.format.read_magic(file)]
        return read_header(file, max_header_size=MAX_NPY_HEADER)
    # The header is a Python literal: foreign bytes raise nearly anything.
    except Exception as error:
        msg = f"{path}: must be a .npy file of version 1 to 3, got {error}"
        raise FileFormatError(msg) from error


def _check_dim(path: object, dim: int) -> int:
    if not 1 <= dim <= MAX_DIM:
        msg = f"{path}: dim must be in 1 … {MAX_DIM}, got {dim}"
        raise FileFormatError(msg)
    return dim


def _head(path: Path, dtype: str, count: int) -> tuple[int, ...]:
    numbers = np.fromfile(path, dtype, count)
    if len(numbers) < count:
        expected = count * np.dtype(dtype).itemsize
        msg = f"{path}: header must be {expected} bytes, got {path.stat().st_size}"
        raise FileFormatError(msg)
    return tuple(numbers.tolist())
