"""The ``.quiver`` file: saved whole or not at all, read only when proven sound.

Reading order: ``layout`` (where every byte lies), ``header`` (what the JSON says),
``source`` and ``reader`` (opening, checked before anything is allocated or followed),
``strangers`` (files of another kind), ``invariants`` (what a kernel relies on),
``mapped``, ``cold`` and ``pieced`` (what is left on the disk), ``atomic`` and
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
    Place,
    as_kept,
    with_face,
    without_origin,
)
from quiver.storage.front import Front, fingerprint_of_front, read_front
from quiver.storage.mapped import MappedFile
from quiver.storage.pieced import PiecedVectors, cold_base
from quiver.storage.reader import mappable, read_hot, verify_vectors
from quiver.storage.source import Identity, SourceFile
from quiver.storage.writer import check_savable, make_header, write_state
from quiver.validation.checks import check_choice

__all__ = [
    "ColdDtype",
    "ColdVectors",
    "Origin",
    "Place",
    "Verify",
    "as_kept",
    "fingerprint_of",
    "load",
    "load_again",
    "mapped_bytes",
    "origin_of",
    "save",
    "without_origin",
]

Verify = Literal["none", "fast", "full"]


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
    path: str | os.PathLike[str],
    *,
    hot: Place = "memory",
    cold: Place | None = None,
    verify: Verify = "fast",
    trusted: Identity | None = None,
) -> State:
    """Return the state in a file; parameters and errors are those of `quiver.open`.

    The file that is ``trusted``, if it has not changed since, is not proven again.
    """
    cold = hot if cold is None else cold
    _check_places(hot, cold, verify)
    _require_little_endian()
    with SourceFile(_as_path(path)) as source:
        front = read_front(source)
        mapped = None
        if cold == "mmap":
            inside = mappable(front) if hot == "mmap" else ()
            mapped = MappedFile(source, front.sections["vectors"], inside)
        is_trusted = verify == "none" or source.identity == trusted
        parts = read_hot(source, front, mapped, trusted=is_trusted)
        vectors = _read_vectors(source, front, mapped)
        if verify == "full":
            verify_vectors(source, front)
    header = front.header
    return State(
        metric=header.metric,
        encoding=header.encoding,
        params=header.params,
        transform=parts.transform,
        codes=parts.codes,
        neighbors=parts.neighbors,
        entry_points=parts.entry_points,
        ids=parts.ids,
        vectors=vectors,
        unlinked=parts.unlinked,
        notes=header.diagnosis,
        live=parts.live,
        version=header.changes,
        build_mean=parts.build_mean,
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
        path, known = origin.path, origin.identity
        state = load(path, hot=origin.hot, cold="mmap", trusted=known)
    except FileAccessError as error:
        reason = f"cannot unpickle an index mapped from this file: {error.strerror}"
        raise FileAccessError(error.errno, reason, error.filename) from error
    found = origin_of(state)
    if found is None or found.fingerprint != origin.fingerprint:
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


def mapped_bytes(state: State) -> int:
    """Return the hot bytes that stay in the file of a state."""
    cold = cold_base(state.vectors)
    if cold is None:
        return 0
    hot = state.codes.rows, state.neighbors, state.ids
    return sum(array.nbytes for array in hot if cold.shares_file(array))


def _check_places(hot: Place, cold: Place, verify: Verify) -> None:
    check_choice("hot", hot, get_args(Place))
    check_choice("cold", cold, get_args(Place))
    check_choice("verify", verify, get_args(Verify))
    if hot == "mmap" and cold != "mmap":
        msg = (
            f"cold must be 'mmap' with hot='mmap', got {cold!r}: what is read least "
            "is the last to be brought into memory"
        )
        raise InvalidArgumentError(msg)
    if verify == "none" and hot != "mmap":
        msg = (
            f"verify must be 'fast' or 'full' with hot={hot!r}, got 'none': only what "
            "is left in the file can be left unread; hot='mmap' leaves it there"
        )
        raise InvalidArgumentError(msg)


def _read_vectors(
    source: SourceFile, front: Front, mapped: MappedFile | None
) -> Vectors | StoredVectors:
    section = front.sections["vectors"]
    if mapped is not None:
        origin = Origin(
            path=Path(os.path.abspath(source.path)),
            fingerprint=fingerprint_of_front(front),
            identity=source.identity,
            hot="mmap" if mapped.hot else "memory",
        )
        return ColdVectors(mapped.array(section), mapped, origin)
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
