"""Measure what it costs to leave the vectors on the disk.

    python tools/measure_cold.py BASE.npy QUERIES.npy FOLDER

Each line is a fresh process: it opens the index, asks the system to forget the file,
searches all queries once (every page read from the disk) and then three times more
(every page in memory; the fastest counts).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import quiver

FILES = {"float32": "cold-float32.quiver", "float16": "cold-float16.quiver"}
ROUNDS = 3


def blocks_read() -> int:
    """Return the bytes this process had read from the disk so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    fields = dict(line.split(": ") for line in lines)
    return int(fields["read_bytes"])


def forget(path: Path) -> None:
    """Drop a file's pages from memory; pages that are mapped stay."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def measure(path: Path, cold: str, queries: np.ndarray, ef: int) -> dict[str, float]:
    """Return queries per second with an empty and a full page cache."""
    quiver.Index.build(queries[:300]).search(queries[:64])  # Warm up the kernels.
    forget(path)
    start = time.perf_counter()
    index = quiver.open(path, cold=cold)
    opened = time.perf_counter() - start
    seconds, before = [], blocks_read()
    for _ in range(1 + ROUNDS):
        start = time.perf_counter()
        found = index.search(queries, k=10, ef=ef, threads=1)
        seconds.append(time.perf_counter() - start)
        if len(seconds) == 1:
            read = blocks_read() - before
    return {
        "open_s": opened,
        "first_qps": len(queries) / seconds[0],
        "warm_qps": len(queries) / min(seconds[1:]),
        "rows_per_query": float(found.stats.reranked.mean()),
        "read_kib_per_query": read / 1024 / len(queries),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("base", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ef", type=int, default=64)
    parser.add_argument("--one", nargs=2, metavar=("DTYPE", "COLD"))
    options = parser.parse_args()
    queries = np.load(options.queries).astype(np.float32)
    if options.one:
        dtype, cold = options.one
        found = measure(options.folder / FILES[dtype], cold, queries, options.ef)
        print(json.dumps(found))
        return
    index = quiver.Index.build(np.load(options.base))
    print(f"{index}: {index.memory_report()}")
    for dtype, name in FILES.items():
        index.save(options.folder / name, cold_dtype=dtype)
    for dtype in FILES:
        for cold in ("memory", "mmap"):
            command = [sys.executable, *sys.argv, "--one", dtype, cold]
            line = subprocess.run(command, check=True, capture_output=True).stdout
            figures = {key: round(value, 1) for key, value in json.loads(line).items()}
            print(dtype, cold, figures)


if __name__ == "__main__":
    main()
