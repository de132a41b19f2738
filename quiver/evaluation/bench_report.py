"""What `quiver.evaluation.bench` measured, as plain values ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass

from quiver._typing import Metric
from quiver.evaluation.workload import Workload
from quiver.memory import MemoryReport
from quiver.pages.svg import Series, dot_chart, stacked
from quiver.recall.intervals import Interval


@dataclass(frozen=True)
class Latency:
    """Seconds of a call; percentiles of ``n_calls`` of them."""

    p50: float
    p95: float
    p99: float
    n_calls: int


@dataclass(frozen=True)
class Turns:
    """What every turn measured by itself, in queries per second.

    Attributes
    ----------
    one, all : tuple of float
        The fastest batch of the turn, on one thread and on all.
    single : tuple of float
        One over the median seconds of a single query.
    """

    one: tuple[float, ...]
    all: tuple[float, ...]
    single: tuple[float, ...]


@dataclass(frozen=True)
class BackendTimes:
    """What one backend needed.

    Attributes
    ----------
    backend, target : str
        Who was measured.
    build_rows : int
        How many of the first rows it built an index over, with all threads.
    build_seconds : float
        How long that took, its first call not counted.
    n_queries : int
        Queries per batch; a slow backend gets only the first few.
    recall : float
        recall@k over those queries.
    same_answers : bool
        Whether ids and distances equal the first backend's in every bit.
    queries_per_second_one, queries_per_second_all : float
        Of the fastest batch on one thread, and on all.
    latency : Latency
        Of single queries.
    calls : Latency or None
        Of calls as large as the workload's, on all threads; None if it names no size.
    start_seconds : float or None
        From importing quiver to a first answer in a fresh process; None if not told.
    turns : Turns
        What these figures are the best of.
    """

    backend: str
    target: str
    build_rows: int
    build_seconds: float
    n_queries: int
    recall: float
    same_answers: bool
    queries_per_second_one: float
    queries_per_second_all: float
    latency: Latency
    calls: Latency | None
    start_seconds: float | None
    turns: Turns


@dataclass(frozen=True)
class BenchReport:
    """Outcome of `bench_backends`.

    Attributes
    ----------
    n, dim, k, ef, threads : int
        What was searched, and how.
    n_rerank : int or None
        As for `Index.search`; a number where the workload names a recall.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the distances.
    workload : Workload
        By which a backend is chosen.
    recall : Interval
        recall@k of all queries, the same with every backend.
    build_seconds : float
        Building the whole index with the first backend and all threads.
    memory : MemoryReport
        Bytes of the index; the same with every backend.
    backends : tuple of BackendTimes
        One per backend, in the order asked for.
    """

    n: int
    dim: int
    k: int
    ef: int
    n_rerank: int | None
    threads: int
    metric: Metric
    workload: Workload
    recall: Interval
    build_seconds: float
    memory: MemoryReport
    backends: tuple[BackendTimes, ...]

    @property
    def ranked(self) -> tuple[BackendTimes, ...]:
        """Those whose answers are equal, the fastest for the workload first.

        By the median call of its size, or in one batch on all threads.
        """
        sound = (times for times in self.backends if times.same_answers)
        return tuple(sorted(sound, key=self.speed, reverse=True))

    @property
    def recommended(self) -> str:
        """The fastest for the workload of those measured whose answers are equal."""
        return self.ranked[0].backend

    def speed(self, times: BackendTimes) -> float:
        """Return the queries per second that the workload gets of a backend."""
        if times.calls is None:
            return times.queries_per_second_all
        return (self.workload.queries_per_call or 1) / times.calls.p50

    def speed_against(self, name: str = "reference") -> dict[str, float]:
        """Return every backend's queries per second on one thread over another's.

        Parameters
        ----------
        name : str, default "reference"
            The backend that counts as 1; without it the result is empty.
        """
        speeds = {b.backend: b.queries_per_second_one for b in self.backends}
        if name not in speeds:
            return {}
        return {backend: speed / speeds[name] for backend, speed in speeds.items()}

    def to_svg(self) -> str:
        """Return speed and latency of every backend as an SVG drawing."""
        names = [times.backend for times in self.backends]
        rows = range(len(names))
        one = [times.queries_per_second_one for times in self.backends]
        every = [times.queries_per_second_all for times in self.backends]
        speeds = [
            Series("1 thread", one, rows),
            Series(f"{self.threads} threads", every, rows),
        ]
        latencies = [
            Series(name, [1e6 * getattr(b.latency, name) for b in self.backends], rows)
            for name in ("p50", "p95", "p99")
        ]
        searched = f"{self.n} x {self.dim}, {self.metric}, ef={self.ef}"
        return stacked(
            dot_chart(searched, "queries per second", names, speeds),
            dot_chart(searched, "latency of a single query, µs", names, latencies),
        )
