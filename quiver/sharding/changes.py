"""Changes: the shards of the next generation, from those of this one.

Only shards that change are opened, in memory, and written under new names; then the
manifest is replaced, in one step. Whoever reads the generation before keeps its files
open, and reads them to the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver import storage
from quiver._typing import UserIds, Vectors
from quiver._version import __version__
from quiver.backends.protocol import Backend
from quiver.build import Plan
from quiver.errors import InvalidArgumentError
from quiver.index import Index
from quiver.sharding.folder import (
    claimed,
    file_name,
    read_manifest,
    remove_unnamed,
    write_manifest,
)
from quiver.sharding.jobs import built, described
from quiver.sharding.manifest import MAX_SHARDS, Manifest, Shard, fingerprint_of
from quiver.sharding.placing import slots_of
from quiver.sharding.shard import open_shard
from quiver.state import State
from quiver.storage.pieced import select


class Piece(NamedTuple):
    """A shard of the next generation.

    Attributes
    ----------
    state : State
        What it holds.
    slots : tuple of int
        The hashes it owns.
    """

    state: State
    slots: tuple[int, int]


class Change:
    """One change of a folder, for as long as no other can be made.

    Parameters
    ----------
    folder : Path
        Of the shards.
    manifest : Manifest
        That of the folder.
    backend : Backend
        Kernels; the files do not depend on them.
    threads : int
        Nor on that.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, backend: Backend, threads: int
    ) -> None:
        self.folder, self.manifest = folder, manifest
        self.backend, self.threads = backend, threads

    def opened(self, number: int) -> Index:
        """Return a shard to be changed, in memory and proven."""
        return open_shard(self.folder, self.manifest, number, backend=self.backend)

    def built(self, vectors: Any, ids: UserIds, like: State) -> State:
        """Return a shard of rows, coded like another."""
        plan = Plan(
            metric=like.metric,
            encoding=like.encoding,
            params=like.params,
            backend=self.backend,
            threads=self.threads,
            notes=like.notes,
            transform=like.transform,
        )
        return replace(built(vectors, ids, plan), version=like.version)

    def chosen(self, state: State, is_chosen: NDArray[np.bool_]) -> State:
        """Return a shard of some live rows of another."""
        rows = state.live_rows[is_chosen]
        return self.built(select(state.vectors, rows), state.ids[rows], state)

    def grown(self, number: int, vectors: Vectors, ids: UserIds) -> Piece:
        """Return a shard with more rows."""
        index = self.opened(number)
        if index.state.has_graph:
            index.add(vectors, ids, threads=self.threads)
            state = index.state
        else:
            # Left to itself it would take a mean of its own.
            every = np.concatenate([np.asarray(index.vectors), vectors])
            own = np.concatenate([index.ids, ids])
            state = self.built(every, own, index.state)
        return Piece(state, self.manifest.shards[number].slots)

    def publish(self, pieces: Mapping[int, Sequence[Piece]]) -> Manifest:
        """Write the next generation, in which shards by number become others.

        The number after the last stands for shards that are new.
        """
        old, shards = self.manifest, list[Shard]()
        if sum(map(len, pieces.values())) + len(old.shards) > MAX_SHARDS:
            msg = f"shards must be at most {MAX_SHARDS}, merge some by a new build"
            raise InvalidArgumentError(msg)
        for number in range(len(old.shards) + 1):
            for piece in pieces.get(number, ()):
                shards.append(self._saved(piece, len(shards)))
            if number not in pieces and number < len(old.shards):
                shards.append(old.shards[number])
        new = replace(old, generation=old.generation + 1, shards=tuple(shards))
        write_manifest(self.folder, new)
        remove_unnamed(self.folder, new)
        return new

    def _saved(self, piece: Piece, place: int) -> Shard:
        found = fingerprint_of(piece.state.transform)
        assert found == self.manifest.transform, "a shard took a transform of its own"
        path = self.folder / file_name(place, self.manifest.generation + 1)
        storage.save(piece.state, path, __version__)
        return described(path, piece.state.live_ids, piece.slots)


@contextmanager
def changing(
    folder: Path, manifest: Manifest, backend: Backend, threads: int
) -> Iterator[Change]:
    """Keep other changes away from a folder, and yield what changes it.

    Raises
    ------
    LockError
        If another change or build is under way.
    InvalidArgumentError
        If the folder has another manifest by now.
    """
    with claimed(folder):
        now = read_manifest(folder)
        if now != manifest:
            msg = (
                f"{folder} must be at generation {manifest.generation}, which was "
                f"opened, and is at {now.generation}; refresh or open it again"
            )
            raise InvalidArgumentError(msg)
        yield Change(folder, manifest, backend, threads)


def halves(
    manifest: Manifest, number: int, ids: UserIds
) -> list[tuple[NDArray[np.bool_], tuple[int, int]]]:
    """Return which rows of a shard go to each half, and the hashes these own.

    Raises
    ------
    InvalidArgumentError
        If it cannot be halved.
    """
    first, stop = manifest.shards[number].slots
    if manifest.scheme == "rows":
        is_low = np.arange(len(ids)) < len(ids) // 2
        return [(is_low, (0, 0)), (~is_low, (0, 0))]
    middle = (first + stop) // 2
    if manifest.scheme == "key" or middle == first:
        rule = "one hash cannot be halved, nor keys that are not kept"
        msg = f"shard must be by rows or by several hashes, got {number}: {rule}"
        raise InvalidArgumentError(msg)
    is_low = slots_of(ids) < middle
    return [(is_low, (first, middle)), (~is_low, (middle, stop))]
