"""Tasks: a crew of Ray, that builds a shard in a task of its own.

Processors are reserved before the first task, or a task that none is left for would
wait for ever. A task reads its rows from the folder and writes its shard there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from quiver.sharding.builders import POLL_SECONDS
from quiver.sharding.messages import Message, pack, unpack
from quiver.sharding.on_ray.cluster import fetched, reserved
from quiver.sharding.serving import answered, carry_out_all, raise_refusal


def carry_out_packed(frame: bytes) -> bytes:
    """Build the shards of a frame of jobs; return the answers, or a refusal."""
    return pack(answered(carry_out_all, unpack(frame)))


class Tasks:
    """A crew whose jobs are tasks of Ray.

    Parameters
    ----------
    ray : module
        Connected to its cluster.
    group : PlacementGroup
        The processors that were reserved.
    size, threads : int
        How many tasks at a time, and the processors of each.
    """

    def __init__(self, ray: Any, group: Any, size: int, threads: int) -> None:
        self._ray, self.size = ray, size
        where = ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group)
        # Lost to a lack of memory, a task that Ray may try again it tries for ever.
        how = {"num_cpus": threads, "max_retries": 0, "scheduling_strategy": where}
        self._task = ray.remote(carry_out_packed).options(**how)

    def begin(self, asked: Message) -> Any:
        """Start a task."""
        return self._task.remote(self._ray.put(pack([asked])))

    def ready(self, begun: Collection[Any]) -> Sequence[Any]:
        """Return tasks that have ended; see `Crew.ready`."""
        return self._ray.wait([*begun], timeout=POLL_SECONDS)[0]

    def finish(self, begun: Any) -> None:
        """Read what a task has returned; see `Crew.finish`."""
        raise_refusal(fetched(self._ray, begun))


@contextmanager
def tasks(ray: Any, size: int, threads: int) -> Iterator[Tasks]:
    """Yield a crew; whatever ends the block ends its tasks.

    Raises
    ------
    ShardError
        If there are not as many processors in time.
    """
    with reserved(ray, "a build of shards", size, threads) as group:
        yield Tasks(ray, group, size, threads)
