"""Streamed: an array of a file that comes one chunk of rows after another.

What a file holds plainly is mapped. Compressed, encoded or divided arrays are decoded
chunk by chunk, so none has to fit into memory: they are kept in a temporary file that
is mapped like any other and is gone with the last array on it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from quiver._typing import AnyArray, Progress
from quiver.errors import FileFormatError
from quiver.parallel.progress import ProgressMeter
from quiver.storage.atomic import os_errors

CHUNK_BYTES = 1 << 22
"""Bytes of rows in memory at a time, where a format leaves it to us."""


class Streamed(NamedTuple):
    """An array that is not read yet, and can be read once.

    Attributes
    ----------
    shape : tuple of int
        What the file claims; chunks that do not agree raise.
    dtype : dtype
        Of every chunk.
    chunks : iterator of ndarray
        Consecutive rows, at least one in each.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    chunks: Iterator[AnyArray]


def streamed(path: Path, n_rows: int, chunks: Iterator[AnyArray]) -> Streamed:
    """Return an array whose shape and dtype are those of its first chunk."""
    first = next(chunks, None)
    if first is None:
        return Streamed((0,), np.dtype(np.float32), iter(()))
    shape = (n_rows, *first.shape[1:])
    checked = _checked(path, Streamed(shape, first.dtype, chain([first], chunks)))
    return Streamed(shape, first.dtype, checked)


def _checked(path: Path, claimed: Streamed) -> Iterator[AnyArray]:
    n_rows = 0
    for chunk in all_alike(path, claimed.chunks):
        n_rows += len(chunk)
        yield chunk
    if n_rows != claimed.shape[0]:
        msg = f"{path}: must hold {claimed.shape[0]} rows as it says, got {n_rows}"
        raise FileFormatError(msg)


def all_alike(source: object, chunks: Iterator[AnyArray]) -> Iterator[AnyArray]:
    """Yield chunks of rows, each of the shape and dtype of the first.

    Raises
    ------
    FileFormatError
        If one is not; the message names the source and the row.
    """
    first, row = None, 0
    for chunk in chunks:
        first = chunk if first is None else first
        if chunk.shape[1:] != first.shape[1:] or chunk.dtype != first.dtype:
            msg = (
                f"{source}: all rows must be alike, got {first.dtype} of shape "
                f"{first.shape[1:]} in row 0 and {chunk.dtype} of shape "
                f"{chunk.shape[1:]} in row {row}"
            )
            raise FileFormatError(msg)
        row += len(chunk)
        yield chunk


def first_rows(found: AnyArray | Streamed, max_rows: int | None) -> AnyArray | Streamed:
    """Return the array cut after so many rows."""
    if not isinstance(found, Streamed):
        return found[:max_rows]
    if max_rows is None or max_rows >= found.shape[0]:
        return found
    shape = (max_rows, *found.shape[1:])
    return Streamed(shape, found.dtype, _cut(found.chunks, max_rows))


def _cut(chunks: Iterator[AnyArray], n_rows: int) -> Iterator[AnyArray]:
    for chunk in chunks:
        yield chunk[:n_rows]
        n_rows -= len(chunk)
        if n_rows <= 0:
            return


def chunks_of(found: AnyArray | Streamed) -> Iterator[AnyArray]:
    """Return the rows of any array in chunks."""
    if isinstance(found, Streamed):
        return found.chunks
    step = rows_per_chunk(found.shape, found.dtype)
    return (found[start : start + step] for start in range(0, len(found), step))


def rows_per_chunk(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> int:
    """Return how many rows of an array are read at a time."""
    row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    return max(1, CHUNK_BYTES // max(1, row_bytes))


def mapped(found: AnyArray | Streamed, progress: Progress | bool | None) -> AnyArray:
    """Return an array itself, or read it to a temporary file and map that."""
    meter = ProgressMeter(progress, found.shape[0])
    if not isinstance(found, Streamed):
        meter.advance(len(found))
        return found
    return kept(found.chunks, meter)


def kept(chunks: Iterator[AnyArray], meter: ProgressMeter) -> AnyArray:
    """Return rows, one or more and all alike, mapped from a temporary file."""
    shape, dtype = (0,), np.dtype(np.float32)
    with _temporary() as file:
        for chunk in chunks:
            with _keeping():
                file.write(np.ascontiguousarray(chunk).data)
            shape, dtype = (shape[0] + len(chunk), *chunk.shape[1:]), chunk.dtype
            meter.advance(len(chunk))
        with _keeping():
            file.flush()
            return np.memmap(file, dtype, "r", shape=shape)


def _temporary() -> IO[bytes]:
    with _keeping():
        return tempfile.TemporaryFile()


def _keeping() -> AbstractContextManager[None]:
    folder = tempfile.tempdir or "the folder for temporary files"
    return os_errors("keep rows in", Path(folder))
