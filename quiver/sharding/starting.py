"""Starting: the engine that a caller named, with every shard proven and opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from quiver.backends.protocol import Backend
from quiver.errors import FileAccessError
from quiver.index import Index
from quiver.sharding.engines import Engine, Local
from quiver.sharding.folder import read_manifest
from quiver.sharding.generation import Generation
from quiver.sharding.manifest import Manifest, Shard
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

    What the generation before has open is not opened again. Errors are those of
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
    if how.engine == "local":
        opened = known.shards if isinstance(known, Local) else {}
        return Local(_opened(folder, manifest, how, how.hot, opened))
    if how.engine == "ray":
        # Each actor proves its own, where it lives.
        return Actors(
            *(folder, manifest, how.verify, how.backend.name),
            replicas=how.replicas,
            deadline=how.deadline,
            before=known if isinstance(known, Actors) else None,
        )
    place = folder, manifest, how.backend.name, how.workers, how.deadline
    if isinstance(known, Processes):
        return Processes(*place, how.verify, known)
    # Before any process starts; so the workers need not do it again.
    _opened(folder, manifest, how, "mmap")
    return Processes(*place)


def _opened(
    folder: Path,
    manifest: Manifest,
    how: How,
    hot: Place,
    known: Mapping[Shard, Index] | None = None,
) -> dict[Shard, Index]:
    """Return every shard, opened unless it is known."""
    found = dict(known or {})
    for number, shard in enumerate(manifest.shards):
        if shard not in found:
            found[shard] = open_shard(
                *(folder, manifest, number),
                hot=hot,
                verify=how.verify,
                backend=how.backend,
            )
    return {shard: found[shard] for shard in manifest.shards}
