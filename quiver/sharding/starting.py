"""Starting: the engine that a caller named, with every shard proven and opened."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from quiver.backends.protocol import Backend
from quiver.errors import FileAccessError
from quiver.sharding.engines import Engine, Local
from quiver.sharding.folder import read_manifest
from quiver.sharding.generation import Generation
from quiver.sharding.manifest import Manifest
from quiver.sharding.on_ray.actors import Actors
from quiver.sharding.processes import Processes
from quiver.sharding.shard import open_shard
from quiver.storage import Place, Verify

EngineName = Literal["local", "processes", "ray"]


class How(NamedTuple):
    """How shards are opened; see `quiver.ShardedIndex.open`.

    Attributes
    ----------
    engine, hot, verify, backend, workers, deadline, replicas
        As there.
    """

    engine: EngineName
    hot: Place
    verify: Verify
    backend: Backend
    workers: int | None
    deadline: float | None
    replicas: int = 1


def started(
    folder: Path, how: How, before: Generation | None = None
) -> tuple[Manifest, Engine]:
    """Return the manifest of a folder and the engine of its shards, all proven.

    Actors of the generation before are kept, if their shards are. Errors are those of
    `quiver.sharding.shard.open_shard` and of the manifest.
    """
    while True:
        manifest = read_manifest(folder)
        try:
            return manifest, _engine(folder, manifest, how, before)
        except FileAccessError:
            # Another process may have published a generation without that file.
            if read_manifest(folder) == manifest:
                raise


def _engine(
    folder: Path, manifest: Manifest, how: How, before: Generation | None
) -> Engine:
    known = None if before is None else before.engine
    if how.engine == "ray":
        # Each actor proves its own, where it lives.
        return Actors(
            *(folder, manifest, how.verify, how.backend.name),
            replicas=how.replicas,
            deadline=how.deadline,
            before=known if isinstance(known, Actors) else None,
        )
    is_local = how.engine == "local"
    numbers = range(len(manifest.shards))
    shards = [
        open_shard(
            *(folder, manifest, number),
            hot=how.hot if is_local else "mmap",
            verify=how.verify,
            backend=how.backend,
        )
        for number in numbers
    ]
    if is_local:
        return Local(shards)
    return Processes(folder, manifest, how.backend.name, how.workers, how.deadline)
