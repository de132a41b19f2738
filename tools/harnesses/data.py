"""Vectors of one's own in the files of the harnesses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from big_ann.files import write_nearest, write_vectors
from big_ann.generate import KINDS, by_cell
from big_ann.runbook import Search, walk, write
from big_ann.truth import WIDTH, Truth
from big_ann.words import generated, nearest_with_all, write_words
from peers.data import vectors_of

import quiver
from quiver._typing import Metric, Vectors

BATCH, N_CELLS = 100, 16


class Task(NamedTuple):
    """What is searched for what."""

    name: str
    metric: Metric
    base: Vectors
    queries: Vectors

    @classmethod
    def read(
        cls, path: Path | None, metric: Metric, rows: int | None, n_queries: int | None
    ) -> Task:
        """Return vectors by `peers.data.vectors_of`, or the first of them."""
        name, base, queries = vectors_of(path, None)
        parts = base[:rows], queries[:n_queries]
        return cls(name, metric, *(np.array(p, dtype=np.float32) for p in parts))


def write_dense(path: Path, task: Task, word: str) -> None:
    """Write the HDF5 file of VIBE and of ann-benchmarks, with the exact neighbors.

    Parameters
    ----------
    path : Path
        In the folder ``data`` of their checkout.
    task : Task
        What it holds.
    word : str
        For its metric, in the harness.
    """
    import h5py

    neighbors, distances = quiver.exact_knn(
        task.base, task.queries, WIDTH, metric=task.metric
    )
    about = {"type": "dense", "distance": word, "point_type": "float"}
    with h5py.File(path, "w") as file:
        file.attrs.update({**about, "dimension": task.base.shape[1]})
        file["train"], file["test"] = task.base, task.queries
        file["neighbors"], file["distances"] = neighbors, distances
        file["avg_distances"] = _mean_distances(task)


def write_filtered(folder: Path, task: Task, n_words: int, least: int) -> None:
    """Write the files that their ``RandomFilterDS`` reads, with generated words.

    Every query has ``least`` rows with all of its words.
    """
    base_words, query_words = generated(task.base, task.queries, n_words, least=least)
    (n, dim), n_queries = task.base.shape, len(task.queries)
    folder.mkdir(parents=True, exist_ok=True)
    write_vectors(folder / f"data_{n}_{dim}", task.base)
    write_vectors(folder / f"queries_{n_queries}_{dim}", task.queries)
    write_words(folder / f"data_metadata_{n}_{dim}", base_words, n_words)
    write_words(folder / f"queries_metadata_{n}_{dim}", query_words, n_words)
    nearest = nearest_with_all(
        task.base, base_words, task.queries, query_words, task.metric
    )
    write_nearest(folder / f"gt_{n}_{n_queries}_{dim}", nearest)


def write_streaming(
    folder: Path, task: Task, name: str, kind: str, path: Path, truth: Path
) -> None:
    """Write the files that their ``RandomDS`` reads, a runbook, and its truth.

    Parameters
    ----------
    folder : Path
        Of the vectors, which are ordered by cluster as the runbook wants them.
    task : Task
        What is searched.
    name, kind : str
        Of the data set in the runbook, and one of `big_ann.generate.KINDS`.
    path, truth : Path
        The runbook, and the folder of the neighbors at each of its searches.
    """
    order, offsets = by_cell(task.base, N_CELLS)
    base, dim = task.base[order], task.base.shape[1]
    folder.mkdir(parents=True, exist_ok=True)
    write_vectors(folder / f"data_{len(base)}_{dim}", base)
    write_vectors(folder / f"queries_{len(task.queries)}_{dim}", task.queries)
    runbook = KINDS[kind](offsets, 0)
    write(path, name, runbook)
    shutil.rmtree(truth, ignore_errors=True)
    true = Truth(base, task.queries, task.metric, truth)
    for number, vector_of in walk(runbook, len(base)):
        if isinstance(runbook.steps[number - 1], Search):
            true.at(number, vector_of)


def _mean_distances(task: Task) -> Vectors:
    """Return the mean distance of each query to all rows, which VIBE plots."""
    batches = range(0, len(task.queries), BATCH)
    means = []
    for start in batches:
        queries = task.queries[start : start + BATCH].astype(np.float64)
        products = queries @ task.base.T
        if task.metric == "euclidean":
            lengths = np.square(task.base, dtype=np.float64).sum(axis=1)
            squares = np.square(queries).sum(axis=1, keepdims=True) + lengths
            distances = np.sqrt(np.maximum(squares - 2 * products, 0))
        else:
            norms = np.linalg.norm(task.base, axis=1)
            own = np.linalg.norm(queries, axis=1, keepdims=True)
            distances = 1 - products / (own * norms)
        means.append(distances.mean(axis=1))
    return np.concatenate(means)
