"""The Pareto front of a sweep, and the speed at a recall between its points."""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class FrontPoint(NamedTuple):
    """A setting that no other beats in both recall and speed."""

    recall: float
    qps: float


def front(points: list[dict[str, Any]], mode: str) -> list[FrontPoint]:
    """Return the undominated settings, recall ascending and speed descending."""
    # A setting that was dropped from a mode has no speed there.
    timed = [
        FrontPoint(p["recall"], p["qps"][mode]) for p in points if mode in p["qps"]
    ]
    best: list[FrontPoint] = []
    for point in sorted(timed, reverse=True):
        if not best or point.qps > best[-1].qps:
            best.append(point)
    return best[::-1]


def cheapest_at(
    points: list[dict[str, Any]], mode: str, recall: float
) -> dict[str, Any] | None:
    """Return the fastest setting of a mode that finds enough, or None."""
    enough = [p for p in points if p["recall"] >= recall and mode in p["qps"]]
    return max(enough, key=lambda point: point["qps"][mode], default=None)


def qps_at(points: list[dict[str, Any]], mode: str, recall: float) -> float | None:
    """Return queries per second at a recall, or None where it was not reached.

    Between two settings log(speed) is interpolated linearly in recall. Where even the
    fastest setting finds more, its own speed counts.
    """
    line = front(points, mode)
    above = next((i for i, p in enumerate(line) if p.recall >= recall), None)
    if above is None:
        return None
    if above == 0:
        return line[0].qps
    low, high = line[above - 1], line[above]
    # Recalls on a front are distinct, so this never divides by zero.
    share = (recall - low.recall) / (high.recall - low.recall)
    return math.exp(math.log(low.qps) * (1 - share) + math.log(high.qps) * share)
