"""The harness's files of vectors and of true neighbors."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Vectors
from quiver.errors import FileFormatError


class Nearest(NamedTuple):
    """The nearest tags of every query and their distances, of shape (q, k)."""

    tags: NDArray[np.int64]
    distances: Distances


def write_vectors(path: Path, vectors: Vectors) -> None:
    """Write an ``fbin`` file; `quiver.datasets.read_vectors` reads it."""
    with path.open("wb") as file:
        np.array(vectors.shape, dtype="<u4").tofile(file)
        vectors.astype("<f4").tofile(file)


def write_nearest(path: Path, nearest: Nearest) -> None:
    """Write ``uint32 queries, uint32 k``, then all tags, then all distances."""
    with path.open("wb") as file:
        np.array(nearest.tags.shape, dtype="<u4").tofile(file)
        nearest.tags.astype("<i4").tofile(file)
        nearest.distances.astype("<f4").tofile(file)


def read_nearest(path: Path) -> Nearest:
    """Return what `write_nearest` wrote.

    Raises
    ------
    FileFormatError
        If the file is not as long as its header says.
    """
    found = np.fromfile(path, dtype="<u4")
    n_queries, k = map(int, found[:2]) if len(found) > 1 else (0, 0)
    if path.stat().st_size != 8 + 8 * n_queries * k:
        msg = (
            f"{path}: must be 8 bytes and 8 for each of {n_queries} x {k} neighbors, "
            f"got {path.stat().st_size}; let it be computed anew"
        )
        raise FileFormatError(msg)
    tags, distances = found[2:].reshape(2, n_queries, k)
    return Nearest(tags.view("<i4").astype(np.int64), distances.view("<f4"))
