"""What `quiver.evaluation.bench` measured, as plain values ready for JSON."""

from __future__ import annotations

from dataclasses import dataclass

from quiver._typing import Metric
from quiver.memory import MemoryReport
from quiver.pages.svg import Series, dot_chart, stacked


@dataclass(frozen=True)
class Latency:
    """Seconds of single queries, one per call; percentiles of ``n_calls`` of them."""

    p50: float
    p95: float
    p99: float
    n_calls: int


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


@dataclass(frozen=True)
class BenchReport:
    """Outcome of `bench_backends`.

    Attributes
    ----------
    n, dim, k, ef, threads : int
        What was searched, and how.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the distances.
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
    threads: int
    metric: Metric
    build_seconds: float
    memory: MemoryReport
    backends: tuple[BackendTimes, ...]

    @property
    def recommended(self) -> str:
        """The fastest on all threads of those measured whose answers are equal."""
        sound = (times for times in self.backends if times.same_answers)
        fastest = max(sound, key=lambda times: times.queries_per_second_all)
        return fastest.backend

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
