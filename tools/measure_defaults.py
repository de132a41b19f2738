"""Measure the default build beside fixed settings; print Markdown tables.

    python tools/measure_defaults.py [FOLDER] > docs/measured_defaults.md

FOLDER may hold ``minilm`` and ``sift``, each with base.npy and queries.npy; all other
data are generated. Deterministic for one NumPy release.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

import quiver
from quiver._typing import Metric, Vectors
from quiver.datasets import load_demo
from quiver.datasets.generators import REGIMES, find_regime, generate

FILES: tuple[tuple[str, Metric], ...] = (("minilm", "cosine"), ("sift", "euclidean"))
PARTS = ("base", "queries")
ROWS, ALL_ROWS, N_QUERIES, K = 20_000, 100_000, 1000, 10
TARGETS = (0.95, 0.99)
BEAM_WIDTHS = sorted({round(10 * 1.15**step) for step in range(28)})
"""Each an eighth or so above the one before, from 10 to 436: all of them walks."""

SLACKS = (1.0, 1.1, 1.2, 1.3)
SHAPES = ((24, 96), (32, 64), (32, 96), (32, 128), (48, 96), (64, 128))
SHAPED = ("text-768", "text-1536")

Point: TypeAlias = Callable[[int], tuple[float, float]]
"""Recall and distance computations by the place of a beam width."""


class Data(NamedTuple):
    """One data set and its exact distances."""

    name: str
    metric: Metric
    vectors: Vectors
    queries: Vectors
    true: Vectors

    def __str__(self) -> str:
        """Return name and size."""
        return f"{self.name}, {len(self.vectors)} x {self.vectors.shape[1]}"


def files(folder: Path | None, rows: int) -> Iterator[Data]:
    """Yield the first rows of the files, if any."""
    for name, metric in FILES:
        if folder is not None and (folder / name).is_dir():
            vectors, queries = read(folder / name)
            yield prepare(name, metric, vectors[:rows], queries)


def generated(names: Sequence[str]) -> Iterator[Data]:
    """Yield generated data."""
    for name in names:
        regime = find_regime(name)
        yield prepare(name, regime.metric, *generate(regime, ROWS, N_QUERIES))


def read(folder: Path) -> tuple[Vectors, Vectors]:
    """Return base and queries."""
    base, queries = (np.load(folder / f"{part}.npy") for part in PARTS)
    return base.astype(np.float32), queries.astype(np.float32)


def prepare(name: str, metric: Metric, vectors: Vectors, queries: Vectors) -> Data:
    """Add the exact distances."""
    _, true = quiver.exact_knn(vectors, queries, K, metric=metric)
    return Data(name, metric, vectors, queries, true)


def build(data: Data, **how: object) -> quiver.Index:
    """Build without the warnings, which the boundary page is about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return quiver.Index.build(data.vectors, metric=data.metric, **how)


def costs(index: quiver.Index, data: Data) -> list[float]:
    """Return distance computations per query at each recall, interpolated over ef.

    Infinite where no beam width reaches it.
    """
    known: dict[int, tuple[float, float]] = {}

    def point(place: int) -> tuple[float, float]:
        if place not in known:
            found = index.search(data.queries, k=K, ef=BEAM_WIDTHS[place])
            recall = quiver.recall_at_k(found.distances, data.true)
            known[place] = recall, float(found.stats.distance_computations.mean())
        return known[place]

    return [_cost(point, target) for target in TARGETS]


def _cost(point: Point, target: float) -> float:
    low, high = 0, len(BEAM_WIDTHS) - 1
    if point(low)[0] >= target:
        return point(low)[1]
    if point(high)[0] < target:
        return float("inf")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if point(middle)[0] >= target else (middle, high)
    recalls, distances = zip(point(low), point(high), strict=True)
    return float(np.interp(target, recalls, distances))


def cell(cost: float) -> str:
    """Return a cost as text, a dash for none."""
    return f"{cost:.0f}" if np.isfinite(cost) else "-"


def print_slacks(folder: Path | None) -> None:
    """Print the default beside one round of pruning with each slack."""
    heads = [f"{alpha:g}" for alpha in SLACKS]
    print(f"| data | bits | `alpha` | default | {' | '.join(heads)} | default / best |")
    print("|" + "---|" * (len(SLACKS) + 5))
    demo = load_demo()
    for data in chain(
        files(folder, ROWS),
        files(folder, ALL_ROWS),
        [prepare("demo set", "cosine", demo.vectors, demo.queries)],
        generated([regime.name for regime in REGIMES]),
    ):
        index = build(data)
        default = costs(index, data)
        coded = {"encoding": index.encoding, "prune_rule": "vamana"}
        fixed = [costs(build(data, alpha=alpha, **coded), data) for alpha in SLACKS]
        columns = [" / ".join(map(cell, found)) for found in (default, *fixed)]
        shares = [
            f"{own / min(others):.2f}" if np.isfinite(own) else "-"
            for own, *others in zip(default, *fixed, strict=True)
        ]
        chosen = str(index.encoding.bits), f"{index.params.alpha:g}"
        print(f"| {' | '.join([str(data), *chosen, *columns, ' / '.join(shares)])} |")
        sys.stdout.flush()


def print_shapes(folder: Path | None) -> None:
    """Print the cost of the default slack by degree and beam width of the build."""
    heads = [f"{degree}, {ef}" for degree, ef in SHAPES]
    print(f"\n| data | {' | '.join(heads)} |")
    print("|---|" + "---|" * len(SHAPES))
    for data in chain(files(folder, ROWS), generated(SHAPED)):
        columns = [
            " / ".join(map(cell, costs(build(data, **shape), data)))
            for shape in (
                {"max_degree": degree, "ef_construction": ef} for degree, ef in SHAPES
            )
        ]
        print(f"| {' | '.join([str(data), *columns])} |", flush=True)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    print_slacks(folder)
    print_shapes(folder)


if __name__ == "__main__":
    main()
