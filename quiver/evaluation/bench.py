"""Bench: which backend is the fastest on this computer with this data.

Every backend computes the same bits, so the index is built whole once, by the first
backend, and searched by all of them. What a backend needs to build is measured on a
sample. Repetitions take turns, so that a disturbance meets every backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from quiver._typing import Metric, Progress
from quiver.arithmetic import in_standard_arithmetic
from quiver.backends.registry import get_backend, list_backends
from quiver.errors import InvalidArgumentError
from quiver.evaluation.bench_report import BenchReport
from quiver.evaluation.contender import WARM_ROWS, Contender
from quiver.evaluation.timing import timed
from quiver.evaluation.tune import tune
from quiver.evaluation.workload import Workload
from quiver.index import Index
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import resolve_threads
from quiver.params import BuildParams, SearchParams
from quiver.recall.exact import exact_knn
from quiver.recall.intervals import share_interval
from quiver.storage.cold import as_kept
from quiver.validation.arrays import checked_queries
from quiver.validation.checks import check_int, check_metric

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
    workload: Workload | None = None,
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
        As for `Index.search`; ef is not given where the workload names a recall.
    params : BuildParams, optional
        As for `Index.build`. Default: for the recall of the workload.
    backends : sequence of str, optional
        Names; the first builds the whole index. Default: all available here.
    threads : int, optional
        What "all threads" means; default all this process may use.
    repeats : int, default 5
        Turns of every backend.
    workload : Workload, optional
        What a deployment asks: by it ef and a backend are chosen.
    progress : callable or bool, optional
        ``progress(done, total)`` in rows, a turn counting as a share of them;
        return False to cancel. True shows a bar.

    Returns
    -------
    BenchReport

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule, or the queries cannot prove the recall.
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
    workload = workload or Workload()
    if ef is not None and workload.recall is not None:
        msg = f"ef must not be given with recall={workload.recall}, got ef={ef}"
        raise InvalidArgumentError(msg)
    effort = SearchParams.resolve(k, ef, None)
    repeats = check_int("repeats", repeats, 1, 1000)
    n_threads = resolve_threads(threads)
    base = as_kept(vectors, metric)
    queries = checked_queries(queries, metric, base.shape[1])
    _, true = exact_knn(base, queries, effort.k, metric=metric)

    rows_per_turn = max(1, int(len(base) * _ROWS_PER_TURN))
    turns = len(measured) * (repeats + 1) * rows_per_turn
    meter = ProgressMeter(progress, len(base) + turns)
    build = partial(
        Index.build,
        metric=metric,
        params=params,
        recall=workload.recall if params is None else None,
        threads=n_threads,
    )
    first = measured[0].name
    # First calls load or compile kernels; that is no part of building.
    build(base[:WARM_ROWS], backend=first)
    index, seconds = timed(partial(build, base, backend=first, progress=_rows(meter)))

    if workload.recall is not None:
        least = tune(index, queries, workload.recall, k=effort.k, threads=n_threads)
        effort = effort._replace(ef=least.ef, n_rerank=least.n_rerank)
    asked = queries, effort, n_threads, workload.queries_per_call
    contenders = []
    for backend in measured:
        contenders.append(Contender(index, backend, *asked))
        contenders[-1].measure_build(build)
        meter.advance(rows_per_turn)
    for repeat in range(repeats):
        # Alternate the order, so that no backend always runs after the same other.
        for contender in contenders[:: -1 if repeat % 2 else 1]:
            contender.take_turn()
            meter.advance(rows_per_turn)
    expected = index.search(queries, k=effort.k, ef=effort.ef, n_rerank=effort.n_rerank)
    found = (expected.distances <= true[:, -1:]).mean(axis=1)
    return BenchReport(
        n=index.n,
        dim=index.dim,
        k=effort.k,
        ef=effort.ef,
        n_rerank=effort.n_rerank,
        threads=n_threads,
        metric=metric,
        workload=workload,
        recall=share_interval(found),
        build_seconds=seconds,
        memory=index.memory_report(),
        backends=tuple(c.times(expected, true) for c in contenders),
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
