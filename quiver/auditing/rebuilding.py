"""Rebuilding: a graph built and walked as a table says, and what its walks found.

All that is counted here is whole numbers, the same from every backend and with any
number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Progress
from quiver.auditing.coding import Way
from quiver.auditing.published import ALPHA, EF_C, M
from quiver.build import Plan, build
from quiver.diagnosis.sample import Sample
from quiver.encoding import encode_queries
from quiver.parallel.workers import map_chunks
from quiver.params import BuildParams
from quiver.recall.hits import Asked, scan_hits
from quiver.reference.codes import Codes
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
    """A graph, and the kernels that it was built by."""

    way: Way
    state: State

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
    kernels = way.linking(sample.backend)
    plan = Plan(
        sample.metric, way.encoding, params, kernels, task.threads, progress=progress
    )
    ids = np.arange(len(sample.vectors), dtype=np.int64)
    return Built(way, build(sample.vectors, ids, plan))


def walk_graph(task: Task, built: Built, ef: int) -> Walked:
    """Walk for every query and count the true neighbours in its beam."""
    asked = _asked(task, built)
    state, recode = built.state, built.way.walked
    codes = state.codes if recode is None else recode(state.codes)
    coded = encode_queries(state, asked.backend, task.sample.queries)
    if recode is not None and isinstance(coded, Codes):
        coded = recode(coded)

    def walk_chunk(start: int, stop: int) -> Walked:
        numbers = np.arange(start, stop)
        if not state.has_graph:
            beams = walk(state, asked.backend, asked.queries[numbers], ef)
        else:
            # A wide beam would be answered by a scan elsewhere; here it is a walk.
            beams = asked.backend.search(
                codes,
                state.neighbors,
                coded.take(numbers),
                state.entry_points,
                min(ef, state.n),
            )
        counts, _ = asked.mark(start, key_ids(beams.keys))
        return Walked(
            np.minimum(counts.sum(axis=1), task.k),
            float(beams.distance_computations.sum()),
        )

    parts = map_chunks(
        walk_chunk,
        len(task.sample.queries),
        chunk_rows=CHUNK_QUERIES,
        threads=task.threads,
    )
    hits = np.concatenate([part.hits for part in parts])
    computed = sum(part.distance_computations for part in parts)
    return Walked(hits, computed / len(hits))


def overlap(task: Task, built: Built) -> NDArray[np.int64]:
    """Count each query's true k among the first k of all rows by code, no graph."""
    hits = scan_hits(_asked(task, built), task.k)
    return np.minimum(hits.marks.sum(axis=1), task.k).astype(np.int64)


def _asked(task: Task, built: Built) -> Asked:
    kernels = built.way.linking(task.sample.backend)
    asked = task.sample.queries, task.kth, task.k, task.threads
    return Asked(built.state, kernels, *asked, near=task.near)
