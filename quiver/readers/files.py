"""Read vector files by suffix, checked before anything is mapped or allocated.

========================= ======================================================
``.npy``                  NumPy; real numbers, never pickled objects
``.fvecs .bvecs .ivecs``  per row a little-endian int32 dim, then float32, uint8
                          or int32 values (the TEXMEX corpora)
``.fbin .u8bin .i8bin``   uint32 rows, uint32 dim, then all values (big-ann)
``.hdf5 .h5``             ann-benchmarks: train, test, neighbors, distances
========================= ======================================================
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from quiver._typing import AnyArray
from quiver.errors import FileFormatError, InvalidArgumentError, InvalidTypeError
from quiver.readers.formats import read_bin, read_npy, read_vecs
from quiver.readers.hdf5 import read_hdf5
from quiver.storage.atomic import os_errors
from quiver.validation.checks import MAX_ROWS, check_int

HDF5_SUFFIXES = (".hdf5", ".h5")

_READERS: dict[str, Callable[[Path, int | None], AnyArray]] = {
    ".npy": read_npy,
    ".fvecs": partial(read_vecs, dtype="<f4"),
    ".bvecs": partial(read_vecs, dtype="u1"),
    ".ivecs": partial(read_vecs, dtype="<i4"),
    ".fbin": partial(read_bin, dtype="<f4"),
    ".u8bin": partial(read_bin, dtype="u1"),
    ".i8bin": partial(read_bin, dtype="i1"),
}


def read_vectors(
    path: str | os.PathLike[str], *, key: str | None = None, max_rows: int | None = None
) -> AnyArray:
    """Read the vectors of a file.

    Parameters
    ----------
    path : path-like
        A regular file; its suffix names the format (see the module).
    key : str, optional
        Which array of an HDF5 file, ``train`` by default. Other formats hold one.
    max_rows : int, optional
        Stop after that many rows.

    Returns
    -------
    ndarray of shape (n, dim)
        In the file's own dtype; n and dim are at least 1. Memory-mapped and read-only,
        except HDF5 stored in pieces, which is read.

    Raises
    ------
    FileAccessError
        If there is no such file or the operating system cannot read it.
    InvalidArgumentError
        If the suffix is unknown, ``max_rows < 1``, ``key`` names no array, or h5py is
        missing.
    InvalidTypeError
        If ``path`` is no path or ``max_rows`` no integer.
    FileFormatError
        If it is no regular file or breaks its format: truncated, too long, sizes that
        do not agree with the header, not 2-d, not real numbers, dim outside
        1 … 65 536.

    Examples
    --------
    >>> from quiver.datasets import DEMO_FOLDER
    >>> read_vectors(DEMO_FOLDER / "vectors.npy", max_rows=5).shape
    (5, 384)
    """
    if max_rows is not None:
        max_rows = check_int("max_rows", max_rows, 1, MAX_ROWS)
    file = _as_path(path)
    with os_errors("read", file):
        _check_regular(file)
        return _read(file, key, max_rows)


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file may hold several arrays, by its suffix."""
    return Path(path).suffix.lower() in HDF5_SUFFIXES


def _read(path: Path, key: str | None, max_rows: int | None) -> AnyArray:
    if is_hdf5(path):
        return read_hdf5(path, "train" if key is None else key, max_rows)
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        known = " ".join([*_READERS, *HDF5_SUFFIXES])
        msg = f"path must end in one of {known}, got {str(path)!r}"
        raise InvalidArgumentError(msg)
    if key is not None:
        msg = f"key must be None for a {suffix} file, got {key!r}"
        raise InvalidArgumentError(msg)
    return _READERS[suffix](path, max_rows)


def _as_path(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path)
    except TypeError as error:
        msg = f"path must be a path, got {type(path).__name__}"
        raise InvalidTypeError(msg) from error


def _check_regular(path: Path) -> None:
    # Opening a pipe or a device could block or never end.
    if not stat.S_ISREG(path.stat().st_mode):
        msg = f"{path}: must be a regular file"
        raise FileFormatError(msg)
