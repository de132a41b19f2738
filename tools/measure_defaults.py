"""Measure the Pareto front behind the default parameters; print a Markdown table.

    python tools/measure_defaults.py [FOLDER] > docs/measured_defaults.md

FOLDER may hold ``minilm`` and ``sift``, each with base.npy and queries.npy; the 768-d
and 1 536-d data are generated. Deterministic for one NumPy release.
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
            parts = (np.load(folder / name / f"{part}.npy") for part in PARTS)
            yield prepare(name, metric, *(part.astype(np.float32) for part in parts))
    for name, n in REGIMES:
        regime = find_regime(name)
        yield prepare(name, regime.metric, *generate(regime, n, N_QUERIES))


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


if __name__ == "__main__":
    main()
