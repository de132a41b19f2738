"""Time shards in worker processes, check the simulation against them, and plan more.

    PYTHONPATH=tools python -m sharded overhead BASE.npy FOLDER
    PYTHONPATH=tools python -m sharded check BASE.npy FOLDER
    PYTHONPATH=tools python -m sharded work ROWS > docs/measured_work_768.md
    PYTHONPATH=tools python -m sharded plan

BASE.npy holds rows, the last of which are asked; FOLDER is for shards, and ROWS the
folder of `tools/measure_large_build.py`. ``overhead`` prints the table of
docs/sharding.md, ``check`` and ``plan`` those of docs/scaling.md.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

import quiver
from quiver._typing import Vectors
from sharded.checking import print_check
from sharded.measured import print_work
from sharded.planning import tables
from sharded.running import Timed, TimedIndex, in_turns

BATCH, ROUNDS, EFS = 256, 30, (64, 128, 256)
WORKERS = (2, 4)
CHECKED_SHARDS, CHECKED_BATCH, CHECKED_ROUNDS = 8, 64, 1000


def built(base: Path, folder: Path, shards: int) -> Vectors:
    """Build shards unless they are there; return rows that are in none of them."""
    rows = np.load(base, mmap_mode="r")
    own = folder / f"{shards}-shards"
    if not own.exists():
        vectors = rows[: -4 * BATCH].astype(np.float32)
        quiver.build_shards(vectors, own, shards=shards, workers=2)
    return rows[-4 * BATCH :].astype(np.float32)


OVERHEAD = (
    "workers",
    "`ef`",
    "slowest shard, ms",
    "beyond it, ms",
    "share",
    "slowest shard, ms of CPU",
    "caller",
    "a worker beside its shard",
    "share",
    "bytes through pipes",
)


def print_overhead(base: Path, folder: Path) -> None:
    """Print what a batch takes beyond its slowest shard."""
    print("| " + " | ".join(OVERHEAD) + " |\n" + "|---:" * len(OVERHEAD) + "|")
    for workers in WORKERS:
        queries = built(base, folder, workers)[:BATCH]
        with TimedIndex(folder / f"{workers}-shards", workers) as index:
            calls = {ef: partial(index.search, queries, ef) for ef in EFS}
            for ef, runs in in_turns(calls, ROUNDS).items():
                print(overhead_row(workers, ef, runs))


def overhead_row(workers: int, ef: int, runs: list[Timed]) -> str:
    """Return the medians of some runs as a row of the table."""
    slowest, cpu = (
        np.array([part.max() for part in parts])
        for parts in zip(*((run.shards, run.shards_cpu) for run in runs), strict=True)
    )
    beyond = np.array([run.seconds for run in runs]) - slowest
    caller = np.array([run.cpu for run in runs])
    beside = np.array([run.beside / workers for run in runs])
    cells = [
        str(workers),
        str(ef),
        *(f"{1e3 * np.median(part):.2f}" for part in (slowest, beyond)),
        f"{np.median(beyond / slowest):.1%}",
        *(f"{1e3 * np.median(part):.2f}" for part in (cpu, caller, beside)),
        f"{np.median((caller + beside) / cpu):.1%}",
        str(max(run.n_bytes for run in runs)),
    ]
    return "| " + " | ".join(cells) + " |"


def print_checked(base: Path, folder: Path) -> None:
    """Print what the simulation says of workers, and what these do."""
    rows = built(base, folder, CHECKED_SHARDS)
    batches = np.split(rows, len(rows) // CHECKED_BATCH)
    print_check(folder / f"{CHECKED_SHARDS}-shards", batches, EFS[0], CHECKED_ROUNDS)


def print_plan() -> None:
    """Print what more vectors would take."""
    print("\n\n".join(tables().values()))


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["overhead", "check", "work", "plan"])
    parser.add_argument("paths", type=Path, nargs="*")
    options = parser.parse_args()
    acts = {
        "overhead": print_overhead,
        "check": print_checked,
        "work": print_work,
        "plan": print_plan,
    }
    acts[options.what](*options.paths)


if __name__ == "__main__":
    main()
