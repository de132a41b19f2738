"""Times: ratios of seconds, which alone carry over from one computer to another.

Seconds are those that a processor spent on this process. All that is compared takes
turns, so that a disturbance meets both; the interval is that of the turns. Where others
use the computer, caches are shared and clocks fall: then nothing is judged.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from quiver.auditing.claim import Claim
from quiver.auditing.coding import PUBLISHED
from quiver.auditing.judging import Estimate, judge, near_effects
from quiver.auditing.published import (
    ALPHA,
    BUILD_SECONDS_BY_ALPHA,
    BUILD_SECONDS_BY_EF_C,
    BUILD_SECONDS_BY_M,
    BY_EF,
    EF,
    EF_C,
    QUERIES_PER_SECOND,
    SWEPT,
    M,
)
from quiver.auditing.rebuilding import Shape, Task, build_graph, walk_graph
from quiver.parallel.processors import count_processors
from quiver.parallel.progress import ProgressMeter

TURNS = 3
WIDE = 512

MUCH_LOAD = 0.25
"""Load before the first turn, for each processor, from which a computer is busy."""

Call = Callable[[], object]


class Times(NamedTuple):
    """What took how much longer.

    Attributes
    ----------
    busy : str
        A warning; empty where nobody else used the computer.
    claims : tuple of Claim
        About ratios of seconds.
    """

    busy: str
    claims: tuple[Claim, ...]


STEPS = TURNS * (len(("m", "ef_c", "alpha")) + 1)
"""Pairs of calls."""


def busy_now() -> str:
    """Return a warning if others use the computer."""
    if not hasattr(os, "getloadavg"):
        return "whether the computer is busy cannot be told here"
    load = os.getloadavg()[0]
    if load <= MUCH_LOAD * count_processors():
        return ""
    return f"the computer is busy: load {load:.1f} on {count_processors()} processors"


def measure_times(task: Task, busy: str, meter: ProgressMeter) -> Times:
    """Measure what the tables say about seconds, by ratios.

    ``busy`` is what `busy_now` said before anything ran: what an audit does itself
    is load as well.
    """

    def silent(*_: int) -> None:
        meter.poll()

    def building(shape: Shape) -> Call:
        return lambda: build_graph(task, PUBLISHED, shape, silent)

    def walking(ef: int) -> Call:
        return lambda: walk_graph(task, built, ef)

    built = build_graph(task, PUBLISHED, Shape(), silent)
    usual = building(Shape())
    by_m, by_ef_c, by_alpha = (
        BUILD_SECONDS_BY_M,
        BUILD_SECONDS_BY_EF_C,
        BUILD_SECONDS_BY_ALPHA,
    )
    speeds = dict(zip(BY_EF.efs, QUERIES_PER_SECOND[SWEPT], strict=True))
    pairs: list[tuple[str, str, float, Call, Call]] = [
        (
            "7",
            "building with m=64, over m=32",
            by_m[64] / by_m[M],
            building(Shape(m=64)),
            usual,
        ),
        (
            "8",
            "building with ef_c=512, over 128",
            by_ef_c[512] / by_ef_c[EF_C],
            building(Shape(ef_c=512)),
            usual,
        ),
        (
            "9",
            "building with alpha=1, over 1.2",
            by_alpha[1.0] / by_alpha[ALPHA],
            building(Shape(alpha=1.0)),
            usual,
        ),
        (
            "5",
            f"a walk at ef={WIDE}, over one at {EF}",
            speeds[EF] / speeds[WIDE],
            walking(WIDE),
            walking(EF),
        ),
    ]
    claims = [_claim(*pair, busy, meter) for pair in pairs]
    return Times(busy, tuple(claims))


def _claim(
    table: str,
    what: str,
    published: float,
    slower: Call,
    faster: Call,
    busy: str,
    meter: ProgressMeter,
) -> Claim:
    """Time two calls in turns and judge how many times as long one takes."""
    ratios = []
    for _ in range(TURNS):
        ratios.append(_seconds(slower) / _seconds(faster))
        meter.advance(1)
    ratios.sort()
    found = Estimate(ratios[TURNS // 2], ratios[0], ratios[-1])
    region = near_effects(published, published)
    return Claim(
        table,
        f"{what}: times as long",
        f"{published:.2f}",
        str(region),
        judge(found, region, f"{busy}; here {found.value:.2f}" if busy else ""),
    )


def _seconds(call: Call) -> float:
    start = time.process_time()
    call()
    # A clock of coarse ticks may not have moved.
    return max(time.process_time() - start, 1e-6)
