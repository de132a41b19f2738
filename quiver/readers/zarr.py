"""Stream one array of a zarr folder, of format 2 or 3; needs zarr."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import FileFormatError, InvalidArgumentError
from quiver.readers.formats import check_numbers
from quiver.readers.opening import Wanted, choose_array, needing, reading
from quiver.readers.streamed import Streamed, rows_per_chunk, streamed

_MARKS = ("zarr.json", ".zarray", ".zgroup")


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a zarr array or group."""
    return any((path / mark).is_file() for mark in _MARKS)


def read_zarr(path: Path, key: str | None, wanted: Wanted) -> Streamed:
    """Stream an array of which every chunk is there."""
    with needing(path, "zarr"):
        import zarr
    with reading(path, "zarr"):
        array = _array(path, zarr.open(path, mode="r"), key, wanted)
        check_numbers(path, array.shape, np.dtype(array.dtype))
        # A chunk without a file reads as fill values: rows that nobody wrote.
        if array.nchunks_initialized < array.nchunks:
            msg = (
                f"{path}: every chunk must be stored, got {array.nchunks_initialized} "
                f"of {array.nchunks}; write chunks of zeros, too, by "
                "config={'write_empty_chunks': True}"
            )
            raise FileFormatError(msg)
    return streamed(path, array.shape[0], _chunks(path, array))


def _array(path: Path, node: Any, key: str | None, wanted: Wanted) -> Any:
    if not hasattr(node, "shape"):
        axes = {name: array.ndim for name, array in node.arrays()}
        return node[choose_array(path, key, axes, wanted)]
    if key is not None:
        msg = f"key must be None for {path}, which is one array, got {key!r}"
        raise InvalidArgumentError(msg)
    return node


def _chunks(path: Path, array: Any) -> Iterator[AnyArray]:
    # Whole chunks of the store, so that none is decoded twice.
    stored = (array.shards or array.chunks)[0]
    wanted = rows_per_chunk(array.shape, np.dtype(array.dtype))
    step = stored * max(1, wanted // stored)
    with reading(path, "zarr"):
        for start in range(0, array.shape[0], step):
            yield np.asarray(array[start : start + step])
