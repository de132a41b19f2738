"""The vectors to search: the demo set, a file, or a folder of NumPy files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

import quiver
from peers.contract import Matrix
from quiver._typing import AnyArray
from quiver.datasets import is_hdf5, load_demo, read_vectors
from quiver.reference.keys import NO_ID

DEMO = "demo set"
METRICS = ("cosine", "euclidean")
HELD_OUT = 1000


class Task(NamedTuple):
    """A base, queries and their exact distances."""

    name: str
    metric: str
    base: Matrix
    queries: Matrix
    true: Matrix


def read_task(
    path: str,
    metric: str = METRICS[0],
    queries: str | None = None,
    *,
    rows: int | None,
    k: int,
) -> Task:
    """Return a data set with its truth; unit rows for cosine.

    Parameters
    ----------
    path, queries : str
        As for `vectors_of`, or `DEMO`.
    metric : str
        One of `METRICS`.
    rows : int or None
        Only so many of the first rows.
    k : int
        Neighbors in the truth.

    Raises
    ------
    ValueError
        If the metric is none that peers are compared by.
    """
    if metric not in METRICS:
        msg = f"the metric of {path} must be one of {', '.join(METRICS)}, got {metric}"
        raise ValueError(msg)
    name, base, wanted = vectors_of(
        None if path == DEMO else Path(path), queries and Path(queries)
    )
    base, wanted = (_prepared(part, metric) for part in (base[:rows], wanted))
    _, true = quiver.exact_knn(base, wanted, k, metric=metric)
    return Task(name, metric, base, wanted, true)


def vectors_of(
    path: Path | None, queries: Path | None
) -> tuple[str, AnyArray, AnyArray]:
    """Return a name, the base and the queries; without a path the demo set.

    A folder holds ``base.npy`` and ``queries.npy``; an ann-benchmarks HDF5 file holds
    ``train`` and ``test``; from any other file without queries the last rows are held
    out as queries. The readers map files, so rows that are cut off are never read.
    """
    if path is None:
        demo = load_demo()
        return DEMO, demo.vectors, demo.queries
    if path.is_dir():
        base = read_vectors(path / "base.npy")
        return path.resolve().name, base, read_vectors(path / "queries.npy")
    base = read_vectors(path)
    if queries is not None:
        return path.name, base, read_vectors(queries)
    if is_hdf5(path):
        return path.name, base, read_vectors(path, key="test")
    held_out = min(HELD_OUT, len(base) // 10)
    return path.name, base[:-held_out], base[-held_out:]


def recall(task: Task, ids: np.ndarray) -> float:
    """Return recall@k of ids; ties are hits, a repeated id counts once."""
    # The kernels want distinct ids, and sorting brings equal ones together.
    ids = np.sort(ids, axis=1)
    invalid = (ids < 0) | (ids >= len(task.base))
    invalid[:, 1:] |= ids[:, 1:] == ids[:, :-1]
    candidates = np.where(invalid, NO_ID, ids).astype(np.uint32)
    k = task.true.shape[1]
    ranking = quiver.get_backend().rerank(
        task.base, task.queries, candidates, k, task.metric
    )
    return quiver.recall_at_k(ranking.distances, task.true)


def _prepared(vectors: np.ndarray, metric: str) -> Matrix:
    matrix = np.array(vectors, dtype=np.float32, order="C")
    if metric == "cosine":
        # Zero rows stay zero: there is no direction to keep.
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        matrix /= np.where(norms > 0, norms, 1)
    return matrix
