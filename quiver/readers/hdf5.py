"""Read one array of an HDF5 file, such as ann-benchmarks writes; needs h5py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import FileFormatError
from quiver.readers.formats import check_numbers
from quiver.readers.opening import Wanted, choose_array, needing, reading
from quiver.readers.streamed import Streamed, rows_per_chunk, streamed

# Deflate, HDF5's usual filter, shrinks nothing further than 1 : 1032.
MAX_COMPRESSION = 1032


def read_hdf5(path: Path, key: str | None, wanted: Wanted) -> AnyArray | Streamed:
    """Map an array, or stream it where it is stored in pieces."""
    with needing(path, "h5py"):
        import h5py
    with reading(path, "HDF5"), h5py.File(path, "r") as file:
        arrays = {
            name: len(item.shape or ())
            for name, item in file.items()
            if hasattr(item, "shape")
        }
        name = choose_array(path, key, arrays, wanted)
        array = file[name]
        offset = _offset(path, array)
        shape, dtype = array.shape, array.dtype
    if offset is not None:
        return np.memmap(path, dtype, "r", offset, shape)
    return streamed(path, shape[0], _chunks(path, name))


def _offset(path: Path, array: Any) -> int | None:
    """Return where an array of numbers lies, or None if it is stored in pieces."""
    check_numbers(path, array.shape or (), array.dtype)
    claimed, size = array.size * array.dtype.itemsize, path.stat().st_size
    offset: int | None = array.id.get_offset()
    if offset is not None and offset + claimed <= size:
        return offset
    if claimed > MAX_COMPRESSION * size:
        msg = (
            f"{path}: arrays must fit {MAX_COMPRESSION} times the file's {size} bytes, "
            f"got {array.name} of {claimed} bytes"
        )
        raise FileFormatError(msg)
    return None


def _chunks(path: Path, name: str) -> Iterator[AnyArray]:
    import h5py

    with reading(path, "HDF5"), h5py.File(path, "r") as file:
        array = file[name]
        step = rows_per_chunk(array.shape, array.dtype)
        for start in range(0, len(array), step):
            yield array[start : start + step]
