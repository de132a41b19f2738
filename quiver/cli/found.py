"""What was found, however it was asked for: as JSON, as arrays and for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

import quiver
from quiver._typing import Distances, UserIds
from quiver.cli.console import answers, format_count, print_facts

SHOWN_QUERIES, UNUSED = 5, -1
"""Queries shown, and the id of a place that no answer took, as in a result."""

Page = tuple[UserIds, Distances]
NO_ANSWERS: Page = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)


class Found(NamedTuple):
    """The answers of all queries.

    Attributes
    ----------
    rows : list of dict
        Ids and distances of every query, ready for JSON, without unused places.
    arrays : dict of str to ndarray
        The same as an ``.npz`` file holds it.
    stats : SearchStats or None
        What it cost, where that was counted.
    """

    rows: list[dict[str, Any]]
    arrays: dict[str, Any]
    stats: quiver.SearchStats | None = None

    def report(self, seconds: float) -> dict[str, Any]:
        """Return how many were asked and found, how fast, and the mean costs."""
        n_answers = [len(row["ids"]) for row in self.rows]
        costs = {} if self.stats is None else asdict(self.stats)
        return {
            "queries": len(self.rows),
            "seconds": seconds,
            "queries_per_second": len(self.rows) / seconds,
            "mean_answers": float(np.mean(n_answers)),
            **{f"mean_{name}": float(cost.mean()) for name, cost in costs.items()},
        }


def of_nearest(result: quiver.SearchResult) -> Found:
    """Return what a search found."""
    rows = [
        _row(ids[:count], distances[:count])
        for ids, distances, count in zip(
            result.ids, result.distances, result.counts, strict=True
        )
    ]
    names = ("ids", "distances", "counts")
    arrays = {name: getattr(result, name) for name in names}
    return Found(rows, arrays | asdict(result.stats), result.stats)


def of_radius(result: quiver.RadiusResult) -> Found:
    """Return what lies within a radius; a row says whether that is all."""
    rows = [
        {**_row(*result[number]), "complete": bool(complete)}
        for number, complete in enumerate(result.complete)
    ]
    names = ("offsets", "ids", "distances", "complete")
    arrays = {name: getattr(result, name) for name in names}
    return Found(rows, arrays | asdict(result.stats), result.stats)


def of_page(pages: Sequence[Page], k: int) -> Found:
    """Return a page of at most k answers for every query."""
    ids = np.full((len(pages), k), UNUSED, dtype=np.int64)
    distances = np.full(ids.shape, np.inf, dtype=np.float32)
    for number, (own_ids, own_distances) in enumerate(pages):
        ids[number, : len(own_ids)] = own_ids
        distances[number, : len(own_ids)] = own_distances
    counts = np.array([len(own_ids) for own_ids, _ in pages])
    rows = [_row(*page) for page in pages]
    return Found(rows, {"ids": ids, "distances": distances, "counts": counts})


def _row(ids: UserIds, distances: Distances) -> dict[str, Any]:
    return {"ids": ids.tolist(), "distances": distances.tolist()}


def write_npz(path: Path, found: Found) -> None:
    """Write all arrays to a file."""
    # An open file keeps NumPy from adding a suffix to the name asked for.
    with path.open("wb") as file:
        np.savez(file, **found.arrays)


def print_found(found: Found, report: dict[str, Any]) -> None:
    """Print the answers of the first queries and the report of all."""
    table = Table("query", "ids and distances, nearest first", box=None)
    for number, row in enumerate(found.rows[:SHOWN_QUERIES]):
        pairs = zip(row["ids"], row["distances"], strict=True)
        table.add_row(str(number), "  ".join(f"{id}: {d:.4f}" for id, d in pairs))
    answers.print(table)
    if len(found.rows) > SHOWN_QUERIES:
        hidden = format_count(len(found.rows) - SHOWN_QUERIES)
        answers.print(f"… and {hidden} more; --json or --npz has them all\n")
    words = {name.replace("_", " "): value for name, value in report.items()}
    facts = [
        (name, format_count(value) if value >= 100 else f"{value:.4g}")
        for name, value in words.items()
    ]
    print_facts("search", facts)
