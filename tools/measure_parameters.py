"""Measure the graph's parameters on the demo set; print Markdown tables.

python tools/measure_parameters.py > docs/measured_parameters.md
"""

from __future__ import annotations

import numpy as np

import quiver
from quiver._typing import Metric, Vectors
from quiver.datasets import load_demo

BEAM_WIDTHS = (16, 32, 64, 128)
DEGREES = (16, 24, 32, 48, 64)
CONSTRUCTION = (32, 64, 96, 192)
SLACKS = (1.0, 1.1, 1.2, 1.4)
BETAS = (0.0, 0.5, 0.7, 0.85, 0.95)
RERANKS = (10, 16, 24, 32, 64)
INTRODUCTION = """\
Measured on the demo set (10 000 sentences, 384-d, cosine, 200 queries), recall@10 in %
and, in brackets, distance computations per query; the whole beam re-ranked unless said.
Deterministic: `python tools/measure_parameters.py` prints the same on your computer. At
10 000 rows every figure is better than at a million; compare rows, not with your own.
"""


def main() -> None:
    demo = load_demo()
    mean = demo.vectors.mean(axis=0, keepdims=True, dtype=np.float64)
    with_central = np.vstack([demo.vectors, mean]).astype(np.float32)

    def row(
        label: str,
        vectors: Vectors = demo.vectors,
        metric: Metric = "cosine",
        **params: float,
    ) -> None:
        index = quiver.Index.build(
            vectors,
            metric=metric,
            params=quiver.BuildParams(**params),
            encoding="default",
        )
        points = quiver.evaluate(
            index, demo.queries, ef=BEAM_WIDTHS, n_rerank=BEAM_WIDTHS[-1]
        ).points
        cells = (
            f"{100 * point.recall.mean:.1f} ({point.distance_computations:.0f}) |"
            for point in points
        )
        print(f"| {label} |", *cells, flush=True)

    print(INTRODUCTION)
    print_head("`max_degree`, hot bytes per vector")
    for degree in DEGREES:
        params = quiver.BuildParams(max_degree=degree)
        n_bytes = quiver.predict_memory(*demo.vectors.shape, params).hot_per_vector
        row(f"{degree}, {n_bytes:.0f}", max_degree=degree)
    print_head("`ef_construction`")
    for ef in CONSTRUCTION:
        row(f"{ef}", ef_construction=ef)
    print_head("`alpha`")
    for alpha in SLACKS:
        row(f"{alpha}", alpha=alpha)

    print_head("`beta`")
    for beta in BETAS:
        row(f"{beta}", beta=beta)
    print_head("`beta`, Euclidean, one row more: the mean of all")
    for beta in BETAS:
        row(f"{beta}", with_central, "euclidean", beta=beta)

    index = quiver.Index.build(demo.vectors, encoding="default")
    _, true = quiver.exact_knn(demo.vectors, demo.queries, 10)
    print("\n| `n_rerank` at ef = 64 | recall@10 |\n|---|---|")
    for n_rerank in RERANKS:
        found = index.search(demo.queries, k=10, ef=64, n_rerank=n_rerank)
        print(f"| {n_rerank} | {100 * quiver.recall_at_k(found.distances, true):.1f} |")


def print_head(parameter: str) -> None:
    """Print the head of one table."""
    print(f"\n| {parameter} |", *(f"ef={ef} |" for ef in BEAM_WIDTHS))
    print("|---|" + "---|" * len(BEAM_WIDTHS))


if __name__ == "__main__":
    main()
