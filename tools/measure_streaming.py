"""Measure streaming runbooks, in recall and in distances; print Markdown.

    python tools/measure_streaming.py FOLDER > docs/measured_streaming.md

FOLDER holds ``minilm`` and ``sift``, each with base.npy and queries.npy. Distances are
counted as in ``tools/measure_change.py``. Deterministic for one NumPy release.
"""

from __future__ import annotations

import sys
from pathlib import Path

from big_ann.adapter import QuiverStreaming
from big_ann.generate import KINDS, by_cell
from big_ann.replay import Outcome, average_recall, distances_per_row, replay
from big_ann.runbook import NONE, OPERATIONS, Insert, Runbook, Search, walk
from big_ann.truth import Truth
from measure_change import Counting
from measure_defaults import FILES, read

import quiver
from quiver._typing import Metric, Vectors

N_QUERIES, K, EF, N_CELLS = 200, 10, 128, 16
EFFORT = {"ef": EF, "threads": 1}
BY_CLUSTER, AS_STORED = "by cluster", "as stored"
RUNS = (
    ("clustered", BY_CLUSTER),
    ("sliding-window", AS_STORED),
    ("sliding-window", BY_CLUSTER),
    ("expiration", AS_STORED),
    ("expiration-replace", AS_STORED),
    ("clustered-replace", BY_CLUSTER),
    ("random-replace", BY_CLUSTER),
)
HEAD = """\
| data | runbook | rows in order | searches | most vectors | average recall@10 in % | \
least | last search (distances) | fresh build | a query | a row inserted | replaced | \
deleted |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    print(HEAD)
    for name, metric in FILES:
        stored, queries = read(Path(sys.argv[1]) / name)
        order, offsets = by_cell(stored, N_CELLS)
        bases = {AS_STORED: stored, BY_CLUSTER: stored[order]}
        for kind, how in RUNS:
            runbook = KINDS[kind](offsets, 0)
            cells = measured(bases[how], queries[:N_QUERIES], metric, runbook)
            print(f"| {name} | {kind} | {how} | {' | '.join(cells)} |", flush=True)


def measured(
    base: Vectors, queries: Vectors, metric: Metric, runbook: Runbook
) -> list[str]:
    """Return the figures of one runbook."""
    outcomes = played(base, queries, metric, runbook)
    shares = [outcome.recall for outcome in outcomes if outcome.recall is not None]
    *_, (_, vector_of) = walk(runbook, len(base))
    left = base[vector_of[vector_of != NONE]]
    at_once = Runbook(len(left), (Insert(0, len(left)), Search()))
    fresh = played(left, queries, metric, at_once)
    per_row = [distances_per_row(outcomes, word) for word in OPERATIONS]
    insert, delete, replace, search = map(rounded, per_row)
    return [
        str(len(shares)),
        str(runbook.max_pts),
        f"{100 * average_recall(outcomes):.2f}",
        f"{100 * min(shares):.2f}",
        quality(outcomes[-1]),
        quality(fresh[-1]),
        *(search, insert, replace, delete),
    ]


def played(
    base: Vectors, queries: Vectors, metric: Metric, runbook: Runbook
) -> list[Outcome]:
    """Return every outcome of a runbook."""
    counting = Counting(quiver.get_backend())
    algorithm = QuiverStreaming(metric, {"backend": counting, "threads": 1})
    truth = Truth(base, queries, metric)
    how = {"effort": EFFORT, "k": K, "spent": counting.spent}
    return [*replay(algorithm, runbook, base, queries, truth, **how)]


def quality(search: Outcome) -> str:
    """Return recall in per cent and distances per query."""
    return f"{100 * search.recall:.2f} ({search.distances / N_QUERIES:.0f})"


def rounded(distances: float | None) -> str:
    """Return a whole number, or a dash where no step was of that kind."""
    return "-" if distances is None else f"{distances:.0f}"


if __name__ == "__main__":
    main()
