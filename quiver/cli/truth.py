"""Ground truth from files: ids become exact distances, so that ties count as hits."""

from __future__ import annotations

from pathlib import Path

import quiver
from quiver._typing import AnyArray, Distances
from quiver.datasets import is_hdf5, read_vectors
from quiver.hits import true_distances
from quiver.validation import as_vectors


def read_truth(index: quiver.Index, queries: AnyArray, path: Path, k: int) -> Distances:
    """Return the exact distances of the first k true neighbours of every query."""
    key = "neighbors" if is_hdf5(path) else None
    ids = read_vectors(path, key=key, max_rows=len(queries))
    wanted = as_vectors(queries, "queries", metric=index.metric, dim=index.dim)
    return true_distances(index, wanted, ids, k)
