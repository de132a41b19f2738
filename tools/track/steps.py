"""Where numbers moved: asv's step detection for times, any change for counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from math import sqrt
from statistics import median
from typing import NamedTuple

from asv.step_detect import detect_regressions, solve_potts_approx

from track.headlines import HEADLINES, Headline
from track.history import Entry

LEAST_STEP = 0.05
"""Of a time, relative, as on asv's own pages."""
LEAST_COMMITS = 3
"""Before a step and since: one commit that met a busy computer is none."""
_PENALTY = 6.0
"""Of a step, in standard deviations: with 4, steps are found in noise; with 8, a step
of 10 % at a noise of 3 % is found later (see `noise`)."""
_DEVIATION = 1.4826 / sqrt(2)
"""Of normal noise, by the median of what neighbors differ."""
_LEAST_NOISE = 0.001


class Point(NamedTuple):
    """A number and the commit that it is of."""

    commit: str
    value: float


class Step(NamedTuple):
    """A number that was another at the commit `last` than from the commit `first` on.

    `n_after` is how many measured commits say so, `noise` the standard deviation of one
    commit's time as a share of it: 0 of counters.
    """

    place: str
    backend: str
    headline: Headline
    last: Point
    first: Point
    n_after: int
    noise: float = 0.0

    @property
    def worse(self) -> bool:
        """Whether this is a regression."""
        return (self.first.value - self.last.value) * self.headline.better < 0


def steps(entries: Iterable[Entry]) -> list[Step]:
    """Return what moved among entries in the order of their commits, by place."""
    return [
        step
        for (place, backend, name), runs in series(entries).items()
        for points in runs
        for step in _found(place, backend, HEADLINES[name], points)
    ]


def series(entries: Iterable[Entry]) -> dict[tuple[str, str, str], list[list[Point]]]:
    """Return by place, backend and headline the runs of points that can be compared."""
    versioned: dict[tuple[str, str, str], list[tuple[str, Point]]] = {}
    for entry in entries:
        for backend, values in entry.values.items():
            # What was followed once and is no more is passed over.
            for name in HEADLINES.keys() & values.keys():
                version = entry.versions.get(name, "")
                points = versioned.setdefault((entry.place, backend, name), [])
                points.append((version, Point(entry.commit, values[name])))
    return {
        key: [
            [point for _, point in run]
            for _, run in groupby(points, key=lambda each: each[0])
        ]
        for key, points in versioned.items()
    }


def _found(
    place: str, backend: str, headline: Headline, points: Sequence[Point]
) -> Iterator[Step]:
    find = _changes if headline.exact else _slower
    for last, first, n_after, noise in find(points):
        yield Step(place, backend, headline, last, first, n_after, noise)


def _changes(points: Sequence[Point]) -> Iterator[tuple[Point, Point, int, float]]:
    for number, (last, first) in enumerate(pairwise(points), start=1):
        if last.value != first.value:
            yield last, first, len(points) - number, 0.0


def _slower(points: Sequence[Point]) -> Iterator[tuple[Point, Point, int, float]]:
    times = [point.value for point in points]
    if len(times) < 2 * LEAST_COMMITS:
        return
    noise = _noise(times)
    _, _, jumps = detect_regressions(_levels(times, _PENALTY * noise), LEAST_STEP)
    for last, first, before, after in jumps or ():
        n_after = len(points) - first
        if min(first, n_after) >= LEAST_COMMITS:
            at_last = Point(points[last].commit, before)
            at_first = Point(points[first].commit, after)
            yield at_last, at_first, n_after, noise / before


def _noise(times: Sequence[float]) -> float:
    """Return the standard deviation, of which steps and busy computers are no part."""
    apart = median(abs(after - before) for before, after in pairwise(times))
    return max(_DEVIATION * apart, _LEAST_NOISE * median(times))


def _levels(
    times: list[float], penalty: float
) -> list[tuple[int, int, float, float, float]]:
    """Return what `asv.step_detect.detect_steps` does, with a penalty of our own.

    asv's takes a step for noise that goes on from commit to commit, for many commits.
    """
    ends, values, spreads = solve_potts_approx(times, [1] * len(times), gamma=penalty)
    return [
        (left, right, value, min(times[left:right]), abs(spread) / (right - left))
        for left, right, value, spread in zip(
            [0, *ends[:-1]], ends, values, spreads, strict=True
        )
    ]
