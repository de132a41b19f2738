"""Search: a state and queries to an answer; code, walk, re-rank, then the caller's ids.

Every walk over a finished index starts here, whoever asks.

Source: QuIVer (arXiv 2605.02171), search on the hot part and re-rank on the cold;
see docs/algorithm/search.md and docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Distances, Ids, Metric, StoredVectors, Unlinked, Vectors
from quiver.backends.protocol import Backend
from quiver.encoding import encode_queries
from quiver.parallel.workers import map_chunks
from quiver.params import SearchParams
from quiver.reference.keys import (
    NO_ID,
    NO_RESULT,
    key_distances,
    key_ids,
    make_keys,
)
from quiver.reference.search import Beams
from quiver.results import SearchResult, SearchStats
from quiver.state import State

SEARCH_CHUNK = 256
"""Queries per kernel call at most: 64 cost a search at ef=16 about 8 % more."""

GATHER_BYTES = 1 << 22
"""Most bytes of rows held at once, however many queries and candidates there are."""


def search(
    state: State,
    backend: Backend,
    queries: Vectors,
    effort: SearchParams,
    threads: int = 1,
) -> SearchResult:
    """Return the nearest rows of every checked query; see `quiver.Index.search`."""
    chunks = map_chunks(
        lambda start, stop: _search_chunk(state, backend, queries[start:stop], effort),
        len(queries),
        chunk_rows=SEARCH_CHUNK,
        threads=threads,
        row_work=effort.ef * state.params.max_degree,
    )
    # No queries make no chunk, but an answer of the right shape.
    return SearchResult.concatenate(
        chunks or [_search_chunk(state, backend, queries, effort)]
    )


def walk(state: State, backend: Backend, queries: Vectors, ef: int) -> Beams:
    """Return the beams of checked queries, by code distances alone."""
    coded = encode_queries(state, backend, queries)
    width = min(ef, state.n)
    return backend.search(
        state.codes, state.neighbors, coded, state.entry_points, width
    )


def scan(state: State, backend: Backend, queries: Vectors) -> Distances:
    """Return the code distances of checked queries to every row, shape (q, n).

    Those of unlinked rows are +inf: no walk measures their codes, which mean nothing.
    """
    coded = encode_queries(state, backend, queries)
    distances = backend.distance(state.codes, coded)
    distances[:, state.unlinked[:, 1]] = np.inf
    return distances


def rerank(
    backend: Backend,
    vectors: Vectors | StoredVectors,
    queries: Vectors,
    candidates: Ids,
    k: int,
    metric: Metric,
) -> tuple[Ids, Distances]:
    """Re-rank by vectors in memory or cold; the same answer from either.

    Parameters and returns are those of `quiver.backends.protocol.Backend.rerank`.
    """
    if isinstance(vectors, np.ndarray):
        return backend.rerank(vectors, queries, candidates, k, metric)
    # A kernel hides the latency of cached rows better than a copy does.
    if not vectors.needs_copy:
        with vectors.in_place() as rows:
            return backend.rerank(rows, queries, candidates, k, metric)
    row_bytes = 4 * vectors.shape[1] * max(1, candidates.shape[1])
    step = max(1, GATHER_BYTES // row_bytes)
    ids = np.empty((len(queries), k), dtype=np.uint32)
    distances = np.empty((len(queries), k), dtype=np.float32)
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        needed = np.unique(candidates[part][candidates[part] != NO_ID])
        # The end mark renumbers to the position past the last row and back.
        positions = np.append(needed, NO_ID)
        local = np.searchsorted(needed, candidates[part]).astype(np.uint32)
        local[candidates[part] == NO_ID] = NO_ID
        rows = vectors.gather(needed)
        best, distances[part] = backend.rerank(rows, queries[part], local, k, metric)
        ids[part] = positions[np.minimum(best, len(needed))]
    return ids, distances


def _search_chunk(
    state: State, backend: Backend, queries: Vectors, effort: SearchParams
) -> SearchResult:
    beams = walk(state, backend, queries, effort.ef)
    candidates = key_ids(beams.keys[:, : effort.n_rerank])
    rows, distances = rerank(
        backend, state.vectors, queries, candidates, effort.k, state.metric
    )
    if len(state.unlinked):
        rows, distances = _with_unlinked(rows, distances, state.unlinked)
    found = rows != NO_ID
    return SearchResult(
        ids=np.where(found, state.ids[np.where(found, rows, 0)], NO_RESULT),
        distances=distances,
        counts=np.count_nonzero(found, axis=1),
        stats=SearchStats(
            hops=beams.hops,
            distance_computations=beams.distance_computations,
            reranked=np.count_nonzero(candidates != NO_ID, axis=1),
        ),
    )


def _with_unlinked(
    rows: Ids, distances: Distances, unlinked: Unlinked
) -> tuple[Ids, Distances]:
    """Merge in the rows that no walk reaches: equal ones, and zero vectors at 1.

    In place: only the few answers that they belong to are written again.
    """
    k = rows.shape[1]
    equal_to, copies = unlinked.T
    zeros = copies[np.searchsorted(equal_to, NO_ID) :][:k]
    starts = np.searchsorted(equal_to, rows)
    has_copies = (equal_to.take(starts, mode="clip") == rows) & (rows != NO_ID)
    has_zeros = (len(zeros) > 0) & (distances[:, -1] >= 1)
    for query in np.flatnonzero(has_copies.any(axis=1) | has_zeros):
        keys = [make_keys(distances[query], rows[query])]
        for place in np.flatnonzero(has_copies[query]):
            first, row = starts[query, place], rows[query, place]
            equal = copies[first : np.searchsorted(equal_to, row, side="right")][:k]
            keys.append(make_keys(np.full(len(equal), distances[query, place]), equal))
        if has_zeros[query]:
            keys.append(make_keys(np.ones(len(zeros), dtype=np.float32), zeros))
        best = np.sort(np.concatenate(keys))[:k]
        rows[query], distances[query] = key_ids(best), key_distances(best)
    return rows, distances
