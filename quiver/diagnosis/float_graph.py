"""Float graph: what a graph of the same shape finds where nothing is coded.

It tells loss by codes from loss that any graph suffers. Rows, order of insertion,
degree bound and pruning are those of an index; distances are exact, looked up in a
table, so a few thousand rows are all it can take. Every row meets the nearest of those
before it, which is what a perfect search would find, and the nearest of those after it
that chose it; both are pruned together.

Source: the heuristic of HNSW (Malkov and Yashunin, 2016) with Vamana's slack; how near
it comes to hnswlib is measured in ``docs/diagnosis.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Lanes, Metric, Vectors
from quiver.diagnosis.sample import Sample, squared_distances
from quiver.params import BuildParams
from quiver.recall.hits import Hits, nearest
from quiver.reference.lanes import squared_norms
from quiver.reference.transform import prepare

FLOAT_ROWS = 5000
"""Rows of the largest float graph: its table takes 100 MB."""

_BLOCK_ROWS = 256
_EXPANSIONS = 4
"""Nodes expanded at once by a walk; fewer, and NumPy's overhead dominates."""


def measure_float_graph(
    sample: Sample, k: int, params: BuildParams, beam_widths: tuple[int, ...]
) -> dict[int, Hits]:
    """Build a float graph over the sample and return the hits of its beams, by ef."""
    points = prepare(sample.vectors, sample.metric).astype(np.float64)
    points -= points.mean(axis=0)
    entry_point = int(np.argmin(squared_norms(points)))
    neighbors = build_float_graph(points, params)
    table = _query_distances(sample.vectors, sample.queries, sample.metric)
    kth = np.partition(table, k - 1, axis=1)[:, k - 1 : k]
    # What is absent is row n, farther than any.
    table = np.pad(table, ((0, 0), (0, 1)), constant_values=np.inf)
    hits = {}
    for ef in beam_widths:
        beam = _walk(table, neighbors, entry_point, ef)
        hits[ef] = Hits(np.take_along_axis(table, beam, axis=1) <= kth, k)
    return hits


def build_float_graph(points: Lanes, params: BuildParams) -> NDArray[np.intp]:
    """Return the neighbours of every one of n points, n where there are fewer."""
    n = len(points)
    table = np.full((n + 1, n + 1), np.inf, dtype=np.float32)
    for start in range(0, n, _BLOCK_ROWS):
        block = points[start : start + _BLOCK_ROWS]
        table[start : start + len(block), :n] = squared_distances(block, points)
    earlier = np.concatenate(list(_nearest_earlier(table, params.ef_construction)))
    chosen = _prune(table, earlier, params)
    later = _choosers(table, chosen, params.ef_construction)
    both = np.concatenate([chosen, later], axis=1)
    distances = table[np.arange(n)[:, None], both]
    order = np.argsort(distances, axis=1, kind="stable")
    return _prune(table, np.take_along_axis(both, order, axis=1), params)


def _nearest_earlier(table: Distances, width: int) -> Iterator[NDArray[np.intp]]:
    """Yield, block by block, the nearest of the rows before each."""
    n = len(table) - 1
    columns = np.arange(n)
    for start in range(0, n, _BLOCK_ROWS):
        rows = columns[start : start + _BLOCK_ROWS, None]
        distances = np.where(columns < rows, table[rows, columns], np.float32(np.inf))
        best = nearest(distances, min(width, n)).astype(np.intp)
        yield np.where(best < rows, best, n)


def _prune(
    table: Distances, candidates: NDArray[np.intp], params: BuildParams
) -> NDArray[np.intp]:
    """Keep, nearest first, every candidate that none kept before covers."""
    n, degree = len(table) - 1, params.max_degree
    to_target = table[np.arange(n)[:, None], candidates]
    is_open = candidates < n
    kept = np.zeros_like(is_open)
    for rank in range(candidates.shape[1]):
        rows = np.flatnonzero(is_open[:, rank] & (kept.sum(axis=1) < degree))
        kept[rows, rank] = True
        near = table[candidates[rows, rank, None], candidates[rows]]
        is_open[rows] &= params.slack("vamana") * near > to_target[rows]
    order = np.argsort(~kept, axis=1, kind="stable")[:, :degree]
    return np.take_along_axis(np.where(kept, candidates, n), order, axis=1)


def _choosers(
    table: Distances, chosen: NDArray[np.intp], width: int
) -> NDArray[np.intp]:
    """Return, for every row, the nearest of the rows that chose it."""
    n = len(chosen)
    sources, ranks = np.nonzero(chosen < n)
    targets = chosen[sources, ranks]
    order = np.lexsort((sources, table[targets, sources], targets))
    targets, sources = targets[order], sources[order]
    ranks = np.arange(len(targets)) - np.searchsorted(targets, targets)
    choosers = np.full((n, width), n)
    few = ranks < width
    choosers[targets[few], ranks[few]] = sources[few]
    return choosers


def _walk(
    table: Distances, neighbors: NDArray[np.intp], entry_point: int, ef: int
) -> NDArray[np.intp]:
    """Return the beam of every query, nearest first; all queries walk in step."""
    n_queries, n = len(table), len(neighbors)
    neighbors = np.pad(neighbors, ((0, 1), (0, 0)), constant_values=n)
    every = np.arange(n_queries)[:, None]
    seen = np.zeros((n_queries, n + 1), dtype=np.bool_)
    seen[:, [entry_point, n]] = True
    beam = np.full((n_queries, ef), n)
    beam[:, 0] = entry_point
    is_expanded = beam == n
    while not is_expanded.all():
        ranks = np.argsort(is_expanded, axis=1, kind="stable")[:, :_EXPANSIONS]
        nodes = np.where(is_expanded[every, ranks], n, beam[every, ranks])
        is_expanded[every, ranks] = True
        found = np.sort(neighbors[nodes].reshape(n_queries, -1), axis=1)
        repeated = np.diff(found, axis=1, prepend=-1) == 0
        found[repeated | seen[every, found]] = n
        seen[every, found] = True
        beam = np.concatenate([beam, found], axis=1)
        is_expanded = np.concatenate([is_expanded, found == n], axis=1)
        order = np.argsort(table[every, beam], axis=1, kind="stable")[:, :ef]
        beam, is_expanded = beam[every, order], is_expanded[every, order]
    return beam


def _query_distances(vectors: Vectors, queries: Vectors, metric: Metric) -> Distances:
    """Return what ranks every row for every query as the metric does."""
    if metric == "euclidean":
        return squared_distances(queries, vectors)
    if metric == "cosine":
        # Nearest by direction; a zero vector is at right angles to everything.
        vectors = prepare(vectors, metric)
    products = queries.astype(np.float64) @ vectors.astype(np.float64).T
    return (-products).astype(np.float32)
