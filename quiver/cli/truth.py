"""Ground truth from files: ids become exact distances, so that ties count as hits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import quiver
from quiver._typing import AnyArray, Distances, Ids
from quiver.datasets import is_hdf5, read_vectors
from quiver.errors import InvalidArgumentError
from quiver.storage.cold import rerank_stored
from quiver.validation import as_vectors


def true_distances(
    index: quiver.Index, queries: AnyArray, path: Path, k: int
) -> Distances:
    """Return the exact distances of the first k true neighbours of every query."""
    key = "neighbors" if is_hdf5(path) else None
    ids = read_vectors(path, key=key, max_rows=len(queries))
    if ids.dtype.kind not in "iu":
        msg = f"ground truth must hold integer ids, got {ids.dtype} in {path}"
        raise InvalidArgumentError(msg)
    if len(ids) < len(queries) or ids.shape[1] < k:
        msg = (
            f"ground truth must have a row of at least k={k} ids for each of "
            f"{len(queries)} queries, got shape {ids.shape} in {path}"
        )
        raise InvalidArgumentError(msg)
    rows = _rows_of(index, ids[:, :k])
    wanted = as_vectors(queries, "queries", metric=index.metric, dim=index.dim)
    _, distances = rerank_stored(
        index.backend, index.vectors, wanted, rows, k, index.metric
    )
    return distances


def _rows_of(index: quiver.Index, ids: AnyArray) -> Ids:
    order = np.argsort(index.ids, kind="stable")
    places = np.searchsorted(index.ids, ids, sorter=order)
    rows = order[np.minimum(places, index.n - 1)]
    absent = index.ids[rows] != ids
    if absent.any():
        msg = f"ground truth must name ids of the index, got {ids[absent][0]}"
        raise InvalidArgumentError(msg)
    return rows.astype(np.uint32)
