"""The ``.quiver`` file: saved whole or not at all, read only when proven sound.

Reading order: ``layout`` (where every byte lies), ``header`` (what the JSON says),
``source`` and ``reader`` (opening, checked before anything is allocated or followed),
``strangers`` (files of another kind), ``invariants`` (what a kernel relies on),
``mapped``, ``cold`` and ``pieced`` (vectors left on the disk), ``atomic`` and
``writer`` (saving), ``journal`` (operations since).
The format is told byte by byte in ``docs/format.md``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from quiver._typing import AnyVectors, ColdDtype, StoredVectors, Vectors
from quiver.errors import (
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
    InvalidTypeError,
)
from quiver.state import State
from quiver.storage.atomic import replacing
from quiver.storage.cold import (
    ColdVectors,
    Origin,
    as_kept,
    map_vectors,
    with_face,
    without_origin,
)
from quiver.storage.front import Front, fingerprint_of_front, read_front
from quiver.storage.pieced import PiecedVectors
from quiver.storage.reader import read_hot, verify_vectors
from quiver.storage.source import SourceFile
from quiver.storage.writer import check_savable, make_header, write_state
from quiver.validation.checks import check_choice

__all__ = [
    "Cold",
    "ColdDtype",
    "ColdVectors",
    "Origin",
    "Verify",
    "as_kept",
    "fingerprint_of",
    "load",
    "load_again",
    "origin_of",
    "save",
    "without_origin",
]

Cold = Literal["memory", "mmap"]
Verify = Literal["fast", "full"]


def save(
    state: State,
    path: str | os.PathLike[str],
    version: str,
    cold_dtype: ColdDtype | None = None,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Write a state to one file, atomically; see `quiver.Index.save`.

    ``version`` is that of the library, kept in the header. ``announce`` is told the
    fingerprint of the file before it takes the place of the old one.
    """
    _require_little_endian()
    target = _as_path(path)
    if cold_dtype is None:
        cold_dtype = _cold_dtype(state.vectors)
    check_choice("cold_dtype", cold_dtype, get_args(ColdDtype))
    if state.is_rounded and cold_dtype != "float16":
        msg = (
            "cold_dtype must be 'float16' for vectors that were rounded to it, got "
            f"{cold_dtype!r}: their codes are of the rows before. For an index of the "
            "rounded rows, quiver.Index.build(index.vectors, ids=index.ids)"
        )
        raise InvalidArgumentError(msg)
    check_savable(state)
    with replacing(target) as fd:
        own = write_state(fd, state, make_header(state, cold_dtype, version))
        if announce is not None:
            announce(own)


def load(
    path: str | os.PathLike[str], *, cold: Cold = "memory", verify: Verify = "fast"
) -> State:
    """Return the state in a file; parameters and errors are those of `quiver.open`."""
    check_choice("cold", cold, get_args(Cold))
    check_choice("verify", verify, get_args(Verify))
    _require_little_endian()
    with SourceFile(_as_path(path)) as source:
        front = read_front(source)
        hot = read_hot(source, front)
        vectors = _read_vectors(source, front, cold)
        if verify == "full":
            verify_vectors(source, front)
    header = front.header
    return State(
        metric=header.metric,
        encoding=header.encoding,
        params=header.params,
        transform=hot.transform,
        codes=hot.codes,
        neighbors=hot.neighbors,
        entry_points=hot.entry_points,
        ids=hot.ids,
        vectors=vectors,
        unlinked=hot.unlinked,
        notes=header.diagnosis,
        live=hot.live,
        version=header.changes,
        build_mean=hot.build_mean,
    )


def fingerprint_of(path: str | os.PathLike[str]) -> str:
    """Return what tells the content of one index file from that of another."""
    with SourceFile(_as_path(path)) as source:
        return fingerprint_of_front(read_front(source))


def load_again(origin: Origin) -> State:
    """Return the state of a file that was mapped before, in this process or another.

    Raises
    ------
    FileAccessError
        If the file is not here.
    FileFormatError
        If it is no longer the same.
    """
    try:
        state = load(origin.path, cold="mmap")
    except FileAccessError as error:
        reason = f"cannot unpickle an index mapped from this file: {error.strerror}"
        raise FileAccessError(error.errno, reason, error.filename) from error
    if origin_of(state) != origin:
        msg = (
            f"{origin.path}: header at byte 64: found another index, expected the one "
            "that was pickled: the file has been replaced since"
        )
        raise FileFormatError(msg)
    return state


def origin_of(state: State) -> Origin | None:
    """Return the file that the vectors of a state are mapped from, if they are."""
    vectors = state.vectors
    return vectors.origin if isinstance(vectors, ColdVectors) else None


def _read_vectors(
    source: SourceFile, front: Front, cold: Cold
) -> Vectors | StoredVectors:
    section = front.sections["vectors"]
    if cold == "mmap":
        path = Path(os.path.abspath(source.path))
        return map_vectors(source, section, Origin(path, fingerprint_of_front(front)))
    array = source.read_section(section)
    array.flags.writeable = False
    return with_face(array)


def _cold_dtype(vectors: AnyVectors) -> ColdDtype:
    if isinstance(vectors, (ColdVectors, PiecedVectors)):
        return vectors.cold_dtype
    return "float32"


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
