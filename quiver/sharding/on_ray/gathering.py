"""Gathering: one question to all shards, from the first call to the last answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple, TypeAlias

from quiver.errors import ShardError
from quiver.sharding.engines import Told
from quiver.sharding.manifest import Shard
from quiver.sharding.messages import Message
from quiver.sharding.on_ray.cluster import fetched
from quiver.sharding.on_ray.holder import UNOPENED
from quiver.sharding.on_ray.replica import Replica

Shards: TypeAlias = Mapping[Shard, list[Replica]]
"""Every shard's replicas, in the order of the manifest."""


class _Call(NamedTuple):
    """A question on its way: for which shard, to whom, and how many went before."""

    number: int
    replica: Replica
    n_before: int


class Gathering:
    """A question on its way to shards.

    If an actor is lost another of its shard is asked, and in the end the first again,
    which Ray is starting meanwhile.

    Parameters
    ----------
    ray : module
        Connected to its cluster.
    shards : dict of list of Replica
        All of them, in the order of their numbers.
    frames : sequence of bytes, ObjectRef or None
        The question to each, packed.
    turn : int
        Which replicas are asked first.
    """

    def __init__(
        self, ray: Any, shards: Shards, frames: Sequence[Any], turn: int
    ) -> None:
        self._ray, self._frames, self._turn = ray, frames, turn
        self._files = [shard.file for shard in shards]
        self._replicas = [*shards.values()]
        self._calls = dict[Any, _Call]()
        for number, frame in enumerate(frames):
            if frame is not None:
                self._call(number, 0)

    def _call(self, number: int, n_before: int) -> None:
        replicas = self._replicas[number]
        replica = replicas[(self._turn + number + n_before) % len(replicas)]
        ref = replica.ask(self._frames[number], is_patient=n_before == len(replicas))
        self._calls[ref] = _Call(number, replica, n_before)

    def told(self, seconds: float) -> Told:
        """Return what is answered within so many seconds, and why the rest is not."""
        told: Told = [None] * len(self._files)
        end = monotonic() + seconds
        while self._calls:
            left = max(0.0, end - monotonic())
            ready, _ = self._ray.wait([*self._calls], timeout=left)
            if not ready:
                break
            number, _, n_before = self._calls.pop(ready[0])
            told[number] = self._received(ready[0], number)
            can_ask = n_before < len(self._replicas[number])
            if can_ask and isinstance(told[number], ShardError):
                self._call(number, n_before + 1)
        for number, replica, n_before in self._calls.values():
            told[number] = self._lost(number, f"no answer within {seconds} s")
            # Asked again, it was being started, and did not hang.
            if not n_before:
                replica.replace()
        return told

    def _received(self, ref: Any, number: int) -> Message | ShardError:
        try:
            (told,) = fetched(self._ray, ref)
        except ShardError as error:
            return self._lost(number, str(error))
        assert told is not None
        if told.word == UNOPENED:
            return self._lost(number, told.options["text"])
        return told

    def _lost(self, number: int, reason: str) -> ShardError:
        return ShardError(f"{self._files[number]}: shard: {reason}")
