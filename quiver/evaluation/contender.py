"""Contender: one backend on the index that all of them search, and its clock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from quiver._typing import AnyArray, Distances, Vectors
from quiver.backends.protocol import Backend
from quiver.evaluation.bench_report import BackendTimes, Latency, Turns
from quiver.evaluation.starting import start_seconds
from quiver.evaluation.timing import TIMING_SECONDS, fastest, timed
from quiver.index import Index
from quiver.params import SearchParams
from quiver.recall.recall import recall_at_k
from quiver.results import SearchResult

# The reference builds the first within seconds, compiled kernels the second.
TRIAL_ROWS, SAMPLE_ROWS = 200, 5000
WARM_ROWS = 64
_TRIAL_SECONDS = 0.5


class Contender:
    """One backend, with what was measured so far.

    Parameters
    ----------
    index : Index
        What all search; only the kernels differ.
    backend : Backend
        Whose these are.
    queries : ndarray of shape (q, dim), float32
        A slow backend gets the first few.
    effort : SearchParams
        Of every search.
    threads : int
        What a call may use, but those of one thread.
    queries_per_call : int, optional
        Of the calls whose latency counts; none are measured without.
    """

    def __init__(
        self,
        index: Index,
        backend: Backend,
        queries: Vectors,
        effort: SearchParams,
        threads: int,
        queries_per_call: int | None = None,
    ) -> None:
        self._index, self._threads = Index(index.state, backend), threads
        self._search = partial(
            self._index.search, k=effort.k, ef=effort.ef, n_rerank=effort.n_rerank
        )
        self._search(queries[0], threads=1)
        _, seconds = timed(partial(self._search, queries[0], threads=1))
        # Slow kernels answer fewer queries rather than take minutes.
        affordable = int(_TRIAL_SECONDS / seconds)
        self._queries = queries[: max(4, affordable)]
        self._per_call = queries_per_call
        self._singles: list[list[float]] = []
        self._calls: list[list[float]] = []
        self._one: list[float] = []
        self._all: list[float] = []

    def measure_build(self, build: Callable[..., Index]) -> None:
        """Build over a few rows first, over more if that was quick; start a process."""
        vectors, name = self._index.vectors, self._index.backend.name
        self._start = start_seconds(name)
        build(vectors[:WARM_ROWS], backend=name)
        for rows in (TRIAL_ROWS, SAMPLE_ROWS):
            _, seconds = timed(partial(build, vectors[:rows], backend=name))
            self._built = min(rows, len(vectors)), seconds
            if seconds > _TRIAL_SECONDS:
                break

    def take_turn(self) -> None:
        """Answer the batch on one and on all threads, then query by query."""
        for seconds, threads in ((self._one, 1), (self._all, self._threads)):
            search = partial(self._search, self._queries, threads=threads)
            self._result, least = fastest(search)
            seconds.append(least)
        self._singles.append(self._seconds_of_calls(list(self._queries), 1))
        if self._per_call is not None and self._per_call > 1:
            calls = _batches(self._queries, self._per_call)
            self._calls.append(self._seconds_of_calls(calls, self._threads))

    def _seconds_of_calls(self, calls: list[AnyArray], threads: int) -> list[float]:
        seconds, spent = [], 0.0
        for queries in calls:
            _, last = timed(partial(self._search, queries, threads=threads))
            seconds.append(last)
            spent += last
            if spent > TIMING_SECONDS:
                break
        return seconds

    def times(self, expected: SearchResult, true: Distances) -> BackendTimes:
        """Return the summary; ``expected`` are the first backend's answers."""
        n, backend = len(self._queries), self._index.backend
        rows, build_seconds = self._built
        calls = self._singles if self._per_call == 1 else self._calls
        return BackendTimes(
            backend=backend.name,
            target=backend.target,
            build_rows=rows,
            build_seconds=build_seconds,
            n_queries=n,
            recall=recall_at_k(self._result.distances, true[:n]),
            same_answers=np.array_equal(self._result.ids, expected.ids[:n])
            and np.array_equal(self._result.distances, expected.distances[:n]),
            queries_per_second_one=n / min(self._one),
            queries_per_second_all=n / min(self._all),
            latency=_latency(self._singles),
            calls=_latency(calls) if calls else None,
            start_seconds=self._start,
            turns=Turns(
                one=tuple(n / seconds for seconds in self._one),
                all=tuple(n / seconds for seconds in self._all),
                single=tuple(1 / float(np.median(turn)) for turn in self._singles),
            ),
        )


def _batches(queries: Vectors, size: int) -> list[AnyArray]:
    """Return batches of exactly that many, from the start again where they end."""
    starts = range(0, len(queries), size)
    return [
        queries[np.arange(start, start + size) % len(queries)].copy()
        for start in starts
    ]


def _latency(turns: list[list[float]]) -> Latency:
    seconds = np.concatenate(turns)
    p50, p95, p99 = np.percentile(seconds, (50, 95, 99)).tolist()
    return Latency(p50, p95, p99, len(seconds))
