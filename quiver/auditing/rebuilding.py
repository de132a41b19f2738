"""Rebuilding: a graph built and walked as a table says, and what its walks found.

All that is counted here is whole numbers, the same from every backend and with any
number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Progress
from quiver.auditing.coding import Recode, Way, recoding
from quiver.auditing.published import ALPHA, EF_C, M
from quiver.backends.protocol import Backend
from quiver.build import Plan, build
from quiver.diagnosis.sample import Sample
from quiver.encoding import encode_queries
from quiver.parallel.workers import map_chunks
from quiver.params import BuildParams
from quiver.recall.hits import Asked, scan_hits
from quiver.reference.keys import NO_ID, key_ids
from quiver.search import walk
from quiver.state import State

CHUNK_QUERIES = 64


class Shape(NamedTuple):
    """Parameters of a graph in the paper's words; its lists hold up to ``2 * m``."""

    m: int = M
    ef_c: int = EF_C
    alpha: float = ALPHA


@dataclass(frozen=True, eq=False)
class Task:
    """Rows, queries, and who their true neighbours are.

    Attributes
    ----------
    sample : Sample
        The rows that are searched, the queries, the metric and the kernels.
    k : int
        Neighbours wanted.
    kth : ndarray of shape (q,), float32
        Exact distance of each query's k-th.
    near : ndarray of shape (q, m), uint32, or None
        All rows no farther; None where too many tie to know.
    threads, seed : int
        As for `quiver.Index.build`.
    """

    sample: Sample
    k: int
    kth: Distances
    near: Ids | None
    threads: int
    seed: int

    @classmethod
    def of(cls, sample: Sample, k: int, threads: int, seed: int) -> Task:
        """Return a task with its truth, computed exactly."""
        return cls(sample, k, *sample.truth(k), threads, seed)


class Built(NamedTuple):
    """A graph, with the kernels that code as it is walked.

    Attributes
    ----------
    state : State
        Codes, graph and vectors.
    kernels : Backend
        Those of the task, or what codes queries as its rows are.
    """

    state: State
    kernels: Backend

    def walked_by(self, recode: Recode | None) -> Built:
        """Return the same graph over other codes of the same rows."""
        if recode is None:
            return self
        codes = recode(self.state.codes)
        kernels = recoding(self.kernels, recode)
        return Built(replace(self.state, codes=codes), kernels)

    @property
    def mean_degree(self) -> float:
        """Edges of a row, on average."""
        return float(np.count_nonzero(self.state.neighbors != NO_ID) / self.state.n)


class Walked(NamedTuple):
    """What walks found.

    Attributes
    ----------
    hits : ndarray of shape (q,), int64
        True neighbours in each query's beam, which is re-ranked as a whole.
    distance_computations : float
        Mean per query.
    """

    hits: NDArray[np.int64]
    distance_computations: float


def build_graph(
    task: Task, way: Way, shape: Shape, progress: Progress | None = None
) -> Built:
    """Return the graph of a shape; the published rule prunes published codes."""
    params = BuildParams(
        max_degree=2 * shape.m,
        ef_construction=shape.ef_c,
        alpha=shape.alpha,
        prune_rule="auto" if way.encoding.bits > 2 else "published",
        seed=task.seed,
    )
    sample = task.sample
    kernels = recoding(sample.backend, way.linked)
    plan = Plan(
        sample.metric, way.encoding, params, kernels, task.threads, progress=progress
    )
    ids = np.arange(len(sample.vectors), dtype=np.int64)
    return Built(build(sample.vectors, ids, plan), kernels)


def walk_graph(task: Task, built: Built, ef: int) -> Walked:
    """Walk for every query and count the true neighbours in its beam."""
    asked, state = _asked(task, built), built.state
    coded = encode_queries(state, built.kernels, task.sample.queries)

    def walk_chunk(start: int, stop: int) -> Walked:
        numbers = np.arange(start, stop)
        if state.has_graph:
            # A wide beam would be answered by a scan elsewhere; here it is a walk.
            beams = built.kernels.search(
                state.codes,
                state.neighbors,
                coded.take(numbers),
                state.entry_points,
                min(ef, state.n),
            )
        else:
            beams = walk(state, built.kernels, asked.queries[numbers], ef)
        counts, _ = asked.mark(start, key_ids(beams.keys))
        found = np.minimum(counts.sum(axis=1), task.k)
        return Walked(found, float(beams.distance_computations.sum()))

    parts = map_chunks(
        walk_chunk,
        len(task.sample.queries),
        chunk_rows=CHUNK_QUERIES,
        threads=task.threads,
    )
    hits = np.concatenate([part.hits for part in parts])
    computed = sum(part.distance_computations for part in parts)
    return Walked(hits, computed / len(hits))


def by_code_alone(task: Task, built: Built, depth: int) -> NDArray[np.int64]:
    """Count each query's true k among the first of all rows by code, no graph."""
    hits = scan_hits(_asked(task, built), depth)
    return np.minimum(hits.marks.sum(axis=1), task.k).astype(np.int64)


def _asked(task: Task, built: Built) -> Asked:
    asked = task.sample.queries, task.kth, task.k, task.threads
    return Asked(built.state, built.kernels, *asked, near=task.near)
