"""Measure what a horizon saves beside a beam width alone; print a Markdown table.

    python tools/measure_horizon.py [FOLDER] > docs/measured_horizon.md

FOLDER may hold ``minilm`` and ``sift``, each with base.npy and queries.npy; all other
data are generated. Deterministic for one NumPy release.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from measure_defaults import (
    ALL_ROWS,
    BEAM_WIDTHS,
    N_QUERIES,
    ROWS,
    Data,
    build,
    files,
    generated,
    prepare,
)

import quiver
from quiver.datasets.generators import find_regime, generate

K, TARGETS = 10, (0.90, 0.95, 0.99)
NAMES = (
    *("text-384", "text-1536", "clip-like", "words-like", "sift-like", "zipf-clusters"),
    *("near-copies", "ramp-column", "image-patches", "walk-windows", "few-dimensions"),
)
VARYING, SIGMA = ("text-384", "sift-like"), 0.5
HORIZONS = (*(1 + step / 100 for step in range(26)), 1.3, 1.4, 1.5, 1.75, 2.0, 3.0)
WIDER, WIDEST = 4, 512
"""Times the beam width that a recall takes alone is that which a horizon ends."""


class Point(NamedTuple):
    """Recall, and per query the distances between codes and all bytes read."""

    recall: float
    distances: float
    n_bytes: float


Points: TypeAlias = Callable[[int], Point]


def varying() -> Iterator[Data]:
    """Yield Euclidean rows with log-normal norms."""
    for name in VARYING:
        generator = np.random.default_rng(0)
        rows, queries = (
            part * generator.lognormal(0, SIGMA, (len(part), 1)).astype(np.float32)
            for part in generate(find_regime(name), ROWS, N_QUERIES)
        )
        yield prepare(f"{name}, sigma={SIGMA}", "euclidean", rows, queries)


def measured(index: quiver.Index, data: Data, **effort: float) -> Point:
    found = index.search(data.queries, k=K, **effort)
    rows, stats = index.state, found.stats
    n_bytes = (
        stats.distance_computations.mean() * rows.codes.rows.shape[1]
        + stats.hops.mean() * rows.neighbors[0].nbytes
        + stats.reranked.mean() * rows.vectors[0].nbytes
    )
    recall = quiver.recall_at_k(found.distances, data.true)
    return Point(recall, float(stats.distance_computations.mean()), float(n_bytes))


def crossing(point: Points, n: int, target: float) -> tuple[int, Point | None]:
    """Return the first of n places with a recall, and what it costs, interpolated.

    None where no place has it, or the first one has more.
    """
    low, high = 0, n - 1
    if not point(low).recall < target <= point(high).recall:
        return high, None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if point(middle).recall >= target else (middle, high)
    below, above = np.array([point(low), point(high)])
    share = (target - below[0]) / (above[0] - below[0])
    return high, Point(*(below + share * (above - below)))


def compared(index: quiver.Index, data: Data, target: float) -> str:
    """Return distances without and with a horizon, and the ratios of both costs."""

    @cache
    def by_width(place: int) -> Point:
        return measured(index, data, ef=BEAM_WIDTHS[place])

    place, alone = crossing(by_width, len(BEAM_WIDTHS), target)
    if alone is None:
        return "-"
    ef = min(WIDEST, WIDER * BEAM_WIDTHS[place])

    @cache
    def by_horizon(place: int) -> Point:
        return measured(index, data, ef=ef, horizon=HORIZONS[place])

    place, ended = crossing(by_horizon, len(HORIZONS), target)
    if ended is None:
        return f"{alone.distances:.0f}, -"
    ratios = ended.distances / alone.distances, ended.n_bytes / alone.n_bytes
    told = " / ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"{alone.distances:.0f}, {ended.distances:.0f} ({told}; {HORIZONS[place]:g})"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    heads = " | ".join(f"recall {target:.2f}" for target in TARGETS)
    print(f"| data | {heads} |\n{'|---' * (1 + len(TARGETS))}|")
    for data in chain(
        files(folder, ROWS), files(folder, ALL_ROWS), generated(NAMES), varying()
    ):
        index = build(data)
        cells = " | ".join(compared(index, data, target) for target in TARGETS)
        print(f"| {data} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
