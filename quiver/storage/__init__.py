"""The ``.quiver`` file: saved whole or not at all, read only when proven sound.

Reading order: ``layout`` (where every byte lies), ``header`` (what the JSON says),
``source`` and ``reader`` (opening, checked before anything is allocated or followed),
``strangers`` (files of another kind), ``invariants`` (what a kernel relies on),
``mapped`` and ``cold`` (vectors left on the disk), ``atomic`` and ``writer`` (saving).
The format is told byte by byte in ``docs/format.md``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from quiver._typing import Vectors
from quiver.backends.protocol import Backend
from quiver.errors import (
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
    InvalidTypeError,
)
from quiver.storage.atomic import replacing
from quiver.storage.cold import ColdVectors, Origin, map_vectors
from quiver.storage.header import ColdDtype
from quiver.storage.reader import (
    Front,
    fingerprint,
    read_front,
    read_hot,
    verify_vectors,
)
from quiver.storage.source import SourceFile
from quiver.storage.writer import check_savable, make_header, write_index
from quiver.validation.checks import check_choice

if TYPE_CHECKING:
    from quiver.index import Index

__all__ = ["ColdVectors", "open", "save"]

Cold = Literal["memory", "mmap"]
Verify = Literal["fast", "full"]


def save(
    index: Index, path: str | os.PathLike[str], *, cold_dtype: ColdDtype | None = None
) -> None:
    """Write an index to one file, atomically; see `quiver.Index.save`."""
    from quiver import __version__

    _require_little_endian()
    target = _as_path(path)
    if cold_dtype is None:
        cold_dtype = _cold_dtype(index.vectors)
    check_choice("cold_dtype", cold_dtype, get_args(ColdDtype))
    check_savable(index)
    with replacing(target) as fd:
        write_index(fd, index, make_header(index, cold_dtype, __version__))


def open(
    path: str | os.PathLike[str],
    *,
    cold: Cold = "memory",
    verify: Verify = "fast",
    backend: str = "auto",
) -> Index:
    """Open a saved index.

    Parameters
    ----------
    path : str or path-like
        A file that `Index.save` wrote.
    cold : {'memory', 'mmap'}, default 'memory'
        ``mmap`` leaves the vectors in the file and reads rows as the re-rank needs
        them. The file may be replaced meanwhile, but must not be cut short. Such an
        index is pickled as path and checksum: another process opens the same file.
    verify : {'fast', 'full'}, default 'fast'
        ``fast`` proves every byte brought into memory: all but the vectors under
        ``cold="mmap"``. ``full`` reads those too, and proves that all vectors are
        finite and have the hash in the header.
    backend : str, default "auto"
        See `get_backend`.

    Returns
    -------
    Index

    Raises
    ------
    FileFormatError
        If the file is foreign, damaged or of another format version; the message
        names file, section, byte, what was found and what was expected.
    FileAccessError
        If the operating system cannot open or read it.
    InvalidArgumentError, InvalidTypeError
        If an argument is not one of those listed.
    """
    from quiver.backends.registry import get_backend
    from quiver.index import Index

    check_choice("cold", cold, get_args(Cold))
    check_choice("verify", verify, get_args(Verify))
    _require_little_endian()
    # Before the file, so that an unknown backend is told at once.
    kernels = get_backend(backend)
    with SourceFile(_as_path(path)) as source:
        front = read_front(source)
        hot = read_hot(source, front)
        vectors = _read_vectors(source, front, cold)
        if verify == "full":
            verify_vectors(source, front)
    return Index(
        metric=front.header.metric,
        codes=hot.codes,
        transform=hot.transform,
        neighbors=hot.neighbors,
        entry_point=front.header.entry_point,
        ids=hot.ids,
        vectors=vectors,
        params=front.header.params,
        encoding=front.header.encoding,
        backend=kernels,
        diagnosis=front.header.diagnosis,
    )


def reduce_mapped(index: Index) -> tuple[Any, ...] | None:
    """Return how to pickle an index by its file; None if its vectors are in memory."""
    if isinstance(index.vectors, ColdVectors) and index.vectors.origin is not None:
        return reopen, (index.vectors.origin, index.backend)
    return None


def reopen(origin: Origin, backend: Backend) -> Index:
    """Open the file of a pickled index again; see `reduce_mapped`.

    Raises
    ------
    FileAccessError
        If the file is not here.
    FileFormatError
        If it is no longer the one that was pickled.
    """
    try:
        index = open(origin.path, cold="mmap", backend="reference")
    except FileAccessError as error:
        reason = f"cannot unpickle an index mapped from this file: {error.strerror}"
        raise FileAccessError(error.errno, reason, error.filename) from error
    if getattr(index.vectors, "origin", None) != origin:
        msg = (
            f"{origin.path}: header at byte 64: found another index, expected the one "
            "that was pickled: the file has been replaced since"
        )
        raise FileFormatError(msg)
    index.backend = backend
    return index


def _read_vectors(
    source: SourceFile, front: Front, cold: Cold
) -> Vectors | ColdVectors:
    section = front.sections["vectors"]
    if cold == "mmap":
        path = Path(os.path.abspath(source.path))
        return map_vectors(source, section, Origin(path, fingerprint(front)))
    array = source.read_section(section)
    array.flags.writeable = False
    return array if section.dtype == "f4" else ColdVectors(array)


def _cold_dtype(vectors: Vectors | ColdVectors) -> ColdDtype:
    return vectors.cold_dtype if isinstance(vectors, ColdVectors) else "float32"


def _require_little_endian() -> None:
    """Raise on the few computers that would read the corrections backwards."""
    if sys.byteorder != "little":
        msg = "index files need a little-endian computer, this one is big-endian"
        raise FileFormatError(msg)


def _as_path(path: Any) -> Path:
    try:
        name = os.fsdecode(path)
    except TypeError as error:
        msg = f"path must be a string or path-like, got {path!r}"
        raise InvalidTypeError(msg) from error
    if not name or "\0" in name:
        msg = f"path must name a file, got {path!r}"
        raise InvalidArgumentError(msg)
    return Path(name)
