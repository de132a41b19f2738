"""Shard: one file of the folder, opened only if the manifest names just this one.

What it is asked it answers here, wherever it lives: in this process, in a worker of
this machine, or elsewhere. So all engines answer alike in every bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import numpy as np

from quiver._typing import AnyArray
from quiver.backends.protocol import Backend
from quiver.errors import FileFormatError
from quiver.index import Index
from quiver.index import open as open_index
from quiver.sharding.folder import sha256_of
from quiver.sharding.manifest import Manifest, fingerprint_of
from quiver.sharding.messages import Message
from quiver.storage import Place, Verify
from quiver.storage import fingerprint_of as fingerprint_of_file


def open_shard(
    folder: Path,
    manifest: Manifest,
    number: int,
    *,
    hot: Place = "memory",
    verify: Verify = "fast",
    backend: str | Backend = "auto",
) -> Index:
    """Return a shard of a folder.

    Parameters
    ----------
    folder, manifest, number
        Where it is, and which.
    hot, verify, backend
        As for `quiver.open`; ``full`` also proves the SHA-256 of the file.

    Raises
    ------
    FileAccessError
        If it is missing or cannot be read.
    FileFormatError
        If it is damaged, a link, or not the file that the manifest names.
    """
    entry = manifest.shards[number]
    path = folder / entry.file
    if path.is_symlink():
        _refuse(path, "a link", "a file of the folder itself")
    if path.exists() and path.stat().st_size != entry.bytes:
        _refuse(path, f"{path.stat().st_size} bytes", f"{entry.bytes}")
    index = open_index(path, hot=hot, verify=verify, backend=backend)
    state = index.state
    for name, found, expected in (
        ("dim", state.dim, manifest.dim),
        ("metric", state.metric, manifest.metric),
        ("encoding", state.encoding, manifest.encoding),
        ("transform", fingerprint_of(state.transform), manifest.transform),
        ("vectors", state.n_live, entry.n),
        ("fingerprint", fingerprint_of_file(path), entry.fingerprint),
    ):
        if found != expected:
            _refuse(path, f"{name} {found}", f"{expected} as of the manifest")
    if verify == "full" and (found := sha256_of(path)) != entry.sha256:
        _refuse(path, f"SHA-256 {found}", entry.sha256)
    return index


def _refuse(path: Path, found: str, expected: str) -> None:
    msg = f"{path}: shard: found {found}, expected {expected}"
    raise FileFormatError(msg)


def answer(index: Index, asked: Message) -> Message:
    """Return what a shard answers; errors are those of its `Index`."""
    return _ANSWERS[asked.word](index, asked.options, asked.arrays)


def _search(
    index: Index, options: dict[str, Any], arrays: Sequence[AnyArray]
) -> Message:
    queries, given = _unfiltered(arrays)
    found = index.search(queries, **options, filter=given)
    counters = np.stack([found.counts, *astuple(found.stats)])
    # Of a k beyond its rows a shard need not send what it leaves empty.
    width = int(found.counts.max(initial=0))
    parts = found.ids[:, :width], found.distances[:, :width], counters
    return Message("found", {"version": found.version}, parts)


def _within(
    index: Index, options: dict[str, Any], arrays: Sequence[AnyArray]
) -> Message:
    radii, *rest = arrays
    queries, given = _unfiltered(rest)
    found = index.search_radius(queries, radii, **options, filter=given)
    counters = np.stack(astuple(found.stats))
    told = {"version": found.version}
    parts = found.offsets, found.ids, found.distances, found.complete, counters
    return Message("within", told, parts)


def _unfiltered(arrays: Sequence[AnyArray]) -> tuple[AnyArray, list[AnyArray] | None]:
    """Return the queries and a filter for each; see `quiver.sharding.asked`."""
    queries, *rest = arrays
    if not rest:
        return queries, None
    of_query, *filters = rest
    return queries, [filters[place] for place in of_query.tolist()]


def _get(index: Index, options: dict[str, Any], arrays: Sequence[AnyArray]) -> Message:
    del options
    return Message("vectors", {}, (index.get(arrays[0]),))


def _ids(index: Index, options: dict[str, Any], arrays: Sequence[AnyArray]) -> Message:
    del options, arrays
    return Message("ids", {}, (index.ids,))


def _weigh(
    index: Index, options: dict[str, Any], arrays: Sequence[AnyArray]
) -> Message:
    del options, arrays
    return Message("weight", asdict(index.memory_report()))


def _check(
    index: Index, options: dict[str, Any], arrays: Sequence[AnyArray]
) -> Message:
    del arrays
    return Message("report", asdict(index.check(full=options["full"])))


_Answer = Callable[[Index, dict[str, Any], Sequence[AnyArray]], Message]
_ANSWERS: dict[str, _Answer] = {
    "search": _search,
    "within": _within,
    "get": _get,
    "ids": _ids,
    "weigh": _weigh,
    "check": _check,
}
