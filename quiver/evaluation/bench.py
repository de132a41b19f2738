"""Bench: which backend is the fastest on this computer with this data.

Every backend computes the same bits, so the index is built whole once, by the first
backend, and searched by all of them. What a backend needs to build is measured on a
sample. Repetitions take turns, so that a disturbance meets every backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from quiver._typing import Distances, Metric, Progress, Vectors
from quiver.arithmetic import in_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend, list_backends
from quiver.errors import InvalidArgumentError
from quiver.evaluation.bench_report import BackendTimes, BenchReport, Latency
from quiver.evaluation.timing import TIMING_SECONDS, fastest, timed
from quiver.index import Index
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import resolve_threads
from quiver.params import BuildParams, SearchParams
from quiver.recall.exact import exact_knn
from quiver.recall.recall import recall_at_k
from quiver.results import SearchResult
from quiver.storage.cold import as_kept
from quiver.validation.arrays import checked_queries
from quiver.validation.checks import check_int, check_metric

# The reference builds the first within seconds, compiled kernels the second.
TRIAL_ROWS, SAMPLE_ROWS = 200, 5000
_TRIAL_SECONDS = 0.5
_WARM_ROWS = 64
# About how long a turn lasts, as a share of building all rows, for the progress bar.
_ROWS_PER_TURN = 1 / 20


@in_standard_arithmetic
@tells_progress("benchmarking")
def bench_backends(
    vectors: Any,
    queries: Any,
    *,
    metric: Metric = "cosine",
    k: int = 10,
    ef: int | None = None,
    params: BuildParams | None = None,
    backends: Sequence[str] | None = None,
    threads: int | None = None,
    repeats: int = 5,
    progress: Progress | bool | None = None,
) -> BenchReport:
    """Measure backends on the same index and the same queries.

    Parameters
    ----------
    vectors, queries : array_like of shape (n, dim), (q, dim)
        As for `Index.build` and `Index.search`; ``n >= k``.
    metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
        Of the distances.
    k, ef : int, optional
        As for `Index.search`.
    params : BuildParams, optional
        As for `Index.build`.
    backends : sequence of str, optional
        Names; the first builds the whole index. Default: all available here.
    threads : int, optional
        What "all threads" means; default all this process may use.
    repeats : int, default 5
        Turns of every backend.
    progress : callable or bool, optional
        ``progress(done, total)`` in rows, a turn counting as a share of them;
        return False to cancel. True shows a bar.

    Returns
    -------
    BenchReport

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule.
    BackendUnavailableError
        If a named backend cannot run here.
    CancelledError
        If ``progress`` returned False.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(100, 8))
    >>> report = bench_backends(points, points[:5], backends=["reference"], repeats=1)
    >>> report.recommended
    'reference'
    """
    metric = check_metric(metric)
    measured = [get_backend(name) for name in _names(backends)]
    effort = SearchParams.resolve(k, ef, None)
    repeats = check_int("repeats", repeats, 1, 1000)
    n_threads = resolve_threads(threads)
    base = as_kept(vectors, metric)
    queries = checked_queries(queries, metric, base.shape[1])
    _, true = exact_knn(base, queries, effort.k, metric=metric)

    rows_per_turn = max(1, int(len(base) * _ROWS_PER_TURN))
    turns = len(measured) * (repeats + 1) * rows_per_turn
    meter = ProgressMeter(progress, len(base) + turns)
    build = partial(Index.build, metric=metric, params=params, threads=n_threads)
    first = measured[0].name
    # First calls load or compile kernels; that is no part of building.
    build(base[:_WARM_ROWS], backend=first)
    index, seconds = timed(partial(build, base, backend=first, progress=_rows(meter)))

    contenders = []
    for backend in measured:
        contenders.append(_Contender(index, backend, queries, effort))
        contenders[-1].measure_build(build)
        meter.advance(rows_per_turn)
    for repeat in range(repeats):
        # Alternate the order, so that no backend always runs after the same other.
        for contender in contenders[:: -1 if repeat % 2 else 1]:
            contender.take_turn(n_threads)
            meter.advance(rows_per_turn)
    expected = index.search(queries, k=effort.k, ef=effort.ef, n_rerank=effort.n_rerank)
    return BenchReport(
        n=index.n,
        dim=index.dim,
        k=effort.k,
        ef=effort.ef,
        threads=n_threads,
        metric=metric,
        build_seconds=seconds,
        memory=index.memory_report(),
        backends=tuple(c.times(expected, true) for c in contenders),
    )


class _Contender:
    """One backend on the common index, with what was measured so far."""

    def __init__(
        self, index: Index, backend: Backend, queries: Vectors, effort: SearchParams
    ) -> None:
        # The same state; only the kernels differ.
        self._index = Index(index.state, backend)
        self._search = partial(
            self._index.search, k=effort.k, ef=effort.ef, n_rerank=effort.n_rerank
        )
        self._search(queries[0], threads=1)
        _, seconds = timed(partial(self._search, queries[0], threads=1))
        # Slow kernels answer fewer queries rather than take minutes.
        affordable = int(_TRIAL_SECONDS / seconds)
        self._queries = queries[: max(4, affordable)]
        self._fastest = {"one": np.inf, "all": np.inf}
        self._calls: list[float] = []

    def measure_build(self, build: Callable[..., Index]) -> None:
        """Build over a few rows first, over more if that was quick."""
        vectors, name = self._index.vectors, self._index.backend.name
        build(vectors[:_WARM_ROWS], backend=name)
        for rows in (TRIAL_ROWS, SAMPLE_ROWS):
            _, seconds = timed(partial(build, vectors[:rows], backend=name))
            self._built = min(rows, len(vectors)), seconds
            if seconds > _TRIAL_SECONDS:
                break

    def take_turn(self, threads: int) -> None:
        """Answer the batch on one and on all threads, then query by query."""
        for key, used in (("one", 1), ("all", threads)):
            search = partial(self._search, self._queries, threads=used)
            self._result, seconds = fastest(search)
            self._fastest[key] = min(self._fastest[key], seconds)
        spent = 0.0
        for query in self._queries:
            _, seconds = timed(partial(self._search, query, threads=1))
            self._calls.append(seconds)
            spent += seconds
            if spent > TIMING_SECONDS:
                break

    def times(self, expected: SearchResult, true: Distances) -> BackendTimes:
        """Return the summary; ``expected`` are the first backend's answers."""
        n, backend = len(self._queries), self._index.backend
        rows, build_seconds = self._built
        p50, p95, p99 = np.percentile(self._calls, (50, 95, 99)).tolist()
        return BackendTimes(
            backend=backend.name,
            target=backend.target,
            build_rows=rows,
            build_seconds=build_seconds,
            n_queries=n,
            recall=recall_at_k(self._result.distances, true[:n]),
            same_answers=np.array_equal(self._result.ids, expected.ids[:n])
            and np.array_equal(self._result.distances, expected.distances[:n]),
            queries_per_second_one=n / self._fastest["one"],
            queries_per_second_all=n / self._fastest["all"],
            latency=Latency(p50, p95, p99, len(self._calls)),
        )


def _names(backends: Sequence[str] | None) -> list[str]:
    if backends is None:
        return [info.name for info in list_backends() if info.available]
    if isinstance(backends, str) or not backends:
        msg = f"backends must be a sequence of at least one name, got {backends!r}"
        raise InvalidArgumentError(msg)
    return list(backends)


def _rows(meter: ProgressMeter) -> Progress:
    """Return a progress callback that adds what a build reports to the meter."""
    reported = 0

    def report(done: int, _: int) -> None:
        nonlocal reported
        meter.advance(done - reported)
        reported = done

    return report
