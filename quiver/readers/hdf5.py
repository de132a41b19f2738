"""Read one array of an ann-benchmarks HDF5 file; needs h5py, the extra ``io``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import FileFormatError, InvalidArgumentError
from quiver.readers.formats import check_matrix

# Deflate, HDF5's usual filter, shrinks nothing further than 1 : 1032.
MAX_COMPRESSION = 1032


def read_hdf5(path: Path, key: str, max_rows: int | None) -> AnyArray:
    """Map the array ``key``, or read it where it is stored in pieces."""
    try:
        import h5py
    except ImportError as error:
        msg = f"{path} needs h5py: pip install 'quiver-ann[io]'"
        raise InvalidArgumentError(msg) from error
    # An unreadable file is reported as such, before HDF5 calls it malformed.
    path.open("rb").close()
    try:
        with h5py.File(path, "r") as file:
            return _read_array(path, _array(path, file, key), max_rows)
    except (OSError, RuntimeError) as error:
        msg = f"{path}: must be a whole HDF5 file, got {error}"
        raise FileFormatError(msg) from error


def _array(path: Path, file: Any, key: str) -> Any:
    arrays = [name for name, item in file.items() if hasattr(item, "shape")]
    if key not in arrays:
        found = ", ".join(arrays) or "no array"
        msg = f"key must name an array of {path} ({found}), got {key!r}"
        raise InvalidArgumentError(msg)
    return file[key]


def _read_array(path: Path, array: Any, max_rows: int | None) -> AnyArray:
    shape = check_matrix(path, array.shape or (), array.dtype)
    claimed, size = array.size * array.dtype.itemsize, path.stat().st_size
    offset = array.id.get_offset()
    if offset is not None and offset + claimed <= size:
        return np.memmap(path, array.dtype, "r", offset, shape)[:max_rows]
    if claimed > MAX_COMPRESSION * size:
        msg = (
            f"{path}: arrays must fit {MAX_COMPRESSION} times the file's {size} bytes, "
            f"got {array.name} of {claimed} bytes"
        )
        raise FileFormatError(msg)
    piece: AnyArray = array[:max_rows]
    return piece
