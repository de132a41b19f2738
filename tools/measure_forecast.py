"""Measure how recall falls as the base grows; print a Markdown table.

    python tools/measure_forecast.py > docs/measured_forecast.md

The constants of `quiver.diagnosis.forecast` come from this table: the slope of
``probit(recall)`` in ``sqrt(2 ln rows)`` between neighbouring sizes, at ef=64 with the
whole beam re-ranked, and the share of all rows that a walk measures. Deterministic for
one NumPy release.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import quiver
from quiver._typing import Lanes, Metric, Vectors
from quiver.datasets.generators import find_regime, generate
from quiver.hits import true_distances, walk_hits
from quiver.intervals import probit

REGIMES = (
    *("text-384", "text-768", "clip-like", "words-like", "sift-like", "gist-like"),
    *("zipf-clusters", "gaussian", "sphere"),
)
VARYING = ("text-384", "sift-like")
SIGMA = 0.5
SIZES = (1250, 2500, 5000, 10_000, 20_000)
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
        walk = walk_hits(index, data.queries, kth, K, EF, 1)
        seen = float(walk.distance_computations.mean()) / rows
        yield Step(rows, walk.hits.shares(EF), seen)


def line(data: Data, found: list[Step]) -> str:
    """Return the row of one kind: recall and share seen by size, then slopes."""
    z = [probit((s.shares.sum() + 0.05) / (QUERIES + 0.1)) for s in found]
    x = np.sqrt(2 * np.log([step.rows for step in found]))
    cells = (
        *(f"{100 * step.shares.mean():.1f} ({step.seen:.2f})" for step in found),
        *(f"{slope:.2f}" for slope in np.diff(z) / np.diff(x)),
    )
    return f"| {data.name}, {data.metric} | {' | '.join(cells)} |"


def main() -> None:
    heads = [f"{rows}" for rows in SIZES]
    heads += [f"to {rows}" for rows in SIZES[1:]]
    print(f"| data | {' | '.join(heads)} |\n{'|---' * (len(heads) + 1)}|")
    for data in kinds():
        print(line(data, list(steps(data))), flush=True)


if __name__ == "__main__":
    sys.exit(main())
