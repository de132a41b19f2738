"""Threads: the one place that has them.

Rows are cut into chunks and each thread takes the next chunk until none is left. The
answer cannot depend on the number of threads, because every chunk computes only its own
rows. Threads live for one build or search: nothing survives a fork, and no other
library's threads are touched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from math import isqrt
from typing import Any, Generic, TypeVar

from quiver.arithmetic import in_standard_arithmetic
from quiver.parallel.processors import count_processors
from quiver.validation.checks import check_int

START_WORK = 1 << 16
"""Work worth starting and ending a thread, which takes 0.2 ms. In code distances of
about 10 ns, as all work here: 0.7 ms."""

WAKE_WORK = 1 << 14
"""Work worth waking a thread that waits, which takes 0.05 ms: 0.2 ms."""

T = TypeVar("T")
Task = Callable[[int, int], T]


def resolve_threads(threads: int | None, n_rows: int | None = None) -> int:
    """Return the number of threads; None means all this process may use.

    For a single row it is not asked how many those are.
    """
    if threads is None:
        return 1 if n_rows == 1 else count_processors()
    return check_int("threads", threads, 1, 4096)


def useful_threads(work: float, least: int) -> int:
    """Return how many threads do some work soonest, where each needs ``least``.

    Besides, a thread keeps the interpreter to itself for about a quarter of ``least``:
    to be given its chunk, to call kernels and to hand back. Threads take turns at that,
    so k of them take ``work / k + k · least / 4``, which is least at the root below.
    """
    worth = int(work // least)
    return max(1, min(worth, isqrt(4 * worth)))


class Workers:
    """The threads of one build or search: the caller's, and more where they pay.

    Parameters
    ----------
    threads : int
        At most so many, the caller's included. The others start with the first work
        that is worth them, and end with the ``with`` block.
    between : callable, optional
        Called on the caller's thread between chunks; what it raises stops the work.
    once : bool, default False
        Whether the threads serve one call only, which must be worth starting them.
    """

    def __init__(
        self,
        threads: int,
        between: Callable[[], None] | None = None,
        *,
        once: bool = False,
    ) -> None:
        self._threads = threads
        self._between = between
        self._once = once
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Workers:
        """Return itself; no thread has started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def map(
        self,
        task: Task[T],
        n_rows: int,
        *,
        chunk_rows: int,
        row_work: float | None = None,
    ) -> list[T]:
        """Call ``task(start, stop)`` for every chunk of rows; results in row order.

        Parameters
        ----------
        task : callable
            Must release the GIL to gain from threads and write only its own rows.
        n_rows, chunk_rows : int
            Rows in all and, at most, per call.
        row_work : float, optional
            Roughly how many code distances a row costs; by default every row is worth
            a thread. Too few rows for two threads are computed by the caller's alone.

        Returns
        -------
        list
            One result per chunk.

        Notes
        -----
        On Ctrl-C or any error, chunks not yet begun are dropped and those running are
        waited for. Of several errors the first in row order is raised: the chunks
        before it have all been begun.
        """
        n_threads = max(1, min(self._threads, n_rows))
        if row_work is not None:
            least = START_WORK if self._once else WAKE_WORK
            n_threads = min(n_threads, useful_threads(n_rows * row_work, least))
        job = _Job(task, _cut(n_rows, chunk_rows, n_threads))
        helpers: list[Future[None]] = []
        try:
            helpers = self._start(job, n_threads - 1)
            job.take_chunks(self._between)
        finally:
            job.drop_rest()
            for helper in helpers:
                # One that never began has nothing left to do.
                if not helper.cancel():
                    helper.result()
        return job.results()

    def _start(self, job: _Job[Any], n_helpers: int) -> list[Future[None]]:
        """Let helpers take chunks, or none where the system starts no more threads."""
        if not n_helpers:
            return []
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1)
        try:
            return [self._pool.submit(job.take_chunks) for _ in range(n_helpers)]
        except RuntimeError:
            self.__exit__()
            self._threads = 1
            return []


class _Job(Generic[T]):
    """Chunks of one task, which threads take in order."""

    def __init__(self, task: Task[T], spans: list[tuple[int, int]]) -> None:
        # A thread may have other rules than the one that started it.
        self._task = in_standard_arithmetic(task)
        # Taking one from the left is atomic.
        self._pending = deque(enumerate(spans))
        self._results: dict[int, T] = {}
        self._errors: dict[int, BaseException] = {}

    def take_chunks(self, between: Callable[[], None] | None = None) -> None:
        """Compute one chunk after another until none is left or one fails."""
        while self._pending:
            try:
                number, span = self._pending.popleft()
            except IndexError:  # Another thread took the last.
                return
            try:
                self._results[number] = self._task(*span)
            except BaseException as error:  # Ctrl-C as well.
                self._errors[number] = error
                self.drop_rest()
                return
            if between is not None:
                between()

    def drop_rest(self) -> None:
        self._pending.clear()

    def results(self) -> list[T]:
        """Return the results in order of rows, or raise the first error."""
        if self._errors:
            try:
                raise self._errors.pop(min(self._errors))
            finally:
                # An error kept here would keep, by its frames, all that they hold.
                self._errors.clear()
        return [self._results[number] for number in range(len(self._results))]


def _cut(n_rows: int, chunk_rows: int, n_threads: int) -> list[tuple[int, int]]:
    """Cut rows into chunks of nearly one size, as many for every thread."""
    n_chunks = n_threads * -(-n_rows // (n_threads * chunk_rows))
    borders = [n_rows * number // n_chunks for number in range(n_chunks)]
    return list(pairwise([*borders, n_rows]))


def map_chunks(
    task: Task[T],
    n_rows: int,
    *,
    chunk_rows: int,
    threads: int,
    row_work: float | None = None,
) -> list[T]:
    """Call `Workers.map` with threads that live for this one call."""
    if n_rows == 1:
        # A single query should not pay for what only threads need.
        return [task(0, 1)]
    with Workers(threads, once=True) as workers:
        return workers.map(task, n_rows, chunk_rows=chunk_rows, row_work=row_work)
