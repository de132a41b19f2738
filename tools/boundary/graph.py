"""hnswlib: a graph over float32, what a user of few bits would else have.

M=16 gives its lowest layer a degree of 32, like ours.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
from peers import data as peers

import quiver
from boundary.data import Task
from boundary.measure import BEAM_WIDTHS, DIGITS
from quiver._typing import Metric

M = 16
EF_CONSTRUCTION = quiver.BuildParams().ef_construction
SPACES = {"cosine": "cosine", "euclidean": "l2", "inner_product": "ip"}


def is_installed() -> bool:
    """Return whether hnswlib can be imported."""
    return importlib.util.find_spec("hnswlib") is not None


def build(base: np.ndarray, metric: Metric, threads: int, ef_construction: int) -> Any:
    """Return an index of hnswlib; with one thread it is the same every time."""
    import hnswlib

    graph = hnswlib.Index(SPACES[metric], base.shape[1])
    graph.init_index(len(base), M=M, ef_construction=ef_construction, random_seed=1)
    graph.add_items(base, num_threads=threads)
    return graph


def float_graph(
    base: np.ndarray,
    queries: np.ndarray,
    true: np.ndarray,
    metric: Metric,
    threads: int = -1,
    widths: Sequence[int] = BEAM_WIDTHS,
) -> dict[int, float]:
    """Return the recall of hnswlib by ef; nothing where it is not installed.

    ``true`` are the exact distances of the nearest.
    """
    if not is_installed():
        return {}
    rows = as_float32(base)
    graph = build(rows, metric, threads, EF_CONSTRUCTION)
    task = peers.Task("", metric, rows, as_float32(queries), true)
    answers = {ef: found(graph, task.queries, ef, threads) for ef in widths}
    return {ef: peers.recall(task, ids) for ef, ids in answers.items()}


def beside(
    task: Task, threads: int, widths: Sequence[int] = BEAM_WIDTHS
) -> list[float]:
    """Return the recall of hnswlib on a data set; nothing if it is not installed."""
    asked = task.base, task.queries, task.true, task.metric
    return [round(r, DIGITS) for r in float_graph(*asked, threads, widths).values()]


def found(graph: Any, queries: np.ndarray, ef: int, threads: int) -> np.ndarray:
    """Return the ids of the ten nearest that hnswlib finds."""
    graph.set_ef(ef)
    return graph.knn_query(queries, 10, num_threads=threads)[0].astype(np.int64)


def as_float32(rows: np.ndarray) -> np.ndarray:
    """Return rows as hnswlib keeps them; a mapped file of them stays where it is."""
    return np.asarray(rows, dtype=np.float32)
