"""Compare quiver with its peers; ``make bench`` runs this with the demo set.

``--data`` may be given several times, each with its metric and, for a file without
queries of its own, a file of them: ``--data minilm cosine --data sift euclidean``.

Run as ``PYTHONPATH=tools python -P -m peers``: ``-P`` keeps the source tree, which has
no compiled kernels, from hiding the installed package.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from peers import load, report
from peers.catalogue import all_peers, chosen
from peers.contract import Peer, Plan
from peers.data import DEMO, read_task
from peers.schedule import run
from quiver.doctor.computer import processor_name
from quiver.parallel.workers import resolve_threads


def main() -> None:
    """Measure, then write ``peers.json``, ``.md``, ``.png`` and ``.svg``."""
    options = _parser().parse_args()
    if options.list:
        print("\n".join(all_peers()))
        return
    if options.show is not None:
        report.write(json.loads(options.show.read_text()), options.out)
        return
    plan = Plan(
        threads=resolve_threads(options.threads),
        k=options.k,
        repeats=options.repeats,
        turn_seconds=options.turn_seconds,
        clock=options.clock,
        minutes=options.minutes,
    )
    peers, sources = chosen(options.peers), options.data or [[DEMO]]
    options.out.mkdir(parents=True, exist_ok=True)
    # Before the work begins: the load it meets, not the one it makes.
    about = _about(load.look())
    start = load.Usage.now()
    sets = [
        _measured(source, options.rows, peers, plan, len(sources)) for source in sources
    ]
    about["during"] = load.shares(start, load.Usage.now())
    if busy := load.warning(about):
        _say(busy)
    document = {"about": about, "plan": asdict(plan), "sets": sets}
    (options.out / "peers.json").write_text(json.dumps(document, indent=1) + "\n")
    report.write(document, options.out)
    print(report.markdown(document))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="peers", description=__doc__)
    add = parser.add_argument
    add(
        "--data",
        nargs="+",
        action="append",
        metavar=("PATH", "METRIC QUERIES"),
        help="file, or folder with base.npy and queries.npy; metric, default cosine",
    )
    add("--rows", type=int, help="only the first rows")
    add("--peers", default="*", help="comma-separated names or shell patterns")
    add("--threads", type=int, help="what 'all threads' means; default all")
    add("--k", type=int, default=Plan.k)
    add("--repeats", type=int, default=Plan.repeats)
    add("--turn-seconds", type=float, default=Plan.turn_seconds)
    add("--minutes", type=float, help="about how long, all data sets together")
    add("--clock", choices=("wall", "cpu"), default=Plan.clock, help="for one thread")
    add("--out", type=Path, default=Path("build/peers"), help="folder to write to")
    add("--show", type=Path, help="write the report of a peers.json again")
    add("--list", action="store_true", help="print the names of the peers")
    return parser


def _measured(
    source: list[str],
    rows: int | None,
    peers: dict[str, Callable[[], Peer]],
    plan: Plan,
    n_sets: int,
) -> dict[str, Any]:
    """Measure all peers on one data set, in its share of the minutes."""
    task = read_task(*source, rows=rows, k=plan.k)
    minutes = None if plan.minutes is None else plan.minutes / n_sets
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        made = run(peers, task, replace(plan, minutes=minutes), Path(folder), _say)
    return {
        "data": task.name,
        "metric": task.metric,
        "n": len(task.base),
        "dim": task.base.shape[1],
        "n_queries": len(task.queries),
        "repeats": made.repeats,
        "peers": {name: asdict(measured) for name, measured in made.peers.items()},
    }


def _about(before: dict[str, Any]) -> dict[str, Any]:
    return {
        "command": shlex.join(
            ["python", "-P", "-m", "peers", *map(_name, sys.argv[1:])]
        ),
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "processor": processor_name() or platform.machine(),
        "processors": os.cpu_count(),
        "before": before,
        "python": platform.python_version(),
    }


def _name(word: str) -> str:
    """Return a word of the command line; where a file lies is nobody's business."""
    return Path(word).name if Path(word).is_absolute() else word


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
