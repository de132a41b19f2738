"""Measure filtered search at every selectivity; print the page of tables.

QUIVER_DATA=folder python tools/measure_filters.py > docs/measured_filters.md
QUIVER_DATA=folder python tools/measure_filters.py --million >> docs/measured_filters.md

The folder holds ``minilm`` and ``sift``, each with ``base.npy`` and ``queries.npy``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import quiver
from quiver._typing import Metric, Vectors
from quiver.encoding import encode_queries
from quiver.filters.filter import BUDGET_SHARE, SCAN_FACTOR
from quiver.reference.masks import make_mask

Kinds: TypeAlias = dict[str, list[NDArray[np.bool_]]]

SETS: dict[str, Metric] = {"minilm": "cosine", "sift": "euclidean"}
SHARES = (1, 0.9, 0.5, 0.3, 0.2, 0.1, 0.03, 0.01, 0.001, 0.0001)
KINDS = ("random", "own region", "any region", "farthest region")
N_ROWS, N_QUERIES, K = 100_000, 300, 10
BLOCK_ROWS = 5_000
ANSWERS = (1, 10, 100, 1000)
SCAN_COST = 1 / 3
CONFIDENCES = (0, 1, 2, 3)
INTRODUCTION = """\
The default build of {n_rows:,} rows, {n_queries} queries, ef = 64. Counters, not
seconds: the same on every computer, by `python tools/measure_filters.py`.

Filters: recall@10 in %, the mean cost of a query and, in brackets, its 99 % quantile.
A cost is the code distances of a walk and a third of the rows scanned, which is what
they take: 4.1 against 12.2 ns (MiniLM), 2.7 against 11.6 ns (SIFT), avx512, CPU time,
the least of nine. A random filter lets a share of all rows answer. A region is a
cell of the Voronoi diagram of as many rows, drawn, as give it that share on average;
cells are of unequal size, the largest of two 61 %. Asked for is the cell of the query
itself, any, or the one farthest from it. Where fewer than ten rows may answer, all of
them are the truth.

Radius: the share of all answers that is found, in %, and in brackets code distances and
rows re-ranked per query, for four values of `confidence`.
"""

NOISE, COPIES, EF = 12.0, 10, 64
MILLION_SHARES = (0.5, 0.3, 0.2, 0.1, 0.054, 0.03, 0.02, 0.01)
DEGREES = {32: 96, 64: 128}
MILLION = """
### The constants at a million rows

SIFT {copies} times over, all but the first with normal noise of {noise:g} and rounded;
random filters, {n_queries} queries, ef = 64. Distances of a walk to its end: mean and,
in brackets, 99 % quantile. The plan scans where m² ≤ {factor} · ef · n, as if a walk
took m / {share} distances there, which is what a scan costs.

At the border of the plan, 5.4 % of the rows, walks take two thirds of that with
`max_degree=32`, and nearly all of it with 64. In time a scan gains where codes no
longer fit the cache: rows in order take 2.6 to 2.9 ns, those of a walk 15 to 20
(avx512, CPU time, the least of three), a sixth. By that both cost the same at 6.6 and
7.5 % of the rows; at the border a scan takes 0.66 and 0.54 of a walk, and at 10 % a
walk 0.45 and 0.61 of a scan. One pair of constants for all sizes and degrees is not
off by more than that, so they were kept.
"""


def main() -> None:
    folder = Path(os.environ["QUIVER_DATA"])
    if sys.argv[1:] == ["--million"]:
        measure_million(folder / "sift")
        return
    print(INTRODUCTION.format(n_rows=N_ROWS, n_queries=N_QUERIES).rstrip())
    for name, metric in SETS.items():
        base = np.load(folder / name / "base.npy", mmap_mode="r")[:N_ROWS]
        queries = np.load(folder / name / "queries.npy")[:N_QUERIES]
        vectors = np.ascontiguousarray(base, dtype=np.float32)
        measure(name, metric, vectors, queries.astype(np.float32))


def measure(name: str, metric: Metric, vectors: Vectors, queries: Vectors) -> None:
    """Print the table of one set."""
    index = quiver.Index.build(vectors, metric=metric)
    print(f"\n### {name}, {vectors.shape[1]}-d, {metric}\n")
    print("| may answer |", *(f"{kind} |" for kind in KINDS))
    print("|---|" + "---|" * len(KINDS))
    distances = all_distances(vectors, queries, metric)
    for share in SHARES:
        kinds = random_filters(share, len(vectors), len(queries))
        if share <= 0.5:
            kinds |= regions(share, vectors, queries, metric)
        cells = [
            cell(index, queries, kinds[kind], distances) if kind in kinds else "|"
            for kind in KINDS
        ]
        print(f"| {100 * share:g} % |", *cells, flush=True)
    measure_radius(index, vectors, queries, distances)


def measure_million(folder: Path) -> None:
    """Print what walks to some of a million rows cost, by degree."""
    base = np.load(folder / "base.npy").astype(np.float32)[:N_ROWS]
    queries = np.load(folder / "queries.npy")[:100].astype(np.float32)
    rng = np.random.default_rng(11)
    vectors = np.tile(base, (COPIES, 1))
    for copy in range(1, COPIES):
        noise = rng.normal(size=base.shape).astype(np.float32) * NOISE
        part = vectors[copy * len(base) : (copy + 1) * len(base)]
        part[:] = np.clip(np.rint(part + noise), 0, 255)
    rng = np.random.default_rng(3)
    filters = [rng.random(len(vectors)) < share for share in MILLION_SHARES]
    degrees = [
        walks_to(vectors, queries, filters, degree, ef_construction)
        for degree, ef_construction in DEGREES.items()
    ]
    words = {"copies": COPIES, "noise": NOISE, "n_queries": len(queries)}
    print(MILLION.format(**words, factor=SCAN_FACTOR, share=BUDGET_SHARE))
    print("| may answer | m² / (ef · n) | m / 3 |", end="")
    print(*(f" `max_degree={degree}` |" for degree in DEGREES))
    print("|---|---|---|" + "---|" * len(DEGREES))
    for share, marks, *costs in zip(MILLION_SHARES, filters, *degrees, strict=True):
        m = np.count_nonzero(marks)
        factor = m * m / (EF * len(vectors))
        print(f"| {100 * share:g} % | {factor:.0f} | {m / BUDGET_SHARE:.0f} |", *costs)


def walks_to(
    vectors: Vectors,
    queries: Vectors,
    filters: list[NDArray[np.bool_]],
    max_degree: int,
    ef_construction: int,
) -> list[str]:
    """Return what walks to the rows of each filter cost, whatever the plan says."""
    params = quiver.BuildParams(max_degree=max_degree, ef_construction=ef_construction)
    index = quiver.Index.build(vectors, metric="euclidean", params=params)
    state = index.state
    coded = encode_queries(state, index.backend, queries)
    graph = state.codes, state.neighbors, coded, state.entry_points
    cells = []
    for marks in filters:
        beams = index.backend.search(*graph, EF, allowed=make_mask(marks)[None])
        costs = beams.distance_computations
        cells.append(f"{costs.mean():.0f} ({np.quantile(costs, 0.99):.0f}) |")
    return cells


def measure_radius(
    index: quiver.Index, vectors: Vectors, queries: Vectors, scores: Vectors
) -> None:
    """Print the table of radii of one set."""
    print("\n| within |", *(f"confidence {one} |" for one in CONFIDENCES))
    print("|---|" + "---|" * len(CONFIDENCES))
    squares = np.einsum("ij,ij->i", queries, queries)[:, None]
    if index.metric == "cosine":
        distances = 1 + scores / np.sqrt(squares)
    else:
        distances = np.sqrt(np.maximum(scores + squares, 0))
    for count in ANSWERS:
        place = count * len(queries)
        radius = np.partition(distances.ravel(), place)[place]
        true = [np.flatnonzero(row <= radius) for row in distances]
        label = f"one radius, {count} answers on average"
        print(f"| {label} |", *radius_cells(index, queries, radius, true), flush=True)
    for count in ANSWERS[1:]:
        rows, exact = quiver.exact_knn(vectors, queries, count, metric=index.metric)
        label = f"each query's {count}th distance"
        own = radius_cells(index, queries, exact[:, -1], rows)
        print(f"| {label} |", *own, flush=True)


def radius_cells(
    index: quiver.Index, queries: Vectors, radius: Any, true: Any
) -> Iterator[str]:
    """Yield recall and costs by confidence."""
    for confidence in CONFIDENCES:
        found = index.search_radius(queries, radius, confidence=confidence)
        hits = sum(np.isin(t, f).sum() for t, (f, _) in zip(true, found, strict=True))
        computed = found.stats.distance_computations.mean()
        share = 100 * hits / sum(map(len, true))
        yield f"{share:.1f} ({computed:.0f}, {found.stats.reranked.mean():.0f}) |"


def cell(
    index: quiver.Index,
    queries: Vectors,
    filters: list[NDArray[np.bool_]],
    distances: Vectors,
) -> str:
    """Return recall and costs of one kind of filter at one share."""
    result = index.search(queries, k=K, filter=filters)
    n_true = n_found = 0
    for found, marks, row in zip(result.ids, filters, distances, strict=True):
        rows = np.flatnonzero(marks)
        true = rows[np.argsort(row[rows], kind="stable")[:K]]
        n_true += len(true)
        n_found += np.isin(true, found).sum()
    n_nodes = np.array([np.count_nonzero(marks) for marks in filters])
    computed = result.stats.distance_computations
    is_scanned = (result.stats.hops == 0) | (computed >= n_nodes)
    costs = computed - (1 - SCAN_COST) * n_nodes * is_scanned
    recall = 100 * n_found / n_true
    return f"{recall:.1f}, {costs.mean():.0f} ({np.quantile(costs, 0.99):.0f}) |"


def random_filters(share: float, n: int, n_queries: int) -> Kinds:
    """Return a few filters that let a share of all rows answer, for all queries."""
    rng = np.random.default_rng(5)
    marks = [rng.random(n) < share for _ in range(20)]
    return {"random": [marks[number % 20] for number in range(n_queries)]}


def regions(share: float, vectors: Vectors, queries: Vectors, metric: Metric) -> Kinds:
    """Return filters by regions; those of one region are one object."""
    rng = np.random.default_rng(6)
    n_cells = round(1 / share)
    centers = vectors[rng.permutation(len(vectors))[:n_cells]]
    blocks = range(0, len(vectors), BLOCK_ROWS)
    nearest = [
        all_distances(centers, vectors[start : start + BLOCK_ROWS], metric).argmin(1)
        for start in blocks
    ]
    cells, to_cells = np.concatenate(nearest), all_distances(centers, queries, metric)
    wanted = {
        "own region": to_cells.argmin(axis=1),
        "any region": rng.integers(0, n_cells, len(queries)),
        "farthest region": to_cells.argmax(axis=1),
    }
    marks = {one: cells == one for one in np.unique(list(wanted.values())).tolist()}
    return {
        kind: [marks[one] for one in ones.tolist()] for kind, ones in wanted.items()
    }


def all_distances(base: Vectors, queries: Vectors, metric: Metric) -> Vectors:
    """Return what orders the base as the metric does, for every query."""
    if metric == "cosine":
        base = base / np.linalg.norm(base, axis=1, keepdims=True)
        return -(queries @ base.T)
    squares = np.einsum("ij,ij->i", base, base)
    return squares - 2 * (queries @ base.T)


if __name__ == "__main__":
    main()
