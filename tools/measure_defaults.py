"""Measure the Pareto front behind the default parameters; print a Markdown table.

    python tools/measure_defaults.py [FOLDER] > docs/measured_defaults.md

FOLDER may hold ``minilm`` and ``sift``, each with base.npy and queries.npy; the 768-d
and 1 536-d data are generated. A second table has the first rows of ``minilm`` with
norms that vary, where ``alpha`` matters most. Deterministic for one NumPy release.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import quiver
from quiver._typing import Metric, Vectors
from quiver.datasets.generators import find_regime, generate

FILES: tuple[tuple[str, Metric], ...] = (("minilm", "cosine"), ("sift", "euclidean"))
REGIMES = (("text-768", 50_000), ("text-1536", 30_000))
PARTS = ("base", "queries")
N_QUERIES = 1000
TARGETS = (0.90, 0.95, 0.99)
BEAM_WIDTHS = (10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384)
SETTINGS = (
    *({"max_degree": 32, "alpha": alpha} for alpha in (1.05, 1.1, 1.15, 1.2)),
    *({"max_degree": 32, "ef_construction": ef} for ef in (64, 128)),
    {"max_degree": 24},
    {"max_degree": 48},
    {"max_degree": 48, "ef_construction": 128},
    {"max_degree": 64, "ef_construction": 128},
)
VARYING_ROWS, SIGMA, VARYING_EF = 20_000, 0.2, 64
SLACKS = (1.0, 1.05, 1.1, 1.2, 1.3, 1.5)


class Data(NamedTuple):
    """One data set and its exact distances."""

    name: str
    metric: Metric
    vectors: Vectors
    queries: Vectors
    true: Vectors


def data_sets(folder: Path | None) -> Iterator[Data]:
    """Yield the files, if any, and the generated data."""
    for name, metric in FILES:
        if folder is not None and (folder / name).is_dir():
            yield prepare(name, metric, *read(folder / name))
    for name, n in REGIMES:
        regime = find_regime(name)
        yield prepare(name, regime.metric, *generate(regime, n, N_QUERIES))


def read(folder: Path) -> tuple[Vectors, Vectors]:
    """Return base and queries."""
    base, queries = (np.load(folder / f"{part}.npy") for part in PARTS)
    return base.astype(np.float32), queries.astype(np.float32)


def prepare(name: str, metric: Metric, vectors: Vectors, queries: Vectors) -> Data:
    """Add the exact distances."""
    _, true = quiver.exact_knn(vectors, queries, 10, metric=metric)
    return Data(name, metric, vectors, queries, true)


def cost_at_targets(data: Data, params: quiver.BuildParams) -> list[str]:
    """Return distance computations per query at each recall, interpolated."""
    index = quiver.Index.build(data.vectors, metric=data.metric, params=params)
    recalls, costs = [], []
    for ef in BEAM_WIDTHS:
        found = index.search(data.queries, k=10, ef=ef, n_rerank=ef)
        recalls.append(quiver.recall_at_k(found.distances, data.true))
        costs.append(found.stats.distance_computations.mean())
    return [
        f"{np.interp(target, recalls, costs):.0f}" if recalls[-1] >= target else "-"
        for target in TARGETS
    ]


def print_varying_norms(folder: Path) -> None:
    """Print recall by alpha for Euclidean rows with log-normal norms."""
    rows, queries = read(folder)
    norms = np.random.default_rng(0).lognormal(0, SIGMA, VARYING_ROWS)
    rows = rows[:VARYING_ROWS] * norms.astype(np.float32)[:, None]
    data = prepare("varying norms", "euclidean", rows, queries)
    print("\n| `alpha` | recall@10 in % | distance computations |\n|---|---|---|")
    for alpha in SLACKS:
        params = quiver.BuildParams(alpha=alpha)
        index = quiver.Index.build(data.vectors, metric=data.metric, params=params)
        found = index.search(data.queries, k=10, ef=VARYING_EF, n_rerank=VARYING_EF)
        recall = 100 * quiver.recall_at_k(found.distances, data.true)
        cost = found.stats.distance_computations.mean()
        print(f"| {alpha} | {recall:.1f} | {cost:.0f} |", flush=True)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    print("| data | `max_degree` | `ef_construction` | `alpha` | 0.90 | 0.95 | 0.99 |")
    print("|---|---|---|---|---|---|---|")
    for data in data_sets(folder):
        label = f"{data.name}, {len(data.vectors)} x {data.vectors.shape[1]}"
        for setting in SETTINGS:
            params = quiver.BuildParams(**setting)
            shape = (params.max_degree, params.ef_construction, params.alpha)
            cells = [label, *map(str, shape), *cost_at_targets(data, params)]
            print(f"| {' | '.join(cells)} |", flush=True)
    if folder is not None and (folder / "minilm").is_dir():
        print_varying_norms(folder / "minilm")


if __name__ == "__main__":
    main()
