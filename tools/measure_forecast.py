"""Measure how recall falls as the base grows; print a Markdown table.

    python tools/measure_forecast.py > docs/measured_forecast.md

The constants of `quiver.diagnosis.trend` come from this table: recall@10 in % at
ef=64 by rows, the whole beam re-ranked (in brackets the share of all rows that a walk
measures), and the slope of ``probit(recall)`` in ``sqrt(2 ln rows)`` within all sizes
but the last, and beyond. Deterministic for one NumPy release.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import quiver
from quiver._typing import Lanes, Metric, Vectors
from quiver.datasets.generators import find_regime, generate
from quiver.diagnosis.trend import FLATTENING, fit_line, on_normal_scale
from quiver.evaluation.truth import true_distances
from quiver.recall.hits import Asked, walk_hits

REGIMES = (
    *("text-384", "text-768", "clip-like", "words-like", "sift-like", "gist-like"),
    *("zipf-clusters", "gaussian", "sphere"),
)
VARYING = ("text-384", "sift-like")
SIGMA = 0.5
SIZES = (2500, 5000, 10_000, 20_000)
QUERIES, K, EF = 1000, 10, 64


class Step(NamedTuple):
    """One size of one kind of data: shares of the true found, and rows seen."""

    rows: int
    shares: Lanes
    seen: float


class Data(NamedTuple):
    """One kind of data."""

    name: str
    metric: Metric
    base: Vectors
    queries: Vectors


def kinds() -> Iterator[Data]:
    """Yield generated regimes, some of them again with norms that vary."""
    for name in REGIMES:
        regime = find_regime(name)
        base, queries = generate(regime, SIZES[-1], QUERIES)
        yield Data(name, regime.metric, base, queries)
    for name in VARYING:
        base, queries = generate(find_regime(name), SIZES[-1], QUERIES)
        generator = np.random.default_rng(0)
        scaled = [
            rows * generator.lognormal(0, SIGMA, (len(rows), 1)).astype(np.float32)
            for rows in (base, queries)
        ]
        for metric in ("euclidean", "inner_product"):
            yield Data(f"{name}, sigma={SIGMA}", metric, *scaled)


def steps(data: Data) -> Iterator[Step]:
    """Build an index of each size and ask it the same queries."""
    for rows in SIZES:
        index = quiver.Index.build(data.base[:rows], metric=data.metric)
        kth = true_distances(index, data.queries, None, K)[:, -1]
        asked = Asked(index.state, index.backend, data.queries, kth, K, threads=1)
        walk = walk_hits(asked, EF)
        seen = float(walk.distance_computations.mean()) / rows
        yield Step(rows, walk.hits.shares(EF), seen)


def slopes(found: list[Step]) -> tuple[float, float]:
    """Return the slope fitted to all sizes but the last, and the one to the last."""
    *rows, n = (step.rows for step in found)
    *sample, last = (step.shares for step in found)
    x, z = (2 * math.log(rows[-1])) ** 0.5, on_normal_scale(sample[-1])[0]
    rise = on_normal_scale(last)[0] - z
    return fit_line(rows, sample).slope, rise / ((2 * math.log(n)) ** 0.5 - x)


def line(data: Data, found: list[Step]) -> str:
    """Return the row of one kind: recall and share seen by size, then slopes."""
    cells = (
        *(f"{100 * step.shares.mean():.1f} ({step.seen:.2f})" for step in found),
        *(f"{slope:.2f}" for slope in slopes(found)),
    )
    return f"| {data.name}, {data.metric} | {' | '.join(cells)} |"


def constants(pairs: list[tuple[float, float]]) -> str:
    """Return what the constants of the forecast are taken from."""
    within, beyond = np.array(pairs).T
    flattening = float((within * beyond).sum() / (within**2).sum())
    error = float(np.sqrt(np.mean((beyond - FLATTENING * within) ** 2)))
    return (
        f"Slopes beyond: mean {beyond.mean():.2f}, standard deviation "
        f"{beyond.std(ddof=1):.2f}. Beyond over within, by least squares: "
        f"{flattening:.2f}. Root mean square of beyond less {FLATTENING} within: "
        f"{error:.2f}. Kinds with a perfect recall at the last size are left out."
    )


def main() -> None:
    heads = (*map(str, SIZES), "slope within", "slope beyond")
    print(f"| data | {' | '.join(heads)} |\n{'|---' * (len(heads) + 1)}|")
    pairs = []
    for data in kinds():
        found = list(steps(data))
        print(line(data, found), flush=True)
        if found[-1].shares.min() < 1:
            pairs.append(slopes(found))
    print(f"\n{constants(pairs)}")


if __name__ == "__main__":
    sys.exit(main())
