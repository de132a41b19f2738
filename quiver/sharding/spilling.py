"""Spilling: the rows of a source, read once, in one file for each shard to be built.

So no process holds more than a chunk of them, whatever they come from, and a shard is
built from a mapped file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from reprlib import repr as brief
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, KeptVectors, Metric, UserIds
from quiver.errors import QuiverError
from quiver.parallel.progress import ProgressMeter
from quiver.readers.streamed import chunks_of
from quiver.sharding.sourcing import Source
from quiver.storage.atomic import os_errors
from quiver.validation.arrays import as_matrix, as_vectors


class Spilled(NamedTuple):
    """The rows of one shard, in a file of their own.

    Attributes
    ----------
    path : Path
        Their bytes, row after row.
    dtype : str
        Of the values.
    ids : ndarray of shape (n,), int64
        Of the rows.
    dim : int
        Their columns.
    sha256 : str
        Of the bytes.
    origin : str
        Which rows of the source they are, for messages.
    """

    path: Path
    dtype: str
    ids: UserIds
    dim: int
    sha256: str
    origin: str

    def mapped(self) -> KeptVectors:
        """Return the rows, mapped and read-only."""
        shape = len(self.ids), self.dim
        if not len(self.ids):
            return np.empty(shape, self.dtype)
        return np.asarray(np.memmap(self.path, self.dtype, "r", shape=shape))


def spill(
    source: Source,
    folder: Path,
    shard_of: NDArray[np.int64],
    n_shards: int,
    metric: Metric,
    meter: ProgressMeter,
) -> list[Spilled]:
    """Write the rows of every shard to a hidden file of a folder.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If a row breaks a rule; the message names the file and the row.
    """
    paths = [folder / f".rows-{number:05d}" for number in range(n_shards)]
    digests = [hashlib.sha256() for _ in paths]
    with ExitStack() as opened, os_errors("write rows to", folder):
        files = [opened.enter_context(path.open("wb")) for path in paths]
        for start, rows in _checked(source, metric):
            owner = shard_of[start : start + len(rows)]
            for number in np.unique(owner).tolist():
                own = np.ascontiguousarray(rows[owner == number]).data
                files[number].write(own)
                digests[number].update(own)
            meter.poll()
    return [
        Spilled(
            paths[number],
            source.dtype.str,
            source.ids[shard_of == number],
            source.dim,
            digests[number].hexdigest(),
            _origin(source, np.flatnonzero(shard_of == number)),
        )
        for number in range(n_shards)
    ]


def _checked(source: Source, metric: Metric) -> Iterator[tuple[int, AnyArray]]:
    """Yield chunks of checked rows in the dtype kept, each after its first row."""
    start = 0
    for piece in source.pieces:
        in_piece = 0
        for chunk in chunks_of(piece.rows):
            try:
                yield start, _as_kept(chunk, source, metric, in_piece)
            except QuiverError as error:
                if piece.name == "vectors":
                    raise
                msg = f"{piece.name}: {error}"
                raise type(error)(msg) from error
            start, in_piece = start + len(chunk), in_piece + len(chunk)


def _as_kept(
    chunk: AnyArray, source: Source, metric: Metric, first_row: int
) -> AnyArray:
    if source.dtype != np.float32:
        return as_matrix(chunk, "vectors", dim=source.dim)
    return as_vectors(
        chunk, "vectors", metric=metric, dim=source.dim, first_row=first_row
    )


def _origin(source: Source, rows: NDArray[np.intp]) -> str:
    """Return words for some rows of a source."""
    if not len(rows):
        return "no rows"
    first, last = int(rows[0]), int(rows[-1])
    if not source.pieces[1:]:
        return f"rows {first} … {last} of {source.pieces[0].name}"
    sizes = np.cumsum([piece.rows.shape[0] for piece in source.pieces])
    names = [
        source.pieces[int(place)].name
        for place in np.unique(np.searchsorted(sizes, rows, side="right"))
    ]
    return f"{len(rows)} rows of {brief(names)}"
