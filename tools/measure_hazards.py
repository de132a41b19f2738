"""Measure recall with spoiled rows among ordinary ones; print Markdown tables.

    python tools/measure_hazards.py > docs/measured_hazards.md

Measured are the first rows of each data set, also of those in the folder that
``QUIVER_DATA`` names. hnswlib, where it is installed, gives the float32 graph of the
same degree (M=16, ef_construction=96). Recall is counted by exact distances: ties are
hits. What is out of bounds is bold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import quiver
from quiver._typing import Ids, Metric, Vectors
from quiver.conformance.hazards import METRICS
from quiver.datasets import load_demo
from quiver.datasets.generators import find_regime, generate
from quiver.reference.rerank import rerank

K = 10
BEAM_WIDTHS = (32, 64)
REGIMES = ("sift-like", "words-like")
ROWS, QUERIES = 5000, 200
MOST_LOST, MOST_BEHIND = 0.01, 0.02
"""Of recall: against the rows before they were spoiled, and against a float graph."""

Recalls = tuple[float, ...]


def half_constant(value: float, rows: Vectors) -> Vectors:
    """Return rows of which every other column holds one value."""
    filled = rows.copy()
    filled[:, ::2] = value
    return filled


def longest(vectors: Vectors) -> Vectors:
    """Return the row of largest norm."""
    return vectors[np.linalg.norm(vectors, axis=1).argmax()]


def normal_like(rows: Vectors) -> Vectors:
    """Return normal rows of that shape, which lie in no direction of the others."""
    return np.random.default_rng(3).standard_normal(rows.shape)


HAZARDS: dict[str, Callable[[Vectors, Vectors], Vectors]] = {
    "zero": lambda _, rows: 0 * rows,
    "the mean": lambda vectors, _: vectors.mean(axis=0),
    "the longest x 50": lambda vectors, _: 50 * longest(vectors),
    "x 10": lambda _, rows: 10 * rows,
    "x 1e4": lambda _, rows: 1e4 * rows,
    "x 1e6": lambda _, rows: 1e6 * rows,
    "all -999": lambda _, rows: np.full_like(rows, -999),
    "all 1": lambda _, rows: np.full_like(rows, 1),
    "all 1e-9": lambda _, rows: np.full_like(rows, 1e-9),
    "copies of one": lambda vectors, _: vectors[0],
    "half 1": lambda _, rows: half_constant(1, rows),
    "half -999": lambda _, rows: half_constant(-999, rows),
    "noise x 1e4": lambda _, rows: 1e4 * normal_like(rows),
}
"""What becomes of some rows, given all and those; the others stay as they are."""


def spoil(vectors: Vectors, hazard: str, n_spoiled: int) -> Vectors:
    """Return a copy in which some rows, drawn by seed, are spoiled."""
    spoiled = vectors.copy()
    rows = np.random.default_rng(5).permutation(len(vectors))[:n_spoiled]
    spoiled[rows] = HAZARDS[hazard](vectors, vectors[rows])
    return spoiled


def measure(vectors: Vectors, queries: Vectors, metric: Metric) -> Recalls:
    """Return the recall of a default build by beam width."""
    index = quiver.Index.build(vectors, metric=metric)
    _, true = quiver.exact_knn(vectors, queries, K, metric=metric)
    found = (index.search(queries, k=K, ef=ef).distances for ef in BEAM_WIDTHS)
    return tuple(quiver.recall_at_k(distances, true) for distances in found)


def measure_float_graph(
    vectors: Vectors, queries: Vectors, metric: Metric
) -> Recalls | None:
    """Return the recall of hnswlib, or None where it is not installed."""
    try:
        import hnswlib
    except ImportError:
        return None
    space = {"cosine": "cosine", "euclidean": "l2", "inner_product": "ip"}[metric]
    graph = hnswlib.Index(space, vectors.shape[1])
    graph.init_index(len(vectors), M=16, ef_construction=96, random_seed=1)
    graph.add_items(vectors, num_threads=1)
    _, true = quiver.exact_knn(vectors, queries, K, metric=metric)
    recalls = []
    for ef in BEAM_WIDTHS:
        graph.set_ef(ef)
        ids: Ids = graph.knn_query(queries, K)[0].astype(np.uint32)
        distances = rerank(vectors, queries, ids, K, metric).distances
        recalls.append(quiver.recall_at_k(distances, true))
    return tuple(recalls)


def datasets() -> Iterator[tuple[str, Vectors, Vectors]]:
    demo = load_demo()
    yield "demo set", as_float32(demo.vectors, ROWS), as_float32(demo.queries, QUERIES)
    for name in REGIMES:
        yield name, *generate(find_regime(name), ROWS, QUERIES)
    if "QUIVER_DATA" in os.environ:
        for path in sorted(Path(os.environ["QUIVER_DATA"]).rglob("base.npy")):
            base, asked = np.load(path, mmap_mode="r"), path.with_name("queries.npy")
            queries = as_float32(np.load(asked), QUERIES)
            yield f"{path.parent.name} (real)", as_float32(base, ROWS), queries


def as_float32(vectors: Vectors, n: int) -> Vectors:
    return vectors[:n].astype(np.float32)


def cell(vectors: Vectors, queries: Vectors, metric: Metric, without: Recalls) -> str:
    """Return what quiver finds, and a float graph, bold if it is out of bounds."""
    found = measure(vectors, queries, metric)
    graph = measure_float_graph(vectors, queries, metric)
    text = percents(found) + (f" ({percents(graph)})" if graph else "")
    lost = max(b - a for a, b in zip(found, without, strict=True))
    behind = max(b - a for a, b in zip(found, graph or found, strict=True))
    return f"**{text}**" if lost > MOST_LOST or behind > MOST_BEHIND else text


def percents(recalls: Recalls) -> str:
    return " / ".join(f"{100 * recall:.1f}" for recall in recalls)


def print_table(name: str, vectors: Vectors, queries: Vectors) -> None:
    n, dim = vectors.shape
    print(f"\n{name}, {n} x {dim}:\n")
    print(f"| spoiled rows | {' | '.join(METRICS)} |\n|---{'|---' * len(METRICS)}|")
    without = {metric: measure(vectors, queries, metric) for metric in METRICS}
    cases = [(n_spoiled, hazard) for hazard in HAZARDS for n_spoiled in (1, n // 100)]
    for n_spoiled, hazard in [(0, "none"), *cases]:
        rows = spoil(vectors, hazard, n_spoiled) if n_spoiled else vectors
        cells = [cell(rows, queries, metric, without[metric]) for metric in METRICS]
        label = f"{n_spoiled}: {hazard}" if n_spoiled else hazard
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    for name, vectors, queries in datasets():
        print_table(name, vectors, queries)


if __name__ == "__main__":
    main()
