"""Hits: which candidates are true neighbours, in the order the codes put them.

One walk or scan per query then answers every question about depth: recall with any
``n_rerank`` is the share of hits among the first so many candidates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import (
    AnyArray,
    Counts,
    Distances,
    Ids,
    Lanes,
    Unlinked,
    Vectors,
)
from quiver.backends.protocol import Backend
from quiver.candidates import candidates
from quiver.filters.walk import answering_masks
from quiver.parallel.workers import map_chunks
from quiver.recall.marks import mark_hits, mark_near
from quiver.reference.codes import Codes, Queries
from quiver.reference.horizon import Horizon
from quiver.reference.keys import NO_ID, key_ids, nearest_keys
from quiver.reference.masks import is_marked
from quiver.search import SCAN_VALUES, Filters, chunk_rows, scan, walk
from quiver.state import State


class Hits(NamedTuple):
    """Candidates of every query in code order, marked where they are neighbours.

    Attributes
    ----------
    marks : ndarray of shape (q, m), bool or int64
        Whether a candidate is no farther than the k-th true neighbour; of an index,
        how many such rows it brings, since equal ones come with it.
    k : int or ndarray of shape (q,), int64
        True neighbours of each query.
    always : ndarray of shape (q, m), bool, or False
        Which are read at any depth, as long entry points are.
    """

    marks: NDArray[np.bool_] | Counts
    k: int | Counts
    always: NDArray[np.bool_] | bool = False

    def shares(self, depth: int) -> Lanes:
        """Return each query's share of the k found if ``depth`` candidates are read.

        Where there is nothing to find, nothing is missed.
        """
        found = self.marks[:, :depth].sum(axis=1)
        found += (self.marks * self.always)[:, depth:].sum(axis=1)
        shares = np.minimum(found, self.k) / np.maximum(self.k, 1)
        return np.where(self.k == np.int64(0), 1.0, shares)


class Walk(NamedTuple):
    """Hits of a beam search, with its counters."""

    hits: Hits
    hops: Counts
    distance_computations: Counts


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
    near : ndarray of shape (q, m), uint32, optional
        All rows within ``kth``, filled with ``NO_ID``: known, none is measured.
    """

    state: State
    backend: Backend
    queries: Vectors
    kth: Distances
    k: int
    threads: int
    filters: Filters = None
    near: Ids | None = None

    @property
    def wanted(self) -> int | Counts:
        """True neighbours of each query: k, or the rows that may answer if fewer."""
        if self.filters is None:
            return self.k
        return np.array([min(self.k, len(one)) for one in self.filters], np.int64)

    def part(self, start: int, stop: int) -> Filters:
        """Return the filters of some queries."""
        return None if self.filters is None else self.filters[start:stop]

    def first(self, n: int) -> Asked:
        """Return what the first queries ask."""
        near = None if self.near is None else self.near[:n]
        return self._replace(
            queries=self.queries[:n],
            kth=self.kth[:n],
            filters=self.part(0, n),
            near=near,
        )

    def mark(self, start: int, beam: Ids) -> tuple[Counts, NDArray[np.bool_]]:
        """Count the hits that each candidate of the queries from ``start`` on brings.

        Those are itself and the rows equal to it. Zero vectors come with every answer:
        the first candidate brings them. Told as well is which are always read.
        """
        part = slice(start, start + len(beam))
        state, kth = self.state, self.kth[part]
        filters = self.part(start, start + len(beam))
        rows = candidates(state, beam, answering_masks(state, filters))
        if self.near is None:
            hits = mark_hits(
                *(self.backend, state.vectors, self.queries[part], rows),
                *(kth, state.metric),
            )
        else:
            hits = mark_near(rows, self.near[part])
        is_long = np.isin(rows, state.long_entry_points)
        if filters is None:
            counts = _with_equal(hits, rows, kth, state.live_unlinked)
            # A row that was removed brings only the live ones that are equal to it.
            if state.live is not None:
                counts -= hits & ~is_marked(state.live, rows)
            return counts, is_long
        counts = np.empty(hits.shape, dtype=np.int64)
        for number, one in enumerate(filters):
            line = slice(number, number + 1)
            brought = hits[line], rows[line], kth[line]
            counts[line] = _with_equal(*brought, one.unlinked)
            # A candidate that stands for rows equal to it alone is none itself.
            hit_rows = np.where(hits[line], rows[line], 0)
            counts[line] -= hits[line] & ~one.is_allowed[hit_rows]
        return counts, is_long


def _with_equal(
    hits: NDArray[np.bool_], candidates: Ids, kth: Distances, unlinked: Unlinked
) -> Counts:
    """Count with each hit the rows equal to it, and with the first the zero vectors."""
    equal_to = unlinked[:, 0]
    first = np.searchsorted(equal_to, candidates)
    counts = hits * (1 + np.searchsorted(equal_to, candidates, "right") - first)
    counts[:, 0] += np.count_nonzero(equal_to == NO_ID) * (kth >= 1)
    return counts


def walk_hits(asked: Asked, ef: int, horizon: Horizon | None = None) -> Walk:
    """Walk the graph for every query and mark the whole beam."""

    def walk_chunk(start: int, stop: int) -> tuple[AnyArray, ...]:
        queries, own = asked.queries[start:stop], asked.part(start, stop)
        beams = walk(asked.state, asked.backend, queries, ef, own, horizon)
        marks = asked.mark(start, key_ids(beams.keys))
        return *marks, beams.hops, beams.distance_computations

    chunks = map_chunks(
        walk_chunk,
        len(asked.queries),
        chunk_rows=chunk_rows(ef, asked.state.n),
        threads=asked.threads,
    )
    marks, always, hops, computations = _joined(chunks)
    return Walk(Hits(marks, asked.wanted, always), hops, computations)


def scan_hits(asked: Asked, depth: int) -> Hits:
    """Rank every row by its code for every query and mark the best ``depth``."""
    state = asked.state
    depth = min(depth, state.n_nodes)
    every_row = np.arange(state.n, dtype=np.uint32)

    def scan_chunk(start: int, stop: int) -> tuple[AnyArray, ...]:
        distances = scan(state, asked.backend, asked.queries[start:stop])
        for row, one in zip(distances, asked.part(start, stop) or (), strict=False):
            row[np.isin(every_row, one.nodes, invert=True)] = np.inf
        candidates = nearest(distances, depth)
        found = np.take_along_axis(distances, candidates.astype(np.intp), axis=1)
        return asked.mark(start, np.where(found < np.inf, candidates, NO_ID))

    chunks = map_chunks(
        scan_chunk,
        len(asked.queries),
        chunk_rows=max(1, SCAN_VALUES // max(1, state.n)),
        threads=asked.threads,
    )
    marks, always = _joined(chunks)
    return Hits(marks, asked.wanted, always)


def _joined(chunks: list[tuple[AnyArray, ...]]) -> list[AnyArray]:
    return [np.concatenate(part) for part in zip(*chunks, strict=True)]


def nearest_codes(
    backend: Backend, codes: Codes, queries: Codes | Queries, depth: int
) -> Ids:
    """Return the best ``depth`` rows of every query by (code distance, row)."""
    return nearest(backend.distance(codes, queries), depth)


def nearest(distances: Distances, depth: int) -> Ids:
    """Return the ``depth`` smallest of every row, by (distance, column)."""
    return key_ids(nearest_keys(distances, depth))
