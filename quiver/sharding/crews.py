"""Crews: who builds the shards of a call, how many at a time, with how many threads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from quiver.errors import InvalidArgumentError
from quiver.parallel.progress import ProgressMeter
from quiver.parallel.workers import resolve_threads
from quiver.sharding.builders import Workers, build_by, build_here
from quiver.sharding.jobs import Job
from quiver.sharding.on_ray.cluster import processors, running_ray
from quiver.sharding.on_ray.tasks import tasks
from quiver.sharding.starting import EngineName


class Hands(NamedTuple):
    """Who builds.

    Attributes
    ----------
    engine : {'local', 'processes', 'ray'}
        This process, others of this machine, or tasks of a cluster.
    workers : int
        Shards at a time.
    threads : int
        Of each.
    """

    engine: EngineName
    workers: int
    threads: int


def hands_for(
    engine: EngineName | None, workers: int | None, threads: int | None
) -> Hands:
    """Return who builds; see `quiver.build_shards`.

    Raises
    ------
    InvalidArgumentError
        If this process is to build several shards at a time, or there is no Ray.
    """
    if engine == "ray":
        found = processors(running_ray())
        every = max(1, found.free) if threads is None else resolve_threads(threads)
        n_workers = every if workers is None else workers
        most = max(1, found.largest)
        return Hands(engine, n_workers, min(most, max(1, every // n_workers)))
    n_workers = 1 if workers is None else workers
    if engine is None:
        engine = "local" if n_workers == 1 else "processes"
    if engine == "local" and n_workers > 1:
        msg = f"workers must be 1 where engine is 'local', got {n_workers}"
        raise InvalidArgumentError(msg)
    return Hands(engine, n_workers, max(1, resolve_threads(threads) // n_workers))


def build_with(hands: Hands, jobs: Sequence[Job], meter: ProgressMeter) -> None:
    """Build some shards; errors are those of `quiver.sharding.builders.build_here`."""
    size = min(hands.workers, len(jobs))
    if hands.engine == "local" or not jobs:
        build_here(jobs, meter)
    elif hands.engine == "processes":
        with closing(Workers(size)) as crew:
            build_by(crew, jobs, meter)
    else:
        with tasks(running_ray(), size, hands.threads) as crew:
            build_by(crew, jobs, meter)
