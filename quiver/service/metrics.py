"""Metrics: what a service counts, as the text that Prometheus reads.

The format is its text exposition format, version 0.0.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Lock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds at which the buckets of the latency end."""

COUNTERS = {
    "requests": ("status", "Requests to search, by the status of the answer."),
    "errors": ("type", "Requests that were refused, by the type of the error."),
    "queries": ("", "Queries answered."),
    "distance_computations": ("", "Code distances computed for them."),
    "partial_answers": ("", "Answers without some shards."),
    "refresh_failures": ("", "Generations that could not be opened."),
}
"""Of each counter the label, if it has one, and what it counts."""

GAUGES = {
    "requests_in_flight": "Requests being read, waiting or being answered.",
    "generation": "Generation of the folder that is searched.",
    "vectors": "Vectors in it.",
    "shards": "Shards it has.",
    "shards_missing": "Shards that gave no answer when last asked.",
    "coverage": "Share of the vectors whose shards answered when last asked.",
}


class Metrics:
    """Counters that any thread may add to."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def count(self, name: str, by: int = 1, label: str = "") -> None:
        """Add to one of ``COUNTERS``, under a value of its label."""
        with self._lock:
            self._counts[name, label] += by

    def time(self, seconds: float) -> None:
        """Add how long a request took."""
        with self._lock:
            self._buckets[bisect_left(BOUNDS, seconds)] += 1
            self._seconds += seconds

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return all of it, with the values that ``GAUGES`` have now."""
        with self._lock:
            lines = [*self._counter_lines(), *self._time_lines()]
        for name, about in GAUGES.items():
            lines += _head(f"quiver_{name}", "gauge", about)
            lines.append(f"quiver_{name} {gauges[name]}")
        return "\n".join(lines) + "\n"

    def _counter_lines(self) -> Iterator[str]:
        for name, (label, about) in COUNTERS.items():
            full = f"quiver_{name}_total"
            yield from _head(full, "counter", about)
            if not label:
                yield f"{full} {self._counts[name, '']}"
                continue
            for (counted, value), count in sorted(self._counts.items()):
                if counted == name:
                    yield f'{full}{{{label}="{value}"}} {count}'

    def _time_lines(self) -> Iterator[str]:
        full, so_far = "quiver_request_seconds", 0
        yield from _head(full, "histogram", "Time from the first byte to the answer.")
        for bound, count in zip((*BOUNDS, "+Inf"), self._buckets, strict=True):
            so_far += count
            yield f'{full}_bucket{{le="{bound}"}} {so_far}'
        yield f"{full}_sum {self._seconds}"
        yield f"{full}_count {so_far}"


def _head(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
