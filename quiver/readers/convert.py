"""Convert one vector file to another, a chunk at a time, whole or not at all."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import AnyArray, Progress
from quiver.errors import InvalidArgumentError
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.readers.files import open_vectors
from quiver.readers.opening import needing
from quiver.readers.streamed import chunks_of
from quiver.readers.tables import PARQUET_SUFFIX
from quiver.storage.atomic import replacing, write_all
from quiver.validation.checks import MAX_ROWS, check_int

PARQUET_COLUMN = "vector"
"""The column that is written."""

Write = Callable[[AnyArray], object]
_Writer = Callable[[int, tuple[int, int], np.dtype[Any]], AbstractContextManager[Write]]


@tells_progress("converting")
def convert_vectors(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    key: str | None = None,
    max_rows: int | None = None,
    progress: Progress | bool | None = None,
) -> tuple[int, int]:
    """Write the vectors of a file in another format.

    Parameters
    ----------
    source, key, max_rows
        As for `quiver.datasets.read_vectors`.
    target : path-like
        Replaced if it exists, once all is written. Its suffix names the format:
        ``.npy`` and ``.parquet`` keep the dtype; ``.fbin`` and ``.fvecs`` hold float32,
        ``.u8bin`` and ``.bvecs`` uint8, ``.i8bin`` int8, ``.ivecs`` int32.
    progress : callable or bool, optional
        As for `quiver.Index.build`; told of rows.

    Returns
    -------
    tuple of int
        (n, dim).

    Raises
    ------
    InvalidArgumentError
        If the target's suffix is unknown, it is the Parquet file or in the folder that
        is read, or a value does not fit: float32 takes what it can round, the others
        whole numbers in their range.
    FileAccessError, FileFormatError, InvalidTypeError
        As for `quiver.datasets.read_vectors`, or if the target cannot be written.
    CancelledError
        If ``progress`` returned False. The target is as it was after any error.
    """
    path = Path(target)
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        msg = f"target must end in one of {' '.join(_FORMATS)}, got {str(path)!r}"
        raise InvalidArgumentError(msg)
    found = open_vectors(source, key, max_rows)
    _check_apart(source, path)
    n, dim = check_int("rows", found.shape[0], 1, MAX_ROWS), found.shape[1]
    dtype = np.dtype(form.dtype) if form.dtype else found.dtype.newbyteorder("<")
    meter, row = ProgressMeter(progress, n), 0
    with replacing(path) as fd, form.writer(fd, (n, dim), dtype) as write:
        for chunk in chunks_of(found):
            write(_cast(chunk, dtype, path, row))
            row += len(chunk)
            meter.advance(len(chunk))
    return n, dim


def _check_apart(source: str | os.PathLike[str], target: Path) -> None:
    """Raise if a table, or a part of a folder, would be replaced by its vectors."""
    read, written = Path(source).resolve(), target.resolve()
    is_table = written == read and written.suffix.lower() == PARQUET_SUFFIX
    if is_table or read in written.parents:
        msg = (
            f"target must be another file than the source {str(source)!r}, which may "
            f"hold more than these vectors, got {str(target)!r}"
        )
        raise InvalidArgumentError(msg)


def _cast(
    chunk: AnyArray, dtype: np.dtype[Any], path: Path, first_row: int
) -> AnyArray:
    """Return rows in another dtype; only float32 may round."""
    with np.errstate(over="ignore"):
        fits = _fitting(chunk, dtype)
        if fits.all():
            return np.ascontiguousarray(chunk, dtype)
    row, column = np.argwhere(~fits)[0]
    kind = "finite as float32" if dtype.kind == "f" else f"whole numbers of {dtype}"
    msg = (
        f"values of {path} must be {kind}, got {chunk[row, column]} in row "
        f"{first_row + row}, column {column}; .npy and .parquet keep any dtype"
    )
    raise InvalidArgumentError(msg)


def _fitting(chunk: AnyArray, dtype: np.dtype[Any]) -> AnyArray:
    if np.can_cast(chunk.dtype, dtype):
        return np.ones(1, np.bool_)
    if dtype.kind == "f":
        # What was not finite is kept, as in a format with the same dtype.
        return np.isfinite(chunk.astype(dtype)) | ~np.isfinite(chunk)
    bounds = np.iinfo(dtype)
    # Float32 has no 2**31 - 1 to compare to; a double has every bound.
    is_float = chunk.dtype.kind == "f"
    wide = chunk.astype(np.result_type(chunk, np.float64)) if is_float else chunk
    in_range = (wide >= bounds.min) & (wide <= bounds.max)
    return in_range & (np.trunc(wide) == wide)


@contextmanager
def _npy(fd: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> Iterator[Write]:
    header = io.BytesIO()
    described = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    write_all(fd, header.getvalue())
    yield lambda rows: write_all(fd, rows.data.cast("B"))


@contextmanager
def _bin(fd: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> Iterator[Write]:
    del dtype
    write_all(fd, struct.pack("<II", *shape))
    yield lambda rows: write_all(fd, rows.data.cast("B"))


@contextmanager
def _vecs(fd: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> Iterator[Write]:
    record = np.dtype([("dim", "<i4"), ("vector", dtype, (shape[1],))])

    def write(rows: AnyArray) -> None:
        records = np.empty(len(rows), record)
        records["dim"], records["vector"] = shape[1], rows
        write_all(fd, records.tobytes())

    yield write


@contextmanager
def _parquet(fd: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> Iterator[Write]:
    with needing("a .parquet file", "pyarrow"):
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    if dtype.itemsize > np.dtype(np.float64).itemsize:
        msg = f"values of a .parquet file must be float64 at most, got {dtype}"
        raise InvalidArgumentError(msg)
    kind = pa.list_(pa.from_numpy_dtype(dtype), shape[1])
    schema = pa.schema([pa.field(PARQUET_COLUMN, kind, nullable=False)])
    with (
        os.fdopen(fd, "wb", closefd=False) as file,
        ParquetWriter(file, schema, use_dictionary=False) as writer,
    ):

        def write(rows: AnyArray) -> None:
            column = pa.FixedSizeListArray.from_arrays(
                pa.array(rows.ravel()), type=kind
            )
            writer.write_batch(pa.record_batch([column], schema=schema))

        yield write


class _Format(NamedTuple):
    """The dtype a format has, if it has one, and what writes it."""

    dtype: str | None
    writer: _Writer


_FORMATS = {
    ".npy": _Format(None, _npy),
    ".fbin": _Format("<f4", _bin),
    ".u8bin": _Format("u1", _bin),
    ".i8bin": _Format("i1", _bin),
    ".fvecs": _Format("<f4", _vecs),
    ".bvecs": _Format("u1", _vecs),
    ".ivecs": _Format("<i4", _vecs),
    PARQUET_SUFFIX: _Format(None, _parquet),
}
