"""Reports of benches that were never run."""

from __future__ import annotations

import quiver
from quiver.evaluation.bench_report import BackendTimes, BenchReport, Latency, Turns
from quiver.evaluation.workload import Workload
from quiver.recall.intervals import Interval


def times(name, one, every, same_answers=True, call=None, start=1.0):
    """Return what a backend of these speeds was measured at."""
    return BackendTimes(
        backend=name,
        target="",
        build_rows=1,
        build_seconds=1.0,
        n_queries=1,
        recall=1.0,
        same_answers=same_answers,
        queries_per_second_one=one,
        queries_per_second_all=every,
        latency=Latency(1.0, 1.0, 1.0, 1),
        calls=None if call is None else Latency(call, call, 2 * call, 1),
        start_seconds=start,
        turns=Turns((one,), (every,), (1.0,)),
    )


def report_of(*backends, workload=None, n=1000, n_rerank=None):
    """Return a report of 1000 vectors of 64 dimensions."""
    return BenchReport(
        n=n,
        dim=64,
        k=10,
        ef=48,
        n_rerank=n_rerank,
        threads=2,
        metric="cosine",
        workload=workload or Workload(),
        recall=Interval(0.953, 0.94, 0.96),
        build_seconds=1.0,
        memory=quiver.predict_memory(n, 64),
        backends=backends,
    )
