"""Search: a state and queries to an answer; code, walk, re-rank, then the caller's ids.

Every walk over a finished index starts here, whoever asks.

Source: QuIVer (arXiv 2605.02171), search on the hot part and re-rank on the cold;
see docs/algorithm/search.md and docs/algorithm/rerank.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from quiver._typing import (
    AnyVectors,
    Distances,
    Ids,
    Metric,
    Unlinked,
    Vectors,
)
from quiver.backends.protocol import Backend
from quiver.encoding import encode_queries
from quiver.filters.filter import Filter
from quiver.filters.walk import walk_filtered
from quiver.parallel.workers import map_chunks
from quiver.params import SearchParams
from quiver.reference.keys import (
    NO_ID,
    NO_KEY,
    NO_RESULT,
    key_distances,
    key_ids,
    make_keys,
)
from quiver.reference.masks import is_marked
from quiver.reference.search import Beams
from quiver.results import SearchResult, SearchStats
from quiver.state import State

Filters: TypeAlias = "Sequence[Filter] | None"
"""A filter for each query, or none for all."""

SEARCH_CHUNK = 64
"""Queries per kernel call at most."""

GATHER_BYTES = 1 << 22
"""Most bytes of rows held at once, however many queries and candidates there are."""


def search(
    state: State,
    backend: Backend,
    queries: Vectors,
    effort: SearchParams,
    threads: int = 1,
    filters: Filters = None,
) -> SearchResult:
    """Return the nearest rows of every checked query; see `quiver.Index.search`."""

    def search_chunk(start: int, stop: int) -> SearchResult:
        part = None if filters is None else filters[start:stop]
        return _search_chunk(state, backend, queries[start:stop], effort, part)

    chunks = map_chunks(
        search_chunk,
        len(queries),
        chunk_rows=SEARCH_CHUNK,
        threads=threads,
        row_work=effort.ef * state.params.max_degree,
    )
    # No queries make no chunk, but an answer of the right shape.
    return SearchResult.concatenate(chunks or [search_chunk(0, 0)])


def walk(
    state: State, backend: Backend, queries: Vectors, ef: int, filters: Filters = None
) -> Beams:
    """Return the beams of checked queries, by code distances alone.

    They hold linked rows that may answer, or that are equal to one that may; all of
    these, by exact distance, where there is no graph.
    """
    if not state.has_graph:
        return _every_row(state, backend, queries, filters)
    coded = encode_queries(state, backend, queries)
    width = min(ef, state.n)
    if filters is not None:
        return walk_filtered(state, backend, coded, width, filters)
    return backend.search(
        *(state.codes, state.neighbors, coded, state.entry_points, width),
        allowed=state.answering,
    )


def scan(state: State, backend: Backend, queries: Vectors) -> Distances:
    """Return the code distances of checked queries to every row, shape (q, n).

    Those of unlinked rows are +inf: no walk measures their codes, which mean nothing;
    and those of rows that may not answer.
    """
    coded = encode_queries(state, backend, queries)
    distances = backend.distance(state.codes, coded)
    distances[:, ~state.is_node] = np.inf
    return distances


def rerank(
    backend: Backend,
    vectors: AnyVectors,
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
    state: State,
    backend: Backend,
    queries: Vectors,
    effort: SearchParams,
    filters: Filters,
) -> SearchResult:
    beams = walk(state, backend, queries, effort.ef, filters)
    candidates = key_ids(beams.keys[:, : effort.n_rerank])
    rows, distances = _ranked(state, backend, queries, candidates, effort.k, filters)
    found = rows != NO_ID
    ids = np.full(rows.shape, NO_RESULT, dtype=np.int64)
    ids[found] = state.ids[rows[found]]
    return SearchResult(
        ids=ids,
        distances=distances,
        counts=np.count_nonzero(found, axis=1),
        stats=SearchStats(
            hops=beams.hops,
            distance_computations=beams.distance_computations,
            reranked=np.count_nonzero(candidates != NO_ID, axis=1),
        ),
        version=state.version,
    )


def _every_row(
    state: State, backend: Backend, queries: Vectors, filters: Filters
) -> Beams:
    """Return beams of all rows that may answer, by exact distance, without a walk."""
    rows = np.flatnonzero(state.is_node).astype(np.uint32)
    keys = np.empty((len(queries), len(rows)), dtype=np.uint64)
    if len(rows):
        candidates = np.tile(rows, (len(queries), 1))
        ids, distances = rerank(
            *(backend, state.vectors, queries, candidates, len(rows), state.metric)
        )
        keys[:] = make_keys(distances, ids)
    for row, one in zip(keys, filters or (), strict=False):
        row[~is_marked(one.mask, key_ids(row))] = NO_KEY
        row.sort()
    none = np.zeros(len(queries), dtype=np.int64)
    return Beams(keys, none, none, np.ones(len(queries), dtype=bool))


def _ranked(
    state: State,
    backend: Backend,
    queries: Vectors,
    candidates: Ids,
    k: int,
    filters: Filters,
) -> tuple[Ids, Distances]:
    """Return the k nearest of the candidates and of the rows that come with them."""
    is_whole = not len(state.unlinked) or (filters is None and state.live is None)
    # A candidate may stand for a row equal to it alone; the next takes its place.
    width = k if is_whole else max(k, candidates.shape[1])
    rows, distances = rerank(
        backend, state.vectors, queries, candidates, width, state.metric
    )
    if not len(state.unlinked):
        return rows, distances
    if filters is None:
        is_allowed = None if state.live is None else state.is_live
        rows, distances = _with_unlinked(
            rows, distances, state.live_unlinked, is_allowed
        )
    for query, one in enumerate(filters or ()):
        part = slice(query, query + 1)
        rows[part], distances[part] = _with_unlinked(
            rows[part], distances[part], one.unlinked, one.is_allowed
        )
    return rows[:, :k].copy(), distances[:, :k].copy()


def _with_unlinked(
    rows: Ids,
    distances: Distances,
    unlinked: Unlinked,
    is_allowed: NDArray[np.bool_] | None = None,
) -> tuple[Ids, Distances]:
    """Merge in the rows that no walk reaches: equal ones, and zero vectors at 1.

    Rows that are not allowed go, when those equal to them are there.
    """
    k = rows.shape[1]
    equal_to, copies = unlinked.T
    zeros = copies[np.searchsorted(equal_to, NO_ID) :][:k]
    starts = np.searchsorted(equal_to, rows)
    stops = np.searchsorted(equal_to, rows, side="right")
    stops[rows == NO_ID] = starts[rows == NO_ID]
    keys = make_keys(distances, rows)
    if is_allowed is not None:
        is_row = rows != NO_ID
        keys[is_row & ~is_allowed[np.where(is_row, rows, 0)]] = NO_KEY
    has_zeros = (len(zeros) > 0) & (distances[:, -1] >= 1)
    for query in np.flatnonzero((stops > starts).any(axis=1) | has_zeros):
        spans = zip(starts[query], stops[query], distances[query], strict=True)
        found = [(copies[a:b][:k], d) for a, b, d in spans if b > a]
        found.append((zeros, np.float32(1)))
        extra = [make_keys(np.full(len(ids), d), ids) for ids, d in found]
        keys[query] = np.sort(np.concatenate([keys[query], *extra]))[:k]
    return key_ids(keys), key_distances(keys)
