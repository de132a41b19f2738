"""Hits: which candidates are true neighbours, in the order the codes put them.

One walk or scan per query then answers every question about depth: recall with any
``n_rerank`` is the share of hits among the first so many candidates.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Counts, Distances, Ids, Lanes, Metric, Vectors
from quiver.backends.protocol import Backend
from quiver.codes import Codes, Queries
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.exact import exact_knn
from quiver.index import Index
from quiver.keys import NO_ID, key_ids, make_keys
from quiver.parallel import map_chunks
from quiver.storage.cold import ColdVectors, rerank_stored
from quiver.validation import as_vectors

WALK_CHUNK = 64
"""Queries per kernel call of a walk."""

# Distances of a few queries to every row, held at once by each thread.
_SCAN_VALUES = 1 << 22


class Exact(Protocol):
    """What can tell exact distances: an `Index`, or a sample with a backend."""

    @property
    def backend(self) -> Backend:
        """Kernels."""

    @property
    def vectors(self) -> Vectors | ColdVectors:
        """The base."""

    @property
    def metric(self) -> Metric:
        """The exact metric."""


class Hits(NamedTuple):
    """Candidates of every query in code order, marked where they are neighbours.

    Attributes
    ----------
    marks : ndarray of shape (q, m), bool
        Whether a candidate is no farther than the k-th true neighbour.
    k : int
        True neighbours of each query.
    """

    marks: NDArray[np.bool_]
    k: int

    def shares(self, depth: int) -> Lanes:
        """Return each query's share of the k found among the first ``depth``."""
        found = np.count_nonzero(self.marks[:, :depth], axis=1)
        return np.minimum(found, self.k) / self.k


class Walk(NamedTuple):
    """Hits of a beam search, with its counters."""

    hits: Hits
    hops: Counts
    distance_computations: Counts


def checked_queries(index: Index, queries: Any) -> Vectors:
    """Return queries of an index as float32; at least one is required."""
    wanted = as_vectors(queries, "queries", metric=index.metric, dim=index.dim)
    if not len(wanted):
        msg = f"queries must have at least 1 row, got shape {wanted.shape}"
        raise InvalidArgumentError(msg)
    return wanted


def true_distances(
    index: Index, queries: Vectors, ground_truth: AnyArray | None, k: int
) -> Distances:
    """Return the exact distances of the k true neighbours, shape (q, k).

    Parameters
    ----------
    index : Index
        Its stored vectors are the base.
    queries : ndarray of shape (q, dim), float32
        Checked already.
    ground_truth : array_like of shape (q, >= k), optional
        The caller's ids of the true neighbours, best first; computed if not given.
    k : int
        1 … n.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If the ground truth is not k ids of the index for every query.
    """
    if ground_truth is None:
        return exact_knn(index.vectors, queries, k, metric=index.metric)[1]
    rows = _rows_of(index, _checked_ids(ground_truth, len(queries), k))
    _, distances = rerank_stored(
        index.backend, index.vectors, queries, rows, k, index.metric
    )
    return distances


def walk_hits(
    index: Index, queries: Vectors, kth: Distances, k: int, ef: int, threads: int
) -> Walk:
    """Walk the graph for every query and mark the whole beam."""

    def walk(start: int, stop: int) -> tuple[AnyArray, AnyArray, AnyArray]:
        part = queries[start:stop]
        beams = index.backend.search(
            index.codes,
            index.neighbors,
            index.code_queries(part),
            index.entry_point,
            min(ef, index.n),
        )
        marks = mark_hits(index, part, key_ids(beams.keys), kth[start:stop])
        return marks, beams.hops, beams.distance_computations

    chunks = map_chunks(walk, len(queries), chunk_rows=WALK_CHUNK, threads=threads)
    marks, hops, computations = (
        np.concatenate(part) for part in zip(*chunks, strict=True)
    )
    return Walk(Hits(marks, k), hops, computations)


def scan_hits(
    index: Index, queries: Vectors, kth: Distances, k: int, depth: int, threads: int
) -> Hits:
    """Rank every row by its code for every query and mark the best ``depth``."""
    depth = min(depth, index.n)

    def scan(start: int, stop: int) -> NDArray[np.bool_]:
        part = queries[start:stop]
        best = nearest_codes(
            index.backend, index.codes, index.code_queries(part), depth
        )
        return mark_hits(index, part, best, kth[start:stop])

    rows = max(1, _SCAN_VALUES // index.n)
    chunks = map_chunks(scan, len(queries), chunk_rows=rows, threads=threads)
    return Hits(np.concatenate(chunks), k)


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
    exact: Exact, queries: Vectors, candidates: Ids, kth: Distances
) -> NDArray[np.bool_]:
    """Return which candidates are no farther than each query's k-th neighbour."""
    width = candidates.shape[1]
    rows, distances = rerank_stored(
        exact.backend, exact.vectors, queries, candidates, width, exact.metric
    )
    near = (rows != NO_ID) & (distances <= kth[:, None])
    # Sorted by row number, the re-ranked and the candidates line up again.
    by_row = np.take_along_axis(near, np.argsort(rows, axis=1, kind="stable"), axis=1)
    marks = np.empty_like(near)
    order = np.argsort(candidates, axis=1, kind="stable")
    np.put_along_axis(marks, order, by_row, axis=1)
    return marks


def _checked_ids(ground_truth: AnyArray, n_queries: int, k: int) -> AnyArray:
    ids = np.asarray(ground_truth)
    if ids.dtype.kind not in "iu":
        msg = f"ground_truth must hold integer ids, got dtype {ids.dtype}"
        raise InvalidTypeError(msg)
    if ids.ndim != 2 or len(ids) != n_queries or ids.shape[1] < k:
        msg = (
            f"ground_truth must have shape ({n_queries}, >= {k}): k ids for every "
            f"query, got {ids.shape}"
        )
        raise InvalidArgumentError(msg)
    return ids[:, :k]


def _rows_of(index: Index, ids: AnyArray) -> Ids:
    order = np.argsort(index.ids, kind="stable")
    places = np.searchsorted(index.ids, ids, sorter=order)
    rows = order[np.minimum(places, index.n - 1)]
    absent = index.ids[rows] != ids
    if absent.any():
        msg = f"ground_truth must name ids of the index, got {ids[absent][0]}"
        raise InvalidArgumentError(msg)
    return rows.astype(np.uint32)
