"""Measure what a walk costs as the base grows; print a Markdown table.

    python tools/measure_sizes.py [N ...] > docs/measured_sizes.md

Codes and edges are drawn: what a walk sees lies anywhere in the base, as it does before
a cache can help. CPU time on one thread, the fastest of several turns. 30 million rows
take 4 GB.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import quiver
from quiver._typing import Neighbors
from quiver.reference.codes import CACHE_LINE, Codes, Queries, aligned_zeros

SIZES = (100_000, 1_000_000, 10_000_000, 30_000_000)
DIM, WIDTH, EF, N_QUERIES, TURNS = 224, 16, 44, 256, 12
DISTANCES = 700
BLOCK_ROWS = 1 << 20
BACKENDS = ("cython-avx512", "cython-avx2", "numba")
INTRODUCTION = f"""\
Microseconds of {DISTANCES} code distances in a graph of random edges, {WIDTH} a row,
rows of one line (128 dimensions), `ef={EF}`: walks of about 900 distances, {N_QUERIES}
queries a call, CPU time on one thread. Measured by `python tools/measure_sizes.py`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    sizes = parser.parse_args().sizes
    available = {info.name for info in quiver.list_backends() if info.available}
    names = [name for name in BACKENDS if name in available]
    print(INTRODUCTION)
    print("| rows |", *(f"`{name}` |" for name in names))
    print("|---|" + "---|" * len(names))
    for n in sizes:
        costs = measure(n, names)
        print(f"| {n:,} |".replace(",", " "), *(f"{cost:.1f} |" for cost in costs))


def measure(n: int, names: list[str]) -> list[float]:
    """Return microseconds by backend, taken in turns."""
    rng = np.random.default_rng(n)
    codes, neighbors, queries = draw_base(rng, n)
    starts = np.arange(16, dtype=np.uint32)
    best = dict.fromkeys(names, np.inf)
    for _ in range(TURNS):
        for name in names:
            search = quiver.get_backend(name).search
            start = time.process_time()
            found = search(codes, neighbors, queries, starts, EF)
            seconds = time.process_time() - start
            share = DISTANCES / found.distance_computations.sum()
            best[name] = min(best[name], 1e6 * share * seconds)
    return list(best.values())


def draw_base(rng: np.random.Generator, n: int) -> tuple[Codes, Neighbors, Queries]:
    """Return random codes, edges and queries."""
    codes = Codes(aligned_zeros((n, CACHE_LINE), np.uint8), DIM, 2, "corrected")
    for start in range(0, n, BLOCK_ROWS):
        block = codes.rows[start : start + BLOCK_ROWS]
        block[:] = rng.integers(0, 256, block.shape, dtype=np.uint8)
    codes.corrections[:] = rng.random((n, 2), dtype=np.float32)
    neighbors = rng.integers(0, n, (n, WIDTH), dtype=np.uint32)
    values = rng.integers(-127, 128, (N_QUERIES, 4, CACHE_LINE), dtype=np.int8)
    values[:, :, :8] = 0
    corrections = np.tile(np.float32([1e-3, 1.0]), (N_QUERIES, 1))
    return codes, neighbors, Queries(values, corrections)


if __name__ == "__main__":
    main()
