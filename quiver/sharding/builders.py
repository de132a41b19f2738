"""Builders: jobs carried out one after another here, or side by side by workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait

from quiver.errors import CancelledError, QuiverError, ShardError
from quiver.parallel.progress import ProgressMeter
from quiver.sharding.jobs import Job, carry_out
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


def build_by_workers(jobs: Sequence[Job], n_workers: int, meter: ProgressMeter) -> None:
    """Carry out jobs in processes, as many at a time; errors as of `build_here`.

    A worker that dies is started anew, and its job tried once more. Whatever ends the
    call, no process is left.
    """
    left = deque((job, 1) for job in jobs)
    idle = [Worker(serve_builds, ()) for _ in range(min(n_workers, len(jobs)))]
    every = tuple(idle)
    busy: dict[Worker, tuple[Job, int]] = {}
    try:
        while left or busy:
            while left and idle:
                worker = idle.pop()
                busy[worker] = left.popleft()
                with naming(busy[worker][0]):
                    worker.begin([busy[worker][0].asked()])
            for worker in _ready(busy):
                job, n_tries = busy.pop(worker)
                idle.append(worker)
                if _is_finished(worker, job, n_tries):
                    meter.advance(len(job.rows.ids))
                else:
                    left.append((job, n_tries + 1))
            meter.poll()
    finally:
        for worker in every:
            worker.kill()
            worker.end()


def _ready(busy: dict[Worker, tuple[Job, int]]) -> list[Worker]:
    ready = wait([worker.pipe for worker in busy], POLL_SECONDS)
    return [worker for worker in busy if worker.pipe in ready]


def _is_finished(worker: Worker, job: Job, n_tries: int) -> bool:
    """Return whether a job is done; if not it may be tried again."""
    with naming(job):
        try:
            worker.finish()
        except ShardError:
            if n_tries == MOST_TRIES:
                raise
            return False
    job.note_done()
    return True
