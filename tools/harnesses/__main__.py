"""Prove that quiver runs in a harness: run it from a checkout on your vectors.

    export PYTHONPATH=tools
    python -P -m harnesses vibe CHECKOUT
    python -P -m harnesses ann-benchmarks CHECKOUT --data vectors.npy --metric euclidean
    python -P -m harnesses big-ann-filter CHECKOUT --rows 20000
    python -P -m harnesses big-ann-streaming CHECKOUT

Copies what it needs into the checkout, writes the vectors (by default the demo set) to
its folder ``data``, lets the harness itself run without containers, and prints recall
and speed as the harness noted them. See docs/benchmarks.md for what must be installed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from peers.pareto import qps_at

from harnesses.checkouts import HARNESSES
from harnesses.data import Task
from harnesses.results import Measured

RECALLS = (0.90, 0.95, 0.99)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, run the harness, print a table."""
    options = _parser().parse_args(arguments)
    task = Task.read(options.data, options.metric, options.rows, options.n_queries)
    run = HARNESSES[options.harness]
    measured = run(options.checkout.resolve(), task, options.k, options.runs)
    if not any(one.algorithm == "quiver" for one in measured):
        sys.exit(f"{options.harness} noted no result of quiver: see what it printed")
    print(f"\n{task.name}, {len(task.base)} rows, recall@{options.k}:\n")
    print(every_setting(measured))
    if all(one.qps for one in measured):
        print(f"\n{at_recalls(measured)}")


def every_setting(measured: list[Measured]) -> str:
    """Return the settings as Markdown, the best of each algorithm last."""
    lines = ["| setting | recall | queries / s | build s |", "|---|---|---|---|"]
    for one in sorted(measured, key=lambda one: (one.algorithm, one.recall)):
        speed = "-" if one.qps is None else f"{one.qps:.0f}"
        figures = f"{one.recall:.4f} | {speed} | {one.build_seconds:.1f}"
        lines.append(f"| {one.setting} | {figures} |")
    return "\n".join(lines)


def at_recalls(measured: list[Measured]) -> str:
    """Return each algorithm's speed at some recalls, read off its Pareto front."""
    recalls = " | ".join(f"queries / s at {recall:.2f}" for recall in RECALLS)
    lines = [f"| algorithm | {recalls} |", "|---" * (1 + len(RECALLS)) + "|"]
    for algorithm in sorted({one.algorithm for one in measured}):
        points = [
            {"recall": one.recall, "qps": {algorithm: one.qps}}
            for one in measured
            if one.algorithm == algorithm
        ]
        speeds = [qps_at(points, algorithm, recall) for recall in RECALLS]
        cells = ["not reached" if s is None else f"{s:.0f}" for s in speeds]
        lines.append(f"| {algorithm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="harnesses",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("harness", choices=HARNESSES)
    add("checkout", type=Path, help="folder of the harness")
    add("--data", type=Path, help="file, or folder with base.npy and queries.npy")
    add("--metric", choices=("cosine", "euclidean"), default="cosine")
    add("--rows", type=int, help="only the first rows")
    add("--queries", type=int, dest="n_queries", help="only the first queries")
    add("--k", type=int, default=10, help="neighbors, 100 at most")
    add("--runs", type=int, default=3, help="of each setting; the fastest counts")
    return parser


if __name__ == "__main__":
    main()
