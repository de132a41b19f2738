"""Hits: which candidates are true neighbours, in the order the codes put them.

One walk or scan per query then answers every question about depth: recall with any
``n_rerank`` is the share of hits among the first so many candidates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import (
    AnyArray,
    Counts,
    Distances,
    Ids,
    Lanes,
    Metric,
    StoredVectors,
    Unlinked,
    Vectors,
)
from quiver.backends.protocol import Backend
from quiver.errors import InvalidArgumentError
from quiver.parallel.workers import map_chunks
from quiver.reference.codes import Codes, Queries
from quiver.reference.keys import NO_ID, key_ids, make_keys
from quiver.reference.masks import is_marked
from quiver.search import SEARCH_CHUNK, Filters, rerank, scan, walk
from quiver.state import State
from quiver.validation.arrays import as_vectors

# Distances of a few queries to every row, held at once by each thread.
_SCAN_VALUES = 1 << 22


class Hits(NamedTuple):
    """Candidates of every query in code order, marked where they are neighbours.

    Attributes
    ----------
    marks : ndarray of shape (q, m), bool or int64
        Whether a candidate is no farther than the k-th true neighbour; of an index,
        how many such rows it brings, since equal ones come with it.
    k : int or ndarray of shape (q,), int64
        True neighbours of each query.
    """

    marks: NDArray[np.bool_] | Counts
    k: int | Counts

    def shares(self, depth: int) -> Lanes:
        """Return each query's share of the k found among the first ``depth``.

        Where there is nothing to find, nothing is missed.
        """
        found = self.marks[:, :depth].sum(axis=1)
        shares = np.minimum(found, self.k) / np.maximum(self.k, 1)
        return np.where(self.k == np.int64(0), 1.0, shares)


class Walk(NamedTuple):
    """Hits of a beam search, with its counters."""

    hits: Hits
    hops: Counts
    distance_computations: Counts


def checked_queries(queries: Any, metric: Metric, dim: int) -> Vectors:
    """Return queries as float32; at least one is required."""
    checked = as_vectors(queries, "queries", metric=metric, dim=dim)
    if not len(checked):
        msg = f"queries must have at least 1 row, got shape {checked.shape}"
        raise InvalidArgumentError(msg)
    return checked


class Asked(NamedTuple):
    """What is asked of a state, and how near an answer must be to be a hit.

    Attributes
    ----------
    state : State
        The index, under any kernels.
    backend : Backend
        Kernels.
    queries : ndarray of shape (q, dim), float32
        Checked.
    kth : ndarray of shape (q,), float32
        Exact distance of each query's k-th true neighbour.
    k : int
        True neighbours of each query.
    threads : int
        The hits do not depend on it.
    filters : sequence of Filter, optional
        Of every query.
    """

    state: State
    backend: Backend
    queries: Vectors
    kth: Distances
    k: int
    threads: int
    filters: Filters = None

    @property
    def wanted(self) -> int | Counts:
        """True neighbours of each query: k, or the rows that may answer if fewer."""
        if self.filters is None:
            return self.k
        return np.array([min(self.k, len(one)) for one in self.filters], np.int64)

    def part(self, start: int, stop: int) -> Filters:
        """Return the filters of some queries."""
        return None if self.filters is None else self.filters[start:stop]

    def mark(self, start: int, candidates: Ids) -> Counts:
        """Count the hits that each candidate of the queries from ``start`` on brings.

        Those are itself and the rows equal to it. Zero vectors come with every answer:
        the first candidate brings them.
        """
        part = slice(start, start + len(candidates))
        state, kth = self.state, self.kth[part]
        hits = mark_hits(
            *(self.backend, state.vectors, self.queries[part], candidates),
            *(kth, state.metric),
        )
        filters = self.part(start, start + len(candidates))
        if filters is None:
            counts = _with_equal(hits, candidates, kth, state.live_unlinked)
            # A row that was removed brings only the live ones that are equal to it.
            if state.live is not None:
                counts -= hits & ~is_marked(state.live, candidates)
            return counts
        counts = np.empty(hits.shape, dtype=np.int64)
        for number, one in enumerate(filters):
            line = slice(number, number + 1)
            brought = hits[line], candidates[line], kth[line]
            counts[line] = _with_equal(*brought, one.unlinked)
            # A candidate that stands for rows equal to it alone is none itself.
            rows = np.where(hits[line], candidates[line], 0)
            counts[line] -= hits[line] & ~one.is_allowed[rows]
        return counts


def _with_equal(
    hits: NDArray[np.bool_], candidates: Ids, kth: Distances, unlinked: Unlinked
) -> Counts:
    """Count with each hit the rows equal to it, and with the first the zero vectors."""
    equal_to = unlinked[:, 0]
    first = np.searchsorted(equal_to, candidates)
    counts = hits * (1 + np.searchsorted(equal_to, candidates, "right") - first)
    counts[:, 0] += np.count_nonzero(equal_to == NO_ID) * (kth >= 1)
    return counts


def walk_hits(asked: Asked, ef: int) -> Walk:
    """Walk the graph for every query and mark the whole beam."""

    def walk_chunk(start: int, stop: int) -> tuple[AnyArray, AnyArray, AnyArray]:
        own = asked.part(start, stop)
        beams = walk(asked.state, asked.backend, asked.queries[start:stop], ef, own)
        marks = asked.mark(start, key_ids(beams.keys))
        return marks, beams.hops, beams.distance_computations

    chunks = map_chunks(
        walk_chunk,
        len(asked.queries),
        chunk_rows=SEARCH_CHUNK,
        threads=asked.threads,
    )
    marks, hops, computations = (
        np.concatenate(part) for part in zip(*chunks, strict=True)
    )
    return Walk(Hits(marks, asked.wanted), hops, computations)


def scan_hits(asked: Asked, depth: int) -> Hits:
    """Rank every row by its code for every query and mark the best ``depth``."""
    state = asked.state
    depth = min(depth, state.n_nodes)
    every_row = np.arange(state.n, dtype=np.uint32)

    def scan_chunk(start: int, stop: int) -> Counts:
        distances = scan(state, asked.backend, asked.queries[start:stop])
        for row, one in zip(distances, asked.part(start, stop) or (), strict=False):
            row[np.isin(every_row, one.nodes, invert=True)] = np.inf
        candidates = nearest(distances, depth)
        found = np.take_along_axis(distances, candidates.astype(np.intp), axis=1)
        return asked.mark(start, np.where(found < np.inf, candidates, NO_ID))

    chunks = map_chunks(
        scan_chunk,
        len(asked.queries),
        chunk_rows=max(1, _SCAN_VALUES // state.n),
        threads=asked.threads,
    )
    return Hits(np.concatenate(chunks), asked.wanted)


def nearest_codes(
    backend: Backend, codes: Codes, queries: Codes | Queries, depth: int
) -> Ids:
    """Return the best ``depth`` rows of every query by (code distance, row)."""
    return nearest(backend.distance(codes, queries), depth)


def nearest(distances: Distances, depth: int) -> Ids:
    """Return the ``depth`` smallest of every row, by (distance, column)."""
    best = np.empty((len(distances), depth), dtype=np.uint32)
    limits = np.partition(distances, depth - 1, axis=1)[:, depth - 1]
    for line, row, limit in zip(best, distances, limits, strict=True):
        near = np.flatnonzero(row <= limit).astype(np.uint32)
        line[:] = key_ids(np.sort(make_keys(row[near], near))[:depth])
    return best


def mark_hits(
    backend: Backend,
    vectors: Vectors | StoredVectors,
    queries: Vectors,
    candidates: Ids,
    kth: Distances,
    metric: Metric,
) -> NDArray[np.bool_]:
    """Return which candidates are no farther than each query's k-th neighbour."""
    distances = exact_distances(backend, vectors, queries, candidates, metric)
    return (candidates != NO_ID) & (distances <= kth[:, None])


def exact_distances(
    backend: Backend,
    vectors: Vectors | StoredVectors,
    queries: Vectors,
    candidates: Ids,
    metric: Metric,
) -> Distances:
    """Return the exact distance of every candidate, in its place; +inf at ``NO_ID``.

    The candidates of a query are distinct.
    """
    width = candidates.shape[1]
    rows, ranked = rerank(backend, vectors, queries, candidates, width, metric)
    # Sorted by row number, the re-ranked and the candidates line up again.
    by_row = np.argsort(rows, axis=1, kind="stable")
    order = np.argsort(candidates, axis=1, kind="stable")
    distances = np.empty_like(ranked)
    np.put_along_axis(distances, order, np.take_along_axis(ranked, by_row, 1), 1)
    return distances
