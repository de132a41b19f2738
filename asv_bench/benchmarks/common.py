"""Data, backends and the base class; data sets must not be changed, only appended."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from asv_runner.benchmarks.mark import SkipNotImplemented

import quiver
from quiver.backends import registry
from quiver.datasets import load_demo
from quiver.errors import BackendUnavailableError

# A backend that nobody times is a backend that nobody watches.
BACKENDS = registry.BUILTINS
DATASETS = ("demo-384", "synthetic-128", "synthetic-768", "synthetic-1536")
LARGE = "large-128"
THREADS = (1, "all")

N_SYNTHETIC = 2000
N_LARGE = 20_000
N_QUERIES = 200
K = 10
EF = 64


class DataSet(NamedTuple):
    """Base and queries, float32."""

    vectors: np.ndarray
    queries: np.ndarray


@cache
def load_dataset(name: str) -> DataSet:
    """Return real sentence vectors, or clustered points on an uneven ellipsoid."""
    if name == "demo-384":
        demo = load_demo()
        return DataSet(demo.vectors.astype(np.float32), demo.queries.astype(np.float32))
    kind, _, digits = name.partition("-")
    dim = int(digits)
    n_base = {"synthetic": N_SYNTHETIC, "large": N_LARGE}[kind]
    rng = np.random.default_rng(dim)
    # Uneven and overlapping enough that recall is below 1 and can be seen to move.
    scales = (1.0 + np.arange(dim)) ** -0.15
    centers = 0.3 * rng.normal(size=(50, dim))
    n_rows = n_base + N_QUERIES
    drawn = centers[rng.integers(0, 50, n_rows)] + rng.normal(size=(n_rows, dim))
    points = (drawn * scales).astype(np.float32)
    return DataSet(points[:n_base], points[n_base:])


def load_backend(name: str) -> None:
    """Compile what a first call compiles, or skip with the registry's reason."""
    try:
        quiver.get_backend(name)
    except BackendUnavailableError as error:
        raise SkipNotImplemented(str(error)) from error
    points = np.random.default_rng(0).normal(size=(20, 8))
    quiver.Index.build(points, backend=name).search(points[:2], k=1)


def threads_of(parameter: int | str) -> int | None:
    """Return what to pass as ``threads``: None, the default, for "all"."""
    return None if parameter == "all" else parameter


class OnIndexes:
    """Benchmarks on saved indexes, which are the same for every backend.

    `setup_cache` is inherited by all subclasses, so asv runs it once for them all.
    """

    timeout = 600

    def setup_cache(self) -> dict[str, Path]:
        paths = {}
        for name in DATASETS:
            data = load_dataset(name)
            paths[name] = Path(f"{name}.quiver").absolute()
            quiver.Index.build(data.vectors).save(paths[name])
            _, true = quiver.exact_knn(data.vectors, data.queries, K)
            np.save(f"{name}-true.npy", true)
        return paths
