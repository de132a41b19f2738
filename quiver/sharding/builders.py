"""Builders: jobs carried out one after another here, or side by side by a crew."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, Protocol

from quiver.errors import CancelledError, QuiverError, ShardError
from quiver.parallel.progress import ProgressMeter
from quiver.sharding.jobs import Job, carry_out
from quiver.sharding.messages import Message
from quiver.sharding.serving import serve_builds
from quiver.sharding.worker import Worker

POLL_SECONDS = 0.5
"""How often a caller may cancel while workers build."""

MOST_TRIES = 2
"""Times a shard is tried whose worker dies."""


@contextmanager
def naming(job: Job) -> Iterator[None]:
    """Say of an error which shard it befell, and what rows it was of."""
    try:
        yield
    except CancelledError:
        raise
    except QuiverError as error:
        msg = f"{job.path}: shard of {job.rows.origin}: {error}"
        raise ShardError(msg) from error


def build_here(jobs: Sequence[Job], meter: ProgressMeter) -> None:
    """Carry out jobs in this process.

    Raises
    ------
    ShardError
        If one fails; the message names the shard and its rows.
    CancelledError
        If the caller wants no more.
    """
    for job in jobs:
        with naming(job):
            carry_out(job.asked(), lambda *_: meter.poll())
        job.note_done()
        meter.advance(len(job.rows.ids))


class Crew(Protocol):
    """Processes that build shards.

    Attributes
    ----------
    size : int
        How many they build at a time.
    """

    size: int

    def begin(self, asked: Message) -> Hashable:
        """Begin a job and return what stands for it."""

    def ready(self, begun: Collection[Any]) -> Sequence[Any]:
        """Return what has ended, waiting for `POLL_SECONDS` at most."""

    def finish(self, begun: Any) -> None:
        """Raise unless what has ended is done.

        Raises
        ------
        ShardError
            If a process was lost; the job may be tried again.
        QuiverError
            If it is refused.
        """


def build_by(crew: Crew, jobs: Sequence[Job], meter: ProgressMeter) -> None:
    """Carry out jobs by a crew; errors as of `build_here`.

    One whose process is lost is tried once more.
    """
    left = deque((job, 1) for job in jobs)
    busy: dict[Any, tuple[Job, int]] = {}
    while left or busy:
        while left and len(busy) < crew.size:
            job, n_tries = left.popleft()
            with naming(job):
                busy[crew.begin(job.asked())] = job, n_tries
        for begun in crew.ready(busy):
            job, n_tries = busy.pop(begun)
            if _is_finished(crew, begun, job, n_tries):
                meter.advance(len(job.rows.ids))
            else:
                left.append((job, n_tries + 1))
        meter.poll()


def _is_finished(crew: Crew, begun: Any, job: Job, n_tries: int) -> bool:
    """Return whether a job is done; if not it may be tried again."""
    with naming(job):
        try:
            crew.finish(begun)
        except ShardError:
            if n_tries == MOST_TRIES:
                raise
            return False
    job.note_done()
    return True


class Workers:
    """A crew of processes of this machine.

    Parameters
    ----------
    size : int
        How many.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._idle = [Worker(serve_builds, ()) for _ in range(size)]
        self._every = tuple(self._idle)

    def begin(self, asked: Message) -> Worker:
        """Ask a worker that has nothing to do, started if need be."""
        worker = self._idle.pop()
        worker.begin([asked])
        return worker

    def ready(self, begun: Collection[Worker]) -> list[Worker]:
        """Return those who have something to say; see `Crew.ready`."""
        ready = wait([worker.pipe for worker in begun], POLL_SECONDS)
        return [worker for worker in begun if worker.pipe in ready]

    def finish(self, begun: Worker) -> None:
        """Read what a worker says, which then has nothing to do; see `Crew.finish`."""
        self._idle.append(begun)
        begun.finish()

    def close(self) -> None:
        """End all, whatever they do."""
        for worker in self._every:
            worker.kill()
            worker.end()
