"""Measure what the chapters quote of real data; print Markdown tables.

    python tools/measure_chapters.py FOLDER > docs/algorithm/measured_chapters.md

FOLDER holds ``minilm`` and ``sift``, each with base.npy and queries.npy, as for
``measure_defaults.py``. Deterministic.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure_defaults import FILES, Data, prepare, read

import quiver
from quiver._typing import Distances, Metric
from quiver.encoding import encode_queries
from quiver.recall.hits import Hits, nearest, nearest_codes
from quiver.recall.marks import mark_hits
from quiver.reference.encode import unpack, values_of
from quiver.reference.keys import key_distances, key_ids
from quiver.reference.transform import apply_transform

K, EF = 10, 64
BEAM_WIDTHS = (16, 32, 64, 128)
EF_HEADS = [f"ef={ef}" for ef in BEAM_WIDTHS]
DEPTHS = (16, 24, 64)
DEFAULT, PAPER = quiver.Encoding(), quiver.Encoding.paper()
SWITCHES = {
    "as is": replace(DEFAULT, center=False, rotate=False),
    "centred": replace(DEFAULT, rotate=False),
    "rotated": replace(DEFAULT, center=False),
    "both": DEFAULT,
}
BETAS = (0.0, 0.7, 0.85)
NORM_ROWS, SIGMAS = 20_000, (0.0, 0.2, 0.5, 1.0)
NORMS: tuple[tuple[Metric, float], ...] = (
    *(("inner_product", sigma) for sigma in SIGMAS),
    *(("euclidean", sigma) for sigma in SIGMAS),
)
OTHER_SLACK = {"inner_product": 1.2, "euclidean": 1.1}
"""Besides that of the metric's own rule."""

QUERIES_AT_ONCE = 20
PRUNED_TARGETS, PRUNED_BEAM, PRUNED_ALPHA = 300, 128, 1.2
INTRODUCTION = """\
## Measured on 100 000 rows

MiniLM: sentence embeddings, 384-d, cosine. SIFT: 128-d, Euclidean. 1 000 queries each,
default parameters, the whole beam re-ranked unless said. Recall@10 in %, in brackets
the distance computations per query. Deterministic: `python tools/measure_chapters.py
FOLDER` prints the same from the same files."""


def print_table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print one table, line by line as its rows come."""
    head = list(head)
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)


def build(
    data: Data, encoding: quiver.Encoding = DEFAULT, **params: float
) -> quiver.Index:
    return quiver.Index.build(
        data.vectors,
        metric=data.metric,
        encoding=encoding,
        params=quiver.BuildParams(**params),
    )


def recall(index: quiver.Index, data: Data, ef: int, n_rerank: int) -> str:
    """Return recall and cost at one beam width."""
    found = index.search(data.queries, k=K, ef=ef, n_rerank=n_rerank)
    share = 100 * quiver.recall_at_k(found.distances, data.true)
    return f"{share:.1f} ({found.stats.distance_computations.mean():.0f})"


def print_switches(sets: list[Data]) -> None:
    """Print recall with the transform's parts switched on and off."""
    print_table(
        (f"transform, ef = {EF}", *SWITCHES),
        (
            (
                data.name,
                *(recall(build(data, e), data, EF, EF) for e in SWITCHES.values()),
            )
            for data in sets
        ),
    )


def print_layouts(sets: list[Data]) -> None:
    """Print what filled lines, further lines and wider codes are worth."""
    rows = []
    for data in sets:
        dim = data.vectors.shape[1]
        further = 1 + DEFAULT.row_lines(dim)
        layouts = {
            "`Encoding()`": DEFAULT,
            "`fill=False`": replace(DEFAULT, fill=False),
            f"`lines={further}`": replace(DEFAULT, lines=further),
            "`bits=4`": replace(DEFAULT, bits=4),
            "`bits=8`": replace(DEFAULT, bits=8),
        }
        for name, encoding in layouts.items():
            index = build(data, encoding)
            shape = index.codes.rows.shape[1], encoding.coded_dim(dim)
            cells = (recall(index, data, ef, ef) for ef in BEAM_WIDTHS)
            rows.append((data.name, name, *shape, *cells))
    print_table(("data", "encoding", "row bytes", "coordinates", *EF_HEADS), rows)


def print_betas(sets: list[Data]) -> None:
    """Print recall by the share of its distance that a row must lie out to cover."""
    rows = []
    for data in sets:
        for beta in BETAS:
            index = build(data, beta=beta)
            cells = (recall(index, data, ef, ef) for ef in BEAM_WIDTHS)
            rows.append((data.name, beta, *cells))
    print_table(("data", "`beta`", *EF_HEADS), rows)


def print_rerank(sets: list[Data]) -> None:
    """Print what re-ranking half of the beam loses."""
    indexes = [(build(data), data) for data in sets]
    print_table(
        (f"re-ranked of ef = {EF}", *map(str, (EF // 2, EF))),
        (
            (data.name, *(recall(index, data, EF, n) for n in (EF // 2, EF)))
            for index, data in indexes
        ),
    )


def print_codes(data: Data) -> None:
    """Print how codes alone rank the true neighbours, every row scanned."""
    index, paper = build(data), build(data, PAPER)
    symmetric = build(data, replace(DEFAULT, query="symmetric"))
    ways = {
        "published weights": paper,
        "±1, ±3 and correction, query coded alike": symmetric,
        "the same, query at 8 bits": index,
    }
    rows = [(name, *code_shares(way, data)) for name, way in ways.items()]
    rows.append(("the same, query at float32", *float_shares(index, data)))
    head = f"{data.name}: true {K} among the best by code"
    print_table((head, *map(str, DEPTHS)), rows)


def code_shares(index: quiver.Index, data: Data) -> list[str]:
    """Return the shares for the kernels' own distances."""
    backend = index.backend
    parts = np.array_split(data.queries, len(data.queries) // QUERIES_AT_ONCE)
    best = [
        nearest_codes(
            backend,
            index.codes,
            encode_queries(index.state, index.backend, part),
            DEPTHS[-1],
        )
        for part in parts
    ]
    return shares(index, data, np.concatenate(best))


def float_shares(index: quiver.Index, data: Data) -> list[str]:
    """Return the shares for the same estimate without rounding the query."""
    codes = index.codes
    w = values_of(unpack(codes.packed, codes.dim, codes.bits), codes.bits)
    w = w.astype(np.float32)
    scale, bias = codes.corrections.T
    points = apply_transform(data.queries, index.transform)
    parts = np.array_split(points, len(points) // QUERIES_AT_ONCE)
    estimates = (bias - 2 * scale * (part @ w.T) for part in parts)
    best = [nearest(estimate, DEPTHS[-1]) for estimate in estimates]
    return shares(index, data, np.concatenate(best))


def shares(index: quiver.Index, data: Data, best: np.ndarray) -> list[str]:
    marks = mark_hits(
        *(index.backend, data.vectors, data.queries, best),
        *(data.true[:, -1], data.metric),
    )
    hits = Hits(marks, K)
    return [f"{100 * hits.shares(depth).mean():.1f}" for depth in DEPTHS]


def print_varying_norms(data: Data) -> None:
    """Print recall of rows with log-normal norms, by metric, spread and slack."""
    rng = np.random.default_rng(0)
    normal = rng.standard_normal(NORM_ROWS).astype(np.float32)[:, None]
    rows = []
    for metric, sigma in NORMS:
        vectors = data.vectors[:NORM_ROWS] * np.exp(sigma * normal)
        varying = prepare(data.name, metric, vectors, data.queries)
        by_beta = [{"beta": beta} for beta in BETAS]
        for given in (*by_beta, {"alpha": OTHER_SLACK[metric]}):
            index = build(varying, **given)
            cells = (recall(index, varying, ef, ef) for ef in BEAM_WIDTHS)
            params = index.params
            rows.append((metric, sigma, params.alpha, params.beta, *cells))
    head = f"{data.name}, {NORM_ROWS} rows, norms log-normal"
    print_table((head, "sigma", "`alpha`", "`beta`", *EF_HEADS), rows)


def print_published_rule(data: Data) -> None:
    """Print how many edges the published rule keeps before it fills."""
    index = build(data, PAPER)
    targets = np.arange(PRUNED_TARGETS)
    codes = index.codes.take(targets)
    beams = index.backend.search(
        index.codes, index.neighbors, codes, index.state.entry_points, PRUNED_BEAM
    )
    kept = [
        survivors(index, keys[key_ids(keys) != target])
        for target, keys in zip(targets, beams.keys, strict=True)
    ]
    floor = np.diag(index.backend.distance(codes, codes)).mean() / index.dim
    print_table(
        ("published distance and prune rule", data.name),
        [
            ("mean distance of a code to itself, divided by dim", f"{floor:.2f}"),
            (
                f"kept of {PRUNED_BEAM} candidates at alpha = {PRUNED_ALPHA}, no fill",
                f"{np.mean(kept):.1f}",
            ),
        ],
    )


def survivors(index: quiver.Index, keys: np.ndarray) -> int:
    """Count what the published rule keeps of sorted candidates."""
    codes = index.codes.take(key_ids(keys))
    among: Distances = index.backend.distance(codes, codes)
    kept: list[int] = []
    for place, to_target in enumerate(key_distances(keys)):
        if not np.any(among[place, kept] < PRUNED_ALPHA * to_target):
            kept.append(place)
    return len(kept)


def main() -> None:
    folder = Path(sys.argv[1])
    sets = [prepare(name, metric, *read(folder / name)) for name, metric in FILES]
    minilm = sets[0]
    print(INTRODUCTION)
    print_switches(sets)
    print_layouts(sets)
    print_betas(sets)
    print_codes(minilm)
    print_rerank(sets)
    print_varying_norms(minilm)
    print_published_rule(minilm)


if __name__ == "__main__":
    main()
