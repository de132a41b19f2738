"""Where numbers moved: asv's step detection for times, any change for counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from math import log
from typing import NamedTuple

from asv.step_detect import detect_regressions, solve_potts_autogamma

from track.headlines import HEADLINES, Headline
from track.history import Entry

LEAST_STEP = 0.05
"""Of a time, relative, as on asv's own pages."""
LEAST_COMMITS = 3
"""Before a step and since: one commit that met a busy computer is none."""
_PENALTY = 3.0
"""Of a step, times ln(n) / n. With asv's own 4 a step of 10 % at a noise of 2 % is
found half as often; with 2.5 steps are found in short series that have none."""


class Point(NamedTuple):
    """A number and the commit that it is of."""

    commit: str
    value: float


class Step(NamedTuple):
    """A number that was another at the commit `last` than from the commit `first` on.

    `n_after` is how many measured commits say so, `noise` how far the times of a level
    are apart, as a mean share: 0 of counters.
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
            for name, value in values.items():
                version = entry.versions.get(name, "")
                points = versioned.setdefault((entry.place, backend, name), [])
                points.append((version, Point(entry.commit, value)))
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
    levels = _levels([point.value for point in points])
    noise = max((spread / value for _, _, value, _, spread in levels), default=0.0)
    _, _, jumps = detect_regressions(levels, LEAST_STEP)
    for last, first, before, after in jumps or ():
        n_after = len(points) - first
        if min(first, n_after) >= LEAST_COMMITS:
            at_last = Point(points[last].commit, before)
            yield at_last, Point(points[first].commit, after), n_after, noise


def _levels(times: list[float]) -> list[tuple[int, int, float, float, float]]:
    """Return what `asv.step_detect.detect_steps` does, with a penalty of our own."""
    if not times:
        return []
    n = len(times)
    ends, values, spreads, _ = solve_potts_autogamma(
        times, [1] * n, beta=_PENALTY * log(n) / n
    )
    return [
        (left, right, value, min(times[left:right]), abs(spread) / (right - left))
        for left, right, value, spread in zip(
            [0, *ends], ends, values, spreads, strict=False
        )
    ]
