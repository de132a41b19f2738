"""Commands that ask an index: ``search``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

import quiver
from quiver.cli.console import (
    answers,
    format_count,
    print_facts,
    print_json,
)
from quiver.cli.files import check_outputs, read_ids, read_inputs
from quiver.cli.options import (
    BackendOption,
    ColdName,
    ColdOption,
    EfOption,
    FilterOption,
    IndexArgument,
    JsonOption,
    KeyOption,
    KOption,
    MaxRowsOption,
    NpzOption,
    QueriesArgument,
    RerankOption,
    ThreadsOption,
    TruthOption,
)
from quiver.evaluation.truth import true_distances
from quiver.filters.given import as_filters
from quiver.recall.recall import share_within
from quiver.validation.arrays import as_queries

SHOWN_QUERIES = 5


def search(
    index: IndexArgument,
    queries: QueriesArgument,
    k: KOption = 10,
    ef: EfOption = None,
    n_rerank: RerankOption = None,
    filter_ids: FilterOption = None,
    ground_truth: TruthOption = None,
    npz: NpzOption = None,
    cold: ColdOption = ColdName.MEMORY,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the nearest vectors of every query in a file."""
    check_outputs(npz=npz)
    # All is read before the search, so that a file that does not fit costs no time.
    opened, vectors, ids = read_inputs(
        *(index, queries, ground_truth),
        cold=cold,
        backend=backend,
        key=key,
        max_rows=max_rows,
    )
    filters = as_filters(opened.state, read_ids(filter_ids, None), len(vectors))
    truth = None
    if ids is not None:
        checked, _ = as_queries(vectors, metric=opened.metric, dim=opened.dim)
        truth = true_distances(opened, checked, ids, k, threads, filters)
    start = time.perf_counter()
    result = opened.search(
        vectors, k, ef=ef, n_rerank=n_rerank, filter=filters, threads=threads
    )
    seconds = time.perf_counter() - start
    report = _report(result, seconds)
    if truth is not None:
        report[f"recall_at_{k}"] = share_within(result.distances, truth[:, -1:])
    if npz is not None:
        _write_npz(npz, result)
    if as_json:
        print_json({**report, "results": _rows(result)}, indent=None)
        return
    _print_neighbors(result)
    _print_report(report)


def _report(result: quiver.SearchResult, seconds: float) -> dict[str, Any]:
    stats = result.stats
    return {
        "queries": len(result.ids),
        "seconds": seconds,
        "queries_per_second": len(result.ids) / seconds,
        "mean_hops": float(stats.hops.mean()),
        "mean_distance_computations": float(stats.distance_computations.mean()),
        "mean_reranked": float(stats.reranked.mean()),
    }


def _rows(result: quiver.SearchResult) -> list[dict[str, Any]]:
    """Return ids and distances of every query, without the unused places."""
    return [
        {"ids": ids[:count].tolist(), "distances": distances[:count].tolist()}
        for ids, distances, count in zip(
            result.ids, result.distances, result.counts, strict=True
        )
    ]


def _write_npz(path: Path, result: quiver.SearchResult) -> None:
    # An open file keeps NumPy from adding a suffix to the name asked for.
    with path.open("wb") as file:
        np.savez(
            file,
            ids=result.ids,
            distances=result.distances,
            counts=result.counts,
            hops=result.stats.hops,
            distance_computations=result.stats.distance_computations,
            reranked=result.stats.reranked,
        )


def _print_neighbors(result: quiver.SearchResult) -> None:
    table = Table("query", "ids and distances, nearest first", box=None)
    for number, row in enumerate(_rows(result)[:SHOWN_QUERIES]):
        pairs = zip(row["ids"], row["distances"], strict=True)
        table.add_row(str(number), "  ".join(f"{id}: {d:.4f}" for id, d in pairs))
    answers.print(table)
    if len(result.ids) > SHOWN_QUERIES:
        hidden = format_count(len(result.ids) - SHOWN_QUERIES)
        answers.print(f"… and {hidden} more; --json or --npz has them all\n")


def _print_report(report: dict[str, Any]) -> None:
    words = {name.replace("_", " "): value for name, value in report.items()}
    facts = [
        (name, format_count(value) if value >= 100 else f"{value:.4g}")
        for name, value in words.items()
    ]
    print_facts("search", facts)
