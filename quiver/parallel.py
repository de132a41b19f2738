"""Threads: the one place that has them.

Rows are cut into chunks and a pool runs one kernel call per chunk. The answer cannot
depend on the number of threads, because every chunk computes only its own rows. The
pool lives for one call: nothing survives a fork, and no other library's threads are
touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from quiver.errors import CancelledError
from quiver.params import check_int

T = TypeVar("T")
Task = Callable[[int, int], T]


def resolve_threads(threads: int | None) -> int:
    """Return the number of threads; None means all this process may use."""
    if threads is not None:
        return check_int("threads", threads, 1, 4096)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_chunks(
    task: Task[T],
    n_rows: int,
    *,
    chunk_rows: int,
    threads: int,
    on_rows: Callable[[int], None] | None = None,
) -> list[T]:
    """Call ``task(start, stop)`` for every chunk of rows; results in row order.

    Parameters
    ----------
    task : callable
        Must release the GIL to gain from threads and write only its own rows.
    n_rows, chunk_rows : int
        Rows in all and per call.
    threads : int
        With one thread or one chunk no pool is made.
    on_rows : callable, optional
        Told the number of rows of each finished chunk, in order, on the calling
        thread; an exception it raises stops the work.

    Returns
    -------
    list
        One result per chunk.

    Notes
    -----
    On Ctrl-C or any error, chunks not yet begun are dropped and those running are
    waited for: no thread outlives the call.
    """
    spans = [
        (start, min(start + chunk_rows, n_rows))
        for start in range(0, n_rows, chunk_rows)
    ]
    results: list[T] = []

    def collect(result: T, span: tuple[int, int]) -> None:
        results.append(result)
        if on_rows is not None:
            on_rows(span[1] - span[0])

    def run_here() -> list[T]:
        for span in spans:
            collect(task(*span), span)
        return results

    if threads == 1 or len(spans) <= 1:
        return run_here()
    with ThreadPoolExecutor(min(threads, len(spans))) as pool:
        try:
            futures = _submit(pool, task, spans)
            for future, span in zip(futures, spans, strict=bool(futures)):
                collect(future.result(), span)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return results if futures else run_here()


def _submit(
    pool: ThreadPoolExecutor, task: Task[T], spans: list[tuple[int, int]]
) -> list[Future[T]]:
    """Return a future per span, or none where the system starts no more threads."""
    try:
        return [pool.submit(task, *span) for span in spans]
    except RuntimeError:
        pool.shutdown(wait=True, cancel_futures=True)
        return []


class ProgressMeter:
    """Adds up finished rows and tells the caller, who may cancel.

    Parameters
    ----------
    progress : callable or None
        ``progress(done, total)``; returning False raises `CancelledError`.
    total : int
        Rows in all.
    """

    def __init__(
        self, progress: Callable[[int, int], bool | None] | None, total: int
    ) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def advance(self, n_rows: int) -> None:
        """Count ``n_rows`` more as done."""
        self._done += n_rows
        if self._progress is None:
            return
        if self._progress(self._done, self._total) is False:
            msg = f"cancelled by progress() after {self._done} of {self._total} rows"
            raise CancelledError(msg)
