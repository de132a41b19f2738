"""Starting: the engine that a caller named, with every shard proven and opened."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from quiver.backends.protocol import Backend
from quiver.sharding.engines import Engine, Local
from quiver.sharding.manifest import Manifest
from quiver.sharding.processes import Processes
from quiver.sharding.shard import open_shard
from quiver.storage import Place, Verify

EngineName = Literal["local", "processes"]


class How(NamedTuple):
    """How shards are opened; see `quiver.ShardedIndex.open`.

    Attributes
    ----------
    engine, hot, verify, backend, workers, deadline
        As there.
    """

    engine: EngineName
    hot: Place
    verify: Verify
    backend: Backend
    workers: int | None
    deadline: float | None


def started(folder: Path, manifest: Manifest, how: How) -> Engine:
    """Return the engine; before it can be asked anything, all shards are proven.

    Errors are those of `quiver.sharding.shard.open_shard`.
    """
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
