"""Few dimensions, where two bits of each would make few codes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from boundary.data import QUERIES, with_truth
from boundary.graph import beside
from boundary.measure import Record, about, built
from quiver._typing import Vectors

DIMENSIONS = (2, 3, 4, 8, 16, 32, 64)
SIZES = (20_000, 200_000)
WIDTHS = (64,)


def uniform(generator: np.random.Generator, n: int, dim: int) -> Vectors:
    """Return rows of a cube."""
    return generator.random((n, dim), dtype=np.float32)


def blobs(generator: np.random.Generator, n: int, dim: int) -> Vectors:
    """Return rows of twenty Gaussians, ten times as far apart as they are wide."""
    centers = 10 * generator.standard_normal((20, dim), dtype=np.float32)
    own = centers[generator.integers(0, 20, n)]
    return own + generator.standard_normal((n, dim), dtype=np.float32)


KINDS = {"uniform": uniform, "20 blobs": blobs}


def measured(threads: int) -> Iterator[tuple[str, Record]]:
    """Yield the default build, and hnswlib's, of every kind, size and dimension."""
    for n in SIZES:
        for name, kind in KINDS.items():
            for dim in DIMENSIONS:
                rows = kind(np.random.default_rng(0), n + QUERIES, dim)
                task = with_truth(name, "euclidean", rows[:n], rows[n:])
                record = {
                    **about(task, threads),
                    "kind": name,
                    "default": built(task, threads, WIDTHS),
                    "graph": beside(task, threads, WIDTHS),
                }
                yield f"{name}, {n} x {dim}", record
