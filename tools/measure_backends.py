"""Measure what each backend costs relative to the fastest; print a Markdown table.

    python tools/measure_backends.py > docs/measured_backends.md

CPU time on one thread, interleaved, the fastest of several turns: on a busy computer
the ratios still mean something, seconds would not.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import quiver
from quiver._typing import Vectors
from quiver.datasets import load_demo

TURNS = 5
TURN_SECONDS = 0.3
SLOW = "reference"
"""Builds few rows and answers few queries, like the fastest beside it."""

SLOW_ROWS, SLOW_QUERIES = 500, 20
INTRODUCTION = """\
CPU time on one thread, the fastest backend being 1; demo set (10 000 x 384), default
parameters, `ef=64`, a batch of 200 queries, on {cpu}. The `reference`
answered {queries} of the queries and built {rows} rows, and is compared with the
fastest doing the same. Measured by `python tools/measure_backends.py`; `quiver bench`
does it with your data.
"""


def main() -> None:
    demo = load_demo()
    names = [info.name for info in quiver.list_backends() if info.available]
    fast = [name for name in names if name != SLOW]
    few = demo.vectors[:SLOW_ROWS]
    searches = {name: search_call(demo.vectors, demo.queries, name) for name in fast}
    builds = {name: build_call(demo.vectors, name) for name in fast}
    slow_searches, slow_builds = {}, {}
    for name in (fast[0], SLOW):
        queries = demo.queries[:SLOW_QUERIES]
        slow_searches[name] = search_call(demo.vectors, queries, name, fast[0])
        slow_builds[name] = build_call(few, name)
    columns = [
        ratios(searches) | ratios(slow_searches),
        ratios(builds) | ratios(slow_builds),
    ]
    cpu = f"{platform.machine()} with {quiver.get_backend(fast[0]).target}"
    print(INTRODUCTION.format(cpu=cpu, queries=SLOW_QUERIES, rows=SLOW_ROWS))
    print("| backend | search | build |\n|---|---|---|")
    for name in names:
        print(f"| `{name}` |", *(f"{digits(column[name])} |" for column in columns))


def build_call(vectors: Vectors, name: str) -> Callable[[], object]:
    return partial(quiver.Index.build, vectors, backend=name, threads=1)


def search_call(
    vectors: Vectors, queries: Vectors, name: str, builder: str | None = None
) -> Callable[[], object]:
    """Return a search of the same index by other kernels."""
    index = quiver.Index.build(vectors, backend=builder or name)
    index.backend = quiver.get_backend(name)
    return partial(index.search, queries, k=10, ef=64, threads=1)


def ratios(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return each call's CPU time over the smallest, taken in turns."""
    best = dict.fromkeys(calls, np.inf)
    for turn in range(TURNS):
        for name in list(calls)[:: -1 if turn % 2 else 1]:
            best[name] = min(best[name], cpu_seconds(calls[name]))
    fastest = min(best.values())
    return {name: seconds / fastest for name, seconds in best.items()}


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU time of one call, repeated until it can be measured."""
    n, start = 0, time.process_time()
    while (used := time.process_time() - start) < TURN_SECONDS:
        call()
        n += 1
    return used / n


def digits(ratio: float) -> str:
    """Return two significant digits."""
    return f"{ratio:.1f}" if ratio < 10 else f"{float(f'{ratio:.2g}'):.0f}"


if __name__ == "__main__":
    main()
