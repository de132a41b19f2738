"""Queries and ground truth from files, each under its usual name in HDF5."""

from __future__ import annotations

from pathlib import Path

from quiver._typing import AnyArray
from quiver.datasets import is_hdf5, read_vectors


def read_queries(path: Path, key: str | None, max_rows: int | None = None) -> AnyArray:
    """Return the queries of a file."""
    # ann-benchmarks files hold the base as `train` and the queries as `test`.
    if key is None and is_hdf5(path):
        key = "test"
    return read_vectors(path, key=key, max_rows=max_rows)


def read_truth(path: Path | None, n_queries: int) -> AnyArray | None:
    """Return the true neighbours' ids of the first queries, if a file is named."""
    if path is None:
        return None
    key = "neighbors" if is_hdf5(path) else None
    return read_vectors(path, key=key, max_rows=n_queries)
