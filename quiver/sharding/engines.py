"""Engines: where shards live, behind one protocol; and the engine of this process.

Another engine, on other machines say, is one more class with these two methods: what it
is asked it hands to `quiver.sharding.shard.answer`, wherever the shard is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from quiver.errors import ShardError
from quiver.index import Index
from quiver.parallel.workers import map_chunks, resolve_threads
from quiver.sharding.manifest import Shard
from quiver.sharding.messages import Message
from quiver.sharding.shard import answer

Policy = Literal["strict", "partial"]
Asked: TypeAlias = "Sequence[Message | None]"
"""A question for each shard, None for those that are not asked."""

Told: TypeAlias = "list[Message | ShardError | None]"
"""An answer of each shard that was asked, or why there is none."""


class Engine(Protocol):
    """What asks all shards at once."""

    def ask(self, asked: Asked, threads: int | None = None, work: float = 0.0) -> Told:
        """Return the answers of all shards, in their order.

        Parameters
        ----------
        asked : sequence of Message or None
            One for each shard.
        threads : int, optional
            For all shards together, on this machine; default all there are.
        work : float, default 0
            Roughly how many code distances a shard computes, which tells whether other
            threads are worth starting.

        Raises
        ------
        QuiverError
            If a shard refuses what it was asked. A shard that cannot be reached is no
            such error, but a `ShardError` in the place of its answer.
        """

    def close(self) -> None:
        """End what was started; nothing can be asked afterwards."""


class Local:
    """Shards opened in this process, asked by its threads.

    Parameters
    ----------
    shards : dict of Index
        All of them, in their order.
    """

    def __init__(self, shards: Mapping[Shard, Index]) -> None:
        self.shards = shards

    def ask(self, asked: Asked, threads: int | None = None, work: float = 0.0) -> Told:
        """Return the answers of all shards; see `Engine.ask`."""
        shards = [*self.shards.values()]
        check_open(bool(shards))
        n_shards, n_threads = len(shards), resolve_threads(threads)
        own = max(1, n_threads // n_shards)

        def ask_some(start: int, stop: int) -> Told:
            each = zip(shards[start:stop], asked[start:stop], strict=True)
            return [
                one and answer(shard, with_threads(one, own)) for shard, one in each
            ]

        told = map_chunks(
            ask_some, n_shards, chunk_rows=1, threads=n_threads, row_work=work
        )
        return [one for some in told for one in some]

    def close(self) -> None:
        """Let the shards go."""
        self.shards = {}


def with_threads(asked: Message, threads: int) -> Message:
    """Return a question with the threads a shard may use, if it is a search."""
    if asked.word not in ("search", "within"):
        return asked
    return asked._replace(options={**asked.options, "threads": threads})


def check_open(is_open: bool) -> None:
    """Raise if shards were closed."""
    if not is_open:
        msg = "shards must be open to be asked, and were closed"
        raise ShardError(msg)
