"""Read vector files by suffix, checked before anything is mapped or allocated.

========================= ======================================================
``.npy``                  NumPy; real numbers, never pickled objects
``.fvecs .bvecs .ivecs``  per row a little-endian int32 dim, then float32, uint8
                          or int32 values (the TEXMEX corpora)
``.fbin .u8bin .i8bin``   uint32 rows, uint32 dim, then all values (big-ann)
``.hdf5 .h5``             ann-benchmarks: train, test, neighbors, distances
``.npz``                  several arrays of NumPy's
``.safetensors``          tensors by name
``.parquet``              a column of lists of numbers, or a folder of such files
``.arrow .feather .ipc``  the same
a zarr folder             an array, or a group of them
========================= ======================================================
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from quiver._typing import AnyArray, Progress
from quiver.errors import FileFormatError, InvalidArgumentError, InvalidTypeError
from quiver.parallel.progress import tells_progress
from quiver.readers.formats import check_matrix, read_bin, read_npy, read_vecs
from quiver.readers.hdf5 import read_hdf5
from quiver.readers.npz import read_npz
from quiver.readers.opening import IDS, VECTORS, Wanted
from quiver.readers.safetensors import read_safetensors
from quiver.readers.streamed import Streamed, chunks_of, first_rows, mapped
from quiver.readers.tables import TABLE_SUFFIXES, read_folder, read_table
from quiver.readers.zarr import is_zarr, read_zarr
from quiver.storage.atomic import os_errors
from quiver.validation.checks import MAX_ROWS, check_int

HDF5_SUFFIXES = (".hdf5", ".h5")

_Source = AnyArray | Streamed
_READERS: dict[str, Callable[[Path, int | None], AnyArray]] = {
    ".npy": read_npy,
    ".fvecs": partial(read_vecs, dtype="<f4"),
    ".bvecs": partial(read_vecs, dtype="u1"),
    ".ivecs": partial(read_vecs, dtype="<i4"),
    ".fbin": partial(read_bin, dtype="<f4"),
    ".u8bin": partial(read_bin, dtype="u1"),
    ".i8bin": partial(read_bin, dtype="i1"),
}
# Of several arrays or columns one is chosen: by a key, or else by a name they may have.
_KEYED: dict[str, Callable[[Path, str | None, Wanted], _Source]] = {
    **dict.fromkeys(HDF5_SUFFIXES, read_hdf5),
    ".npz": read_npz,
    ".safetensors": read_safetensors,
    **dict.fromkeys(TABLE_SUFFIXES, read_table),
}


@tells_progress("reading")
def read_vectors(
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    max_rows: int | None = None,
    progress: Progress | bool | None = None,
) -> AnyArray:
    """Read the vectors of a file, or of a folder of Parquet or Arrow files.

    Parameters
    ----------
    path : path-like
        A regular file, whose suffix names the format (see the module), or a folder.
    key : str, optional
        Which column of Parquet or Arrow, or which array of HDF5, ``.npz``, safetensors
        or a zarr group; by default ``train``, or else the only one of vectors. Other
        formats hold one.
    max_rows : int, optional
        Stop after that many rows.
    progress : callable or bool, optional
        As for `quiver.Index.build`: told of rows that are decoded.

    Returns
    -------
    ndarray of shape (n, dim)
        In the file's own dtype; n and dim are at least 1. Memory-mapped and read-only:
        from the file itself, or where it is compressed, encoded or divided, from a
        temporary one in ``TMPDIR``, to which it is decoded a chunk at a time.

    Raises
    ------
    FileAccessError
        If there is no such file or the operating system cannot read it.
    InvalidArgumentError
        If the suffix is unknown, ``max_rows < 1``, ``key`` names no array or several
        may be meant, or the package that reads the format is missing.
    InvalidTypeError
        If ``path`` is no path or ``max_rows`` no integer.
    FileFormatError
        If it is no regular file or breaks its format: truncated, too long, sizes that
        do not agree with the header, not 2-d, not real numbers, dim outside
        1 … 65 536, a row that is null or of another length.
    CancelledError
        If ``progress`` returned False.

    Examples
    --------
    >>> from quiver.datasets import DEMO_FOLDER
    >>> read_vectors(DEMO_FOLDER / "vectors.npy", max_rows=5).shape
    (5, 384)
    """
    found = open_vectors(path, key, max_rows)
    return mapped(found, progress)


def open_vectors(
    path: str | os.PathLike[str], key: str | None, max_rows: int | None
) -> _Source:
    """Return the vectors of a file, perhaps not read yet; see `read_vectors`."""
    file = _as_path(path)
    found = _opened(file, key, max_rows, VECTORS)
    check_matrix(file, found.shape, found.dtype)
    return found


def read_ids(
    path: str | os.PathLike[str],
    *,
    key: str | None = None,
    max_rows: int | None = None,
) -> AnyArray:
    """Read one integer for each row of a file, such as ids beside the vectors.

    Parameters and errors are those of `read_vectors`; by default the column or array
    is called ``ids``, or is the only one of numbers.

    Returns
    -------
    ndarray of shape (n,)
        In memory.
    """
    file = _as_path(path)
    found = _opened(file, key, max_rows, IDS)
    if found.dtype.kind not in "iu":
        msg = f"{file}: ids must be integers, got dtype {found.dtype}"
        raise FileFormatError(msg)
    if found.shape[1:] not in ((), (1,)):
        msg = f"{file}: ids must be one column, got shape {found.shape}"
        raise FileFormatError(msg)
    return np.concatenate([*chunks_of(found)]).ravel()


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is HDF5, by its suffix."""
    return Path(path).suffix.lower() in HDF5_SUFFIXES


def _opened(
    path: Path, key: str | None, max_rows: int | None, wanted: Wanted
) -> _Source:
    if max_rows is not None:
        max_rows = check_int("max_rows", max_rows, 1, MAX_ROWS)
    with os_errors("read", path):
        return first_rows(_read(path, key, max_rows, wanted), max_rows)


def _read(path: Path, key: str | None, max_rows: int | None, wanted: Wanted) -> _Source:
    suffix = path.suffix.lower()
    if suffix not in _READERS and path.is_dir():
        return (read_zarr if is_zarr(path) else read_folder)(path, key, wanted)
    if suffix not in _READERS and suffix not in _KEYED:
        known = " ".join([*_READERS, *_KEYED])
        msg = f"path must end in one of {known}, got {str(path)!r}"
        raise InvalidArgumentError(msg)
    _check_regular(path)
    if suffix in _KEYED:
        return _KEYED[suffix](path, key, wanted)
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
