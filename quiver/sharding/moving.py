"""Moving: verbs that change a sharded index, which `quiver.ShardedIndex` inherits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quiver._typing import UserIds, Vectors
from quiver.arithmetic import with_standard_arithmetic
from quiver.errors import InvalidArgumentError
from quiver.index import Index
from quiver.parallel.workers import resolve_threads
from quiver.sharding.changes import Change, Piece, changing, halves
from quiver.sharding.folder import read_manifest
from quiver.sharding.generation import Generation
from quiver.sharding.placing import owners, slots_in
from quiver.sharding.starting import How, started
from quiver.validation.arrays import as_ids, as_int64, as_vectors
from quiver.validation.checks import check_int

Places: TypeAlias = NDArray[np.intp]
"""Which of the ids that were given."""


@with_standard_arithmetic
class Moving:
    """A sharded index that changes: each verb publishes the next generation.

    It is on the disk, whole, when the verb returns; what stops one, an error, Ctrl-C or
    a crash, leaves the last. Searches may run meanwhile in other threads and processes;
    each reads the generation it began with. A process that has the folder open sees the
    new one after `refresh`.

    Attributes
    ----------
    folder : Path
        Where the shards are.
    """

    folder: Path
    _how: How
    _now: Generation

    def add(
        self,
        vectors: Any,
        ids: Any = None,
        *,
        keys: Any = None,
        threads: int | None = None,
    ) -> UserIds:
        """Add vectors to the shards that own them; by rows to the last.

        Every shard that grows is written whole, so add many at a time.

        Parameters
        ----------
        vectors, ids, threads
            As for `Index.add`.
        keys : array_like of shape (m,), optional
            For shards by key, the key of each vector.

        Returns
        -------
        ndarray of shape (m,), int64
            The ids of the new vectors.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule, or the folder was changed since it was opened.
        LockError
            If it is being changed.
        """
        checked, own_ids = self._new_rows(vectors, ids)
        owner = self._owners(own_ids, keys)
        with self._changing(threads) as change:
            numbers = np.unique(owner).tolist()
            places = {number: np.flatnonzero(owner == number) for number in numbers}
            change.publish(
                {
                    number: [change.grown(number, checked[own], own_ids[own])]
                    for number, own in places.items()
                }
            )
        return own_ids

    def remove(self, ids: Any, *, threads: int | None = None) -> None:
        """Remove vectors by their ids; see `Index.remove`.

        Errors are those of `add`; an id that is not in the index is one too.
        """
        asked = np.atleast_1d(as_int64(ids, "ids"))

        def act(index: Index, own: Places, n_threads: int) -> None:
            index.remove(asked[own], threads=n_threads)

        self._change_holders(asked, act, threads)

    def update(self, ids: Any, vectors: Any, *, threads: int | None = None) -> None:
        """Give ids other vectors; see `Index.update`. Errors are those of `remove`."""
        checked = self._checked(vectors)
        asked = as_ids(np.atleast_1d(as_int64(ids, "ids")), len(checked))

        def act(index: Index, own: Places, n_threads: int) -> None:
            index.update(asked[own], checked[own], threads=n_threads)

        self._change_holders(asked, act, threads)

    def _change_holders(
        self,
        ids: UserIds,
        act: Callable[[Index, Places, int], None],
        threads: int | None,
    ) -> None:
        """Change every shard that holds some of the ids."""
        rows = self._now.rows
        holder = rows.shards_of(rows.rows_by_id.rows(ids))
        with self._changing(threads) as change:
            pieces = {}
            for number in np.unique(holder).tolist():
                index = change.opened(number)
                act(index, np.flatnonzero(holder == number), change.threads)
                slots = change.manifest.shards[number].slots
                pieces[number] = [Piece(index.state, slots)]
            change.publish(pieces)

    def add_shard(
        self, vectors: Any, ids: Any = None, *, threads: int | None = None
    ) -> UserIds:
        """Add vectors as a shard of their own, where shards are by rows.

        Parameters, result and errors are those of `add`.
        """
        manifest = self._now.manifest
        if manifest.scheme != "rows":
            msg = f"shards must be by rows to add one, got {manifest.scheme}; split one"
            raise InvalidArgumentError(msg)
        checked, own_ids = self._new_rows(vectors, ids)
        with self._changing(threads) as change:
            like = change.opened(0).state
            state = change.built(checked, own_ids, like)
            change.publish({len(manifest.shards): [Piece(state, (0, 0))]})
        return own_ids

    def rebuild(self, shard: int, *, threads: int | None = None) -> None:
        """Replace a shard, by its number, by one built anew of its vectors.

        Errors are those of `add`.
        """
        number = self._number(shard)
        with self._changing(threads) as change:
            state = change.opened(number).state
            every = np.ones(state.n_live, dtype=np.bool_)
            slots = change.manifest.shards[number].slots
            change.publish({number: [Piece(change.chosen(state, every), slots)]})

    def split(self, shard: int, *, threads: int | None = None) -> None:
        """Replace a shard, by its number, by two: of its hashes, or rows, half each.

        Shards by key cannot be split, for keys are not kept. Errors are those of `add`.
        """
        number = self._number(shard)
        with self._changing(threads) as change:
            state = change.opened(number).state
            parts = halves(change.manifest, number, state.live_ids)
            change.publish(
                {number: [Piece(change.chosen(state, own), to) for own, to in parts]}
            )

    @contextmanager
    def _changing(self, threads: int | None) -> Iterator[Change]:
        """Yield what changes the folder, then open what it has become."""
        how, now = self._how, self._now
        n_threads = resolve_threads(threads)
        with changing(self.folder, now.manifest, how.backend, n_threads) as change:
            yield change
            self._renew()

    def refresh(self) -> bool:
        """Open the generation that the folder is at by now, should it be another.

        Searches under way finish on the one they began with. If the new one cannot be
        opened, that one stays.

        Returns
        -------
        bool
            Whether it was another.

        Raises
        ------
        FileAccessError, FileFormatError, ShardError
            As `ShardedIndex.open`.
        """
        if read_manifest(self.folder) == self._now.manifest:
            return False
        self._renew()
        return True

    def _renew(self) -> None:
        manifest, opened = started(self.folder, self._how, self._now)
        # Not closed: another thread may be asking it. Workers of its own end with it.
        self._now = Generation(manifest, opened, self._now.policy)

    def _checked(self, vectors: Any) -> Vectors:
        about = self._now.manifest
        return as_vectors(vectors, "vectors", metric=about.metric, dim=about.dim)

    def _new_rows(self, vectors: Any, ids: Any) -> tuple[Vectors, UserIds]:
        """Return checked vectors and ids that no other has."""
        checked, taken = self._checked(vectors), self._now.rows
        if ids is None:
            first = int(taken.live_ids.max(initial=-1)) + 1
            ids = np.arange(first, first + len(checked))
        own_ids = as_ids(ids, len(checked))
        is_known = taken.rows_by_id.find(own_ids)[1]
        if is_known.any():
            msg = f"ids must not be in the index, got {own_ids[is_known][0]}"
            raise InvalidArgumentError(msg)
        return checked, own_ids

    def _owners(self, ids: UserIds, keys: Any) -> UserIds:
        manifest = self._now.manifest
        if (keys is None) == (manifest.scheme == "key"):
            rule = "keys must be given for shards by key, and for no others"
            msg = f"{rule}, got {keys!r} for shards by {manifest.scheme}"
            raise InvalidArgumentError(msg)
        if manifest.scheme == "rows":
            return np.full(len(ids), len(manifest.shards) - 1)
        by = ids if keys is None else as_int64(keys, "keys")
        if by.shape != ids.shape:
            msg = f"keys must have shape {ids.shape}, one a vector, got {by.shape}"
            raise InvalidArgumentError(msg)
        return owners(by, slots_in(manifest.shards))

    def _number(self, shard: Any) -> int:
        return check_int("shard", shard, 0, len(self._now.manifest.shards) - 1)
