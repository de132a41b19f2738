"""Make runbooks for your vectors, and play them to quiver without the harness.

    export PYTHONPATH=tools
    python -P -m big_ann generate base.npy clustered OUT --name mine
    python -P -m big_ann run OUT/base.fbin queries.npy OUT/runbook.yaml --name mine

``generate`` writes ``base.fbin``, whose rows are ordered as the runbook wants them, and
``runbook.yaml``. ``run`` prints each step and the average recall; ``--truth`` reads the
exact neighbors from a folder, or writes them there, where the harness looks for them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from measure_change import Counting

import quiver
from big_ann.adapter import QuiverStreaming
from big_ann.files import write_vectors
from big_ann.generate import KINDS, by_cell
from big_ann.replay import average_recall, replay
from big_ann.runbook import read, write
from big_ann.truth import Truth
from quiver._typing import Vectors
from quiver.datasets import read_vectors
from quiver.validation.checks import check_metric


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and do as it says."""
    options = _parser().parse_args(arguments)
    options.do(options)


def _generate(options: argparse.Namespace) -> None:
    vectors = _floats(options.base)
    order, offsets = by_cell(vectors, options.cells, options.seed)
    runbook = KINDS[options.kind](offsets, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    write_vectors(options.out / "base.fbin", vectors[order])
    write(options.out / "runbook.yaml", options.name, runbook)
    print(f"{len(runbook.steps)} steps, at most {runbook.max_pts} vectors at once")


def _run(options: argparse.Namespace) -> None:
    base, queries = _floats(options.base), _floats(options.queries)
    metric = check_metric(options.metric)
    counting = Counting(quiver.get_backend())
    # One thread, for two would count at once.
    algorithm = QuiverStreaming(options.metric, {"backend": counting, "threads": 1})
    outcomes = []
    print("| step | | rows or queries | vectors | distances | recall |")
    print("|---|---|---|---|---|---|")
    for outcome in replay(
        algorithm,
        read(options.runbook, options.name, len(base)),
        base,
        queries,
        Truth(base, queries, metric, options.truth),
        effort={"ef": options.ef, "threads": 1},
        k=options.k,
        spent=counting.spent,
    ):
        outcomes.append(outcome)
        *facts, recall = outcome
        share = "" if recall is None else f"{recall:.4f}"
        print(f"| {' | '.join(map(str, facts))} | {share} |", flush=True)
    print(f"\nAverage recall@{options.k}: {average_recall(outcomes):.5f}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="big_ann", description=__doc__)
    commands = parser.add_subparsers(required=True)
    add = commands.add_parser("generate").add_argument
    commands.choices["generate"].set_defaults(do=_generate)
    add("base", type=Path, help="vectors")
    add("kind", choices=KINDS)
    add("out", type=Path, help="folder to write to")
    add("--name", required=True, help="of the data set in the harness")
    add("--cells", type=int, default=32, help="clusters")
    add("--seed", type=int, default=0)
    add = commands.add_parser("run").add_argument
    commands.choices["run"].set_defaults(do=_run)
    add("base", type=Path, help="vectors, ordered for the runbook")
    add("queries", type=Path)
    add("runbook", type=Path)
    add("--name", required=True, help="of the data set in the runbook")
    add("--metric", default="euclidean", help="euclidean, angular or ip")
    add("--truth", type=Path, help="folder of stepN.gt100 files")
    add("--k", type=int, default=10)
    add("--ef", type=int, default=128)
    return parser


def _floats(path: Path) -> Vectors:
    return np.ascontiguousarray(read_vectors(path), dtype=np.float32)


if __name__ == "__main__":
    main()
