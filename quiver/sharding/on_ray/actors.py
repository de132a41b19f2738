"""Actors: the engine whose shards live in processes of Ray, on whatever machines.

They ask Ray for no processor, so nothing that holds all of them keeps an actor from
starting, and no actor keeps anything else waiting. Nothing is waited for without end.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from quiver.parallel.workers import resolve_threads
from quiver.sharding.engines import Asked, Told, check_open, with_threads
from quiver.sharding.manifest import Manifest, pack_manifest
from quiver.sharding.messages import Message, pack
from quiver.sharding.on_ray.cluster import (
    START_SECONDS,
    fetched,
    not_started,
    processors,
    running_ray,
)
from quiver.sharding.on_ray.gathering import Gathering, Shards
from quiver.sharding.on_ray.holder import Holder
from quiver.sharding.on_ray.replica import Replica
from quiver.sharding.serving import raise_refusal
from quiver.storage import Verify
from quiver.validation.checks import check_int

MAX_REPLICAS = 64

DEADLINE = 60.0
"""Seconds that a question may take where the caller sets no limit."""

INLINE_BYTES = 100_000
"""What is larger Ray keeps in its object store; it is put there once for all shards."""

_OPTIONS = {"num_cpus": 0, "max_restarts": -1, "scheduling_strategy": "SPREAD"}


class Actors:
    """Shards that actors of Ray have mapped.

    Parameters
    ----------
    folder, manifest : Path, Manifest
        Where the shards are, on every machine of the cluster, and which.
    verify : {'none', 'fast', 'full'}
        How an actor proves its shard, each time it opens it; ``none`` counts as
        ``fast``.
    backend : str
        Name of the kernels.
    replicas : int, default 1
        Actors of each shard.
    deadline : float, optional
        Seconds that a question may take.
    before : Actors, optional
        The engine of the generation before; actors of shards that are still there are
        asked by both.

    Attributes
    ----------
    shards : dict of list of Replica
        The actors of each, in the order of the manifest.

    Raises
    ------
    FileAccessError, FileFormatError
        If a shard is missing, or not what the manifest names.
    ShardError
        If Ray does not start an actor in time; the message says what may keep it.
    InvalidArgumentError
        If Ray is not installed or may not be started.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        verify: Verify,
        backend: str,
        replicas: int = 1,
        deadline: float | None = None,
        before: Actors | None = None,
    ) -> None:
        n_replicas = check_int("replicas", replicas, 1, MAX_REPLICAS)
        self._ray = running_ray()
        self._deadline = DEADLINE if deadline is None else deadline
        self._n_processors, self._turns = processors(self._ray).every, count()
        start = self._ray.remote(Holder).options(**_OPTIONS).remote
        place = str(folder.absolute()), self._put(pack_manifest(manifest))
        how = "full" if verify == "full" else "fast", backend
        known: Shards = {} if before is None else before.shards
        # Those of one shard one after another: Ray spreads them over the machines.
        new = {
            shard: [
                Replica(self._ray, partial(start, *place, number, *how))
                for _ in range(n_replicas)
            ]
            for number, shard in enumerate(manifest.shards)
            if shard not in known
        }
        self.shards: Shards = {
            shard: known.get(shard) or new[shard] for shard in manifest.shards
        }
        self._wait([replica for some in new.values() for replica in some])

    def _wait(self, new: list[Replica]) -> None:
        """Wait until new actors have opened their shards; end all if one cannot."""
        refs = [replica.opened for replica in new]
        many = {"num_returns": len(refs), "timeout": START_SECONDS}
        try:
            ready, late = self._ray.wait(refs, **many) if refs else ([], [])
            for ref in ready:
                raise_refusal(fetched(self._ray, ref))
            if late:
                what = f"{len(late)} of {len(refs)} actors"
                raise not_started(self._ray, what, "memory, and no processor")
        except BaseException:
            for replica in new:
                replica.end()
            raise

    def ask(self, asked: Asked, threads: int | None = None, work: float = 0.0) -> Told:
        """Return the answers of all shards; see `Engine.ask`."""
        del work
        check_open(bool(self.shards) and self._ray.is_initialized())
        every = self._n_processors if threads is None else resolve_threads(threads)
        own = max(1, every // len(self.shards))
        frames = self._packed([one and with_threads(one, own) for one in asked])
        gathering = Gathering(self._ray, self.shards, frames, next(self._turns))
        told = gathering.told(self._deadline)
        raise_refusal([one for one in told if isinstance(one, Message)])
        return told

    def _packed(self, asked: Asked) -> list[Any]:
        """Return each question as Ray is given it, packed once if several are alike."""
        keys = [
            one and (one.word, str(one.options), *map(id, one.arrays)) for one in asked
        ]
        packed: dict[Any, Any] = {None: None}
        for key, one in zip(keys, asked, strict=True):
            if one is not None and key not in packed:
                packed[key] = self._put(pack([one]))
        return [packed[key] for key in keys]

    def _put(self, frame: bytes) -> Any:
        return frame if len(frame) <= INLINE_BYTES else self._ray.put(frame)

    def close(self) -> None:
        """End the actors."""
        if self._ray.is_initialized():
            for replicas in self.shards.values():
                for replica in replicas:
                    replica.end()
        self.shards = {}
