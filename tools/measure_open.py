"""Measure what opening an index costs, and what it costs to search one in its file.

    python tools/measure_open.py FOLDER [--rows 10000 100000 1000000]
    python tools/measure_open.py FOLDER --vectors BASE.npy QUERIES.npy

The first opens files of many rows, each in a fresh process, with the file in the page
cache: processor time, memory of the process's own, and memory that it shares. Opening
looks at bytes and not at what they mean, so few rows are repeated, and each is linked
to rows at a few drawn distances: a walk there goes everywhere, as in a large graph.
Both then search one index in memory and in its file by turns, in one process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import quiver

DIM, FEW = 384, 500
WAYS = {
    "memory": {"cold": "mmap"},
    "mmap, fast": {"hot": "mmap"},
    "mmap, none": {"hot": "mmap", "verify": "none"},
}
ROUNDS = 9


def save_repeated(path: Path, n: int) -> None:
    """Save an index of n rows, of which few are different."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(FEW, DIM))
    few = quiver.Index.build(vectors, encoding=quiver.Encoding())
    rows, degree = np.arange(n), few.params.max_degree
    steps = 1 + rng.choice(n - 1, degree, replace=False)
    # Bytes, so that what is not opened does not fill the page cache.
    stored = np.resize(rng.integers(-9, 9, (FEW, DIM), dtype=np.int8), (n, DIM))
    state = replace(
        few.state,
        codes=few.codes._replace(
            rows=np.resize(few.codes.rows, (n, few.codes.rows.shape[1]))
        ),
        neighbors=((rows[:, None] + steps) % n).astype(np.uint32),
        ids=rows,
        vectors=stored.astype(np.float32),
    )
    quiver.Index(state, few.backend).save(path, cold_dtype="int8")


def resident() -> tuple[int, int]:
    """Return the bytes that this process has alone, and those of files it maps."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    own, of_files = (int(fields[name].split()[0]) for name in ("RssAnon", "RssFile"))
    return own << 10, of_files << 10


def measure(path: Path, way: str) -> dict[str, float]:
    """Open once in this process, which has opened another file before."""
    small = path.with_name("warm.quiver")
    for options in WAYS.values():
        quiver.open(small, **options)
    before, start = resident(), time.process_time()
    index = quiver.open(path, **WAYS[way])
    seconds = time.process_time() - start
    own, of_files = np.subtract(resident(), before).tolist()
    hot = index.memory_report().hot
    return {"seconds": seconds, "own": own, "shared": of_files, "hot": hot}


def best_of(folder: Path, way: str) -> dict[str, float]:
    """Return the fastest of three processes."""
    command = [sys.executable, __file__, str(folder), "--one", way]
    runs = (subprocess.run(command, check=True, capture_output=True) for _ in range(3))
    return min((json.loads(run.stdout) for run in runs), key=lambda x: x["seconds"])


def print_openings(folder: Path, sizes: list[int]) -> None:
    save_repeated(folder / "warm.quiver", FEW)
    print("| rows | hot MB | opened | CPU ms | of memory's | own MB | shared MB |")
    print("|---:|---:|---|---:|---:|---:|---:|")
    for n in sizes:
        save_repeated(folder / "repeated.quiver", n)
        found = {way: best_of(folder, way) for way in WAYS}
        for way, run in found.items():
            share = run["seconds"] / found["memory"]["seconds"]
            own, shared, hot = (run[name] / 1e6 for name in ("own", "shared", "hot"))
            time_ms = f"{1e3 * run['seconds']:.1f} | {share:.4f}"
            print(f"| {n} | {hot:.1f} | {way} | {time_ms} | {own:.1f} | {shared:.1f} |")


def print_searches(path: Path, asked: np.ndarray) -> None:
    opened = {way: quiver.open(path, **WAYS[way]) for way in ("memory", "mmap, none")}
    for ef in (16, 64, 256):
        seconds: dict[str, list[float]] = {way: [] for way in opened}
        for _ in range(ROUNDS):
            for way, index in opened.items():
                start = time.process_time()
                index.search(asked, k=10, ef=ef, threads=1)
                seconds[way].append(time.process_time() - start)
        memory, mapped = (min(times) for times in seconds.values())
        name = f"{len(opened['memory'])} rows, ef={ef}"
        print(f"{name}: searched in {mapped / memory:.3f} of the time in memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**4, 10**5, 10**6])
    parser.add_argument("--vectors", type=Path, nargs=2, metavar=("BASE", "QUERIES"))
    parser.add_argument("--one", choices=WAYS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.folder / "repeated.quiver", options.one)))
    elif options.vectors:
        base, queries = (np.load(x).astype(np.float32) for x in options.vectors)
        path = options.folder / "searched.quiver"
        quiver.Index.build(base).save(path)
        print_searches(path, queries)
    else:
        print_openings(options.folder, options.rows)
        queries = np.random.default_rng(1).normal(size=(1000, DIM))
        print_searches(options.folder / "repeated.quiver", queries)


if __name__ == "__main__":
    main()
