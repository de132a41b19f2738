"""Real workers, timed: what each takes for a question, and what its caller waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import quiver
from quiver._typing import Vectors
from quiver.sharding import processes, serving
from quiver.sharding.messages import Message


class Timed(NamedTuple):
    """Seconds and bytes of one question.

    Attributes
    ----------
    seconds, cpu : float
        That the caller waited, and worked.
    shards, shards_cpu : ndarray of shape (shards,)
        That each shard took in its worker, and that it worked.
    delays : tuple of float
        From when the first worker was asked until it began, and from when the last
        answer was ready until the caller had it.
    beside : float
        That workers worked beside that, since their last answer, all together.
    n_bytes : int
        That crossed the pipes.
    """

    seconds: float
    cpu: float
    shards: NDArray[np.float64]
    shards_cpu: NDArray[np.float64]
    delays: tuple[float, float]
    beside: float
    n_bytes: int


def serve_timed(*args: Any) -> None:
    """Answer for shards as `serve_shards` does, and tell the seconds of each."""
    real, ended = serving.answer, time.process_time()

    def answer(index: quiver.Index, asked: Message) -> Message:
        nonlocal ended
        start, cpu = time.perf_counter(), time.process_time()
        told = real(index, asked)
        times = {"start": start, "end": time.perf_counter(), "beside": cpu - ended}
        ended = time.process_time()
        times["cpu"] = ended - cpu
        return told._replace(options={**told.options, **times})

    serving.answer = answer
    serving.serve_shards(*args)


class TimedIndex:
    """A sharded index in workers, with a clock.

    Parameters
    ----------
    folder : Path
        Of its shards.
    workers : int
        Processes.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        real, processes.serve_shards = processes.serve_shards, serve_timed
        try:
            self._index = quiver.ShardedIndex.open(folder, "processes", workers=workers)
        finally:
            processes.serve_shards = real
        self._told: list[Any] = []
        engine: Any = self._index._now.engine
        self._ask, engine.ask = engine.ask, self._noted
        worker = engine.workers[0]
        self._begin, worker.begin = worker.begin, self._begun
        self._asked = self._got = 0.0

    def _begun(self, *args: Any) -> None:
        self._begin(*args)
        self._asked = time.perf_counter()

    def _noted(self, *args: Any) -> list[Any]:
        self._told = self._ask(*args)
        self._got = time.perf_counter()
        return self._told

    def search(self, queries: Vectors, ef: int, k: int = 10) -> Timed:
        """Ask one batch."""
        with counted() as n_bytes:
            cpu, start = time.process_time(), time.perf_counter()
            self._index.search(queries, k, ef=ef, threads=1)
            seconds = time.perf_counter() - start
            cpu = time.process_time() - cpu
        options = [one.options for one in self._told]
        starts, ends, shards_cpu, beside = (
            np.array([one[name] for one in options])
            for name in ("start", "end", "cpu", "beside")
        )
        delays = starts[0] - self._asked, self._got - ends.max()
        shards = ends - starts
        return Timed(
            *(seconds, cpu, shards, shards_cpu, delays, beside.sum(), sum(n_bytes))
        )

    def __enter__(self) -> TimedIndex:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self._index.close()


@contextmanager
def counted() -> Iterator[list[int]]:
    """Note the bytes of every frame that this process sends or receives."""
    found: list[int] = []
    send, receive = Connection.send_bytes, Connection.recv_bytes

    def send_counted(self: Connection, frame: bytes, *args: Any) -> None:
        found.append(len(frame))
        send(self, frame, *args)

    def receive_counted(self: Connection, *args: Any) -> bytes:
        frame = receive(self, *args)
        found.append(len(frame))
        return frame

    Connection.send_bytes = send_counted  # type: ignore[method-assign, assignment]
    Connection.recv_bytes = receive_counted  # type: ignore[method-assign, assignment]
    try:
        yield found
    finally:
        Connection.send_bytes = send  # type: ignore[method-assign]
        Connection.recv_bytes = receive  # type: ignore[method-assign]


def in_turns(
    calls: dict[Any, Callable[[], Timed]], rounds: int
) -> dict[Any, list[Timed]]:
    """Call each of some, again and again, so that other work meets all alike."""
    found: dict[Any, list[Timed]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            timed = call()
            if number:  # The first is for caches.
                found[name].append(timed)
    return found
