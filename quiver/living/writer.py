"""Writer: what an index keeps from one change to the next, and the tools of one.

A lock, since one version comes after another; and room after the last row of the
arrays that only grow, so that small additions do not copy them. Rows in that room are
beyond the end of every version published so far: nobody reads them.
"""

from __future__ import annotations

from threading import RLock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import (
    AnyArray,
    AnyVectors,
    Progress,
    UserIds,
    Vectors,
)
from quiver.backends.protocol import Backend
from quiver.graph.unlinked import hash_rows
from quiver.parallel.progress import ProgressMeter
from quiver.parallel.workers import Workers
from quiver.reference.codes import Codes, aligned_zeros
from quiver.state import State
from quiver.storage.journal import AUTO, REFIT, Entry, Journal, Kind
from quiver.storage.pieced import PiecedVectors, pieced
from quiver.validation.arrays import as_int64

ROOM = 4
"""An array that is full gets room for a fourth of its rows more."""


class Growing:
    """One array of an index, with room for more rows after its last.

    Parameters
    ----------
    read_only : bool, default False
        Whether the rows returned are.
    """

    def __init__(self, *, read_only: bool = False) -> None:
        self._read_only = read_only
        self._room: AnyArray | None = None
        self._rows: AnyArray | None = None

    def extended(self, rows: AnyArray, more: AnyArray) -> AnyArray:
        """Return the rows followed by more; in place if they were returned last.

        Other rows are of a version that was given up, or of another index: they are
        copied, because the room after them is not theirs.
        """
        n, total = len(rows), len(rows) + len(more)
        if self._room is None or rows is not self._rows or total > len(self._room):
            self._room = _with_room(rows, max(total, n + n // ROOM))
        self._room[n:total] = more
        self._rows = self._room[:total]
        self._rows.flags.writeable = not self._read_only
        return self._rows


def _with_room(rows: AnyArray, capacity: int) -> AnyArray:
    columns = rows.shape[1] if rows.ndim == 2 else 1
    # Kernels want codes that start at a cache line.
    room = aligned_zeros((capacity, columns), rows.dtype.type)
    room = room.reshape(capacity, *rows.shape[1:])
    room[: len(rows)] = rows
    return room


class Writer:
    """The lock and the growing arrays of one index.

    Attributes
    ----------
    lock : RLock
        Held by the operation that makes the next version.
    journal : Journal or None
        Told each operation before its version is published.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.journal: Journal | None = None
        self._codes, self._links, self._ids = Growing(), Growing(), Growing()
        self._vectors = Growing(read_only=True)
        self._hashes = Growing()
        self._linked: tuple[AnyArray, Codes] | None = None
        self._hashed: tuple[AnyArray, NDArray[np.uint64]] | None = None

    def recorded(
        self,
        old: State,
        new: State,
        kind: Kind,
        consolidate: str = "manual",
        ids: Any = (),
        n_vectors: int = 0,
        *,
        refit: bool = False,
    ) -> State:
        """Return the next state, once the operation that made it is in the journal."""
        if new is not old and self.journal is not None:
            switches = AUTO * (consolidate == "auto") | REFIT * refit
            numbers = np.atleast_1d(as_int64(ids, "ids"))
            # New rows are the last of all, whatever has gone before them.
            vectors = new.vectors[new.n - n_vectors : new.n]
            self.journal.append(Entry(kind, old.version, switches, numbers, vectors))
        return new

    def with_codes(self, codes: Codes, more: Codes) -> Codes:
        """Return stored codes followed by more."""
        hashes = self._hashes.extended(self.hashes_of(codes), hash_rows(more.rows))
        rows = self._codes.extended(codes.rows, more.rows)
        self._hashed = rows, hashes
        return codes._replace(rows=rows)

    def hashes_of(self, codes: Codes) -> NDArray[np.uint64]:
        """Return a hash of each code, computed once."""
        if self._hashed is None or self._hashed[0] is not codes.rows:
            self._hashed = codes.rows, hash_rows(codes.rows)
        return self._hashed[1]

    def with_links(self, codes: Codes, more: Codes) -> Codes:
        """Return codes that the graph is linked by followed by more."""
        return codes._replace(rows=self._links.extended(codes.rows, more.rows))

    def with_ids(self, ids: UserIds, more: UserIds) -> UserIds:
        """Return ids followed by more."""
        return self._ids.extended(ids, more)

    def with_vectors(self, stored: AnyVectors, more: Vectors) -> AnyVectors:
        """Return stored vectors followed by more, which are kept as float32."""
        if isinstance(stored, np.ndarray):
            return self._vectors.extended(stored, more)
        if not isinstance(stored, PiecedVectors):
            stored = pieced(stored, np.arange(len(stored), dtype=np.uint32))
        added = self._vectors.extended(stored.added, more)
        return PiecedVectors(stored.base, stored.kept, added)

    def keep_links(self, codes: Codes, links: Codes) -> None:
        """Remember the codes that the graph is linked by, beside those stored."""
        self._linked = codes.rows, links

    def links_of(self, codes: Codes) -> Codes | None:
        """Return what was kept beside these very codes."""
        if self._linked is not None and self._linked[0] is codes.rows:
            return self._linked[1]
        return None


class Tools(NamedTuple):
    """What an operation works with.

    Attributes
    ----------
    backend : Backend
        Kernels; the state does not depend on them.
    writer : Writer
        Of the index.
    workers : Workers
        Threads; the state does not depend on them.
    meter : ProgressMeter
        Told the rows that are done; may cancel.
    threads : int
        For a build, which has workers of its own.
    progress : callable, optional
        For a build, which counts its own rows.
    """

    backend: Backend
    writer: Writer
    workers: Workers
    meter: ProgressMeter
    threads: int
    progress: Progress | bool | None
