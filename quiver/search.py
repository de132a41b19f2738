"""Search: a state and queries to an answer; code, walk, re-rank, then the caller's ids.

Every walk over a finished index starts here, whoever asks.

Source: QuIVer (arXiv 2605.02171), search on the hot part and re-rank on the cold;
see docs/algorithm/search.md and docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import AnyVectors, Distances, Ids, Metric, Vectors
from quiver.backends.protocol import Backend
from quiver.encoding import encode_queries
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
    if not state.has_graph:
        return _every_row(state, backend, queries)
    coded = encode_queries(state, backend, queries)
    width = min(ef, state.n)
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
    state: State, backend: Backend, queries: Vectors, effort: SearchParams
) -> SearchResult:
    beams = walk(state, backend, queries, effort.ef)
    candidates = key_ids(beams.keys[:, : effort.n_rerank])
    depth = effort.k
    if state.live is not None and len(state.unlinked):
        # A removed row at the distance of others must not take the place of one.
        depth = max(depth, candidates.shape[1])
    rows, distances = rerank(
        backend, state.vectors, queries, candidates, depth, state.metric
    )
    if len(state.unlinked):
        rows, distances = _with_unlinked(rows, distances, state)
    rows, distances = rows[:, : effort.k], distances[:, : effort.k]
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


def _every_row(state: State, backend: Backend, queries: Vectors) -> Beams:
    """Return beams of all live rows, by exact distance, where there is no graph.

    Rows that are answered by definition are left out, as of any beam.
    """
    rows = np.flatnonzero(state.is_node).astype(np.uint32)
    keys = np.empty((len(queries), len(rows)), dtype=np.uint64)
    if len(rows):
        candidates = np.tile(rows, (len(queries), 1))
        ids, distances = rerank(
            *(backend, state.vectors, queries, candidates, len(rows), state.metric)
        )
        keys[:] = make_keys(distances, ids)
    none = np.zeros(len(queries), dtype=np.int64)
    return Beams(keys, none, none, np.ones(len(queries), dtype=bool))


def _with_unlinked(
    rows: Ids, distances: Distances, state: State
) -> tuple[Ids, Distances]:
    """Merge in the rows that no walk reaches: equal ones, and zero vectors at 1.

    Rows that were removed and only stand for their copies are left out.
    """
    k = rows.shape[1]
    equal_to, copies = state.live_unlinked.T
    zeros = copies[np.searchsorted(equal_to, NO_ID) :][:k]
    starts = np.searchsorted(equal_to, rows)
    stops = np.searchsorted(equal_to, rows, side="right")
    stops[rows == NO_ID] = starts[rows == NO_ID]
    keys = make_keys(distances, rows)
    if state.live is not None:
        keys[~is_marked(state.live, rows)] = NO_KEY
    has_zeros = (len(zeros) > 0) & (distances[:, -1] >= 1)
    for query in np.flatnonzero((stops > starts).any(axis=1) | has_zeros):
        spans = zip(starts[query], stops[query], distances[query], strict=True)
        found = [(copies[a:b][:k], d) for a, b, d in spans if b > a]
        found.append((zeros, np.float32(1)))
        extra = [make_keys(np.full(len(ids), d), ids) for ids, d in found]
        keys[query] = np.sort(np.concatenate([keys[query], *extra]))[:k]
    return key_ids(keys), key_distances(keys)
