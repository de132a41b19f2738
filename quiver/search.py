"""Search: a state and queries to an answer; code, walk, re-rank, then the caller's ids.

Every walk over a finished index starts here, whoever asks.

Source: QuIVer (arXiv 2605.02171), search on the hot part and re-rank on the cold;
see docs/algorithm/search.md and docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import (
    Distances,
    Ids,
    Metric,
    StoredVectors,
    Unlinked,
    Vectors,
)
from quiver.backends.protocol import Backend
from quiver.candidates import candidates, known_bounds
from quiver.encoding import encode_queries
from quiver.parallel.workers import map_chunks
from quiver.params import SearchParams
from quiver.reference.codes import Codes, Queries
from quiver.reference.keys import (
    NO_ID,
    NO_KEY,
    NO_RESULT,
    key_distances,
    key_ids,
    make_keys,
    nearest_keys,
)
from quiver.reference.rerank import Ranking, unbounded
from quiver.reference.search import Beams
from quiver.results import SearchResult, SearchStats
from quiver.state import State

SEARCH_CHUNK = 64
"""Queries per kernel call at most."""

SCAN_VALUES = 1 << 22
"""Distances of a few queries to every row, held at once by each thread."""

SCAN_SHARE, LEAST_SCAN_EF = 30, 512
"""An ef past both n / 30 and 512 is faster served by a scan of all codes than by a
walk, of 5 000 rows as of 100 000; measured in docs/algorithm/search.md."""

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
        chunk_rows=chunk_rows(effort.ef, state.n),
        threads=threads,
        row_work=effort.ef * state.params.max_degree,
    )
    # No queries make no chunk, but an answer of the right shape.
    return SearchResult.concatenate(
        chunks or [_search_chunk(state, backend, queries, effort)]
    )


def least_scan_ef(n: int) -> int:
    """Return the ef from which on all codes are scanned instead of a walk taken."""
    return max(LEAST_SCAN_EF, n // SCAN_SHARE + 1)


def chunk_rows(ef: int, n: int) -> int:
    """Return how many queries to answer at once."""
    if ef < least_scan_ef(n):
        return SEARCH_CHUNK
    return min(SEARCH_CHUNK, max(1, SCAN_VALUES // n))


def walk(state: State, backend: Backend, queries: Vectors, ef: int) -> Beams:
    """Return the beams of checked queries, by code distances alone.

    The best that a walk sees, or of all rows where ef is a large share of them: see
    `least_scan_ef`.
    """
    return _beams(state, backend, encode_queries(state, backend, queries), ef)


def _beams(state: State, backend: Backend, coded: Codes | Queries, ef: int) -> Beams:
    width = min(ef, state.n)
    if ef < least_scan_ef(state.n):
        graph = state.neighbors, coded, state.entry_points
        return backend.search(state.codes, *graph, width)
    keys = nearest_keys(_scan(state, backend, coded), width)
    keys[np.isinf(key_distances(keys))] = NO_KEY
    n_queries = len(keys)
    return Beams(
        keys,
        hops=np.zeros(n_queries, dtype=np.int64),
        distance_computations=np.full(n_queries, state.n),
    )


def scan(state: State, backend: Backend, queries: Vectors) -> Distances:
    """Return the code distances of checked queries to every row, shape (q, n).

    Those of unlinked rows are +inf: no walk measures their codes, which mean nothing.
    """
    return _scan(state, backend, encode_queries(state, backend, queries))


def _scan(state: State, backend: Backend, coded: Codes | Queries) -> Distances:
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
    bounds: Distances | None = None,
) -> Ranking:
    """Re-rank by vectors in memory or cold; the same answer and count from either.

    Parameters and returns are those of `quiver.backends.protocol.Backend.rerank`.
    """
    if isinstance(vectors, np.ndarray):
        return backend.rerank(vectors, queries, candidates, k, metric, bounds)
    # A kernel hides the latency of cached rows better than a copy does.
    if not vectors.needs_copy:
        with vectors.in_place() as rows:
            return backend.rerank(rows, queries, candidates, k, metric, bounds)
    least = unbounded(candidates) if bounds is None else bounds
    row_bytes = 4 * vectors.shape[1] * max(1, candidates.shape[1])
    step = max(1, GATHER_BYTES // row_bytes)
    ranking = Ranking.empty(len(queries), k)
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        asked = queries[part], candidates[part], k, metric, least[part]
        found = _rerank_copies(backend, vectors, *asked)
        ranking.ids[part], ranking.distances[part], ranking.reranked[part] = found
    return ranking


def _rerank_copies(
    backend: Backend,
    vectors: StoredVectors,
    queries: Vectors,
    candidates: Ids,
    k: int,
    metric: Metric,
    bounds: Distances,
) -> Ranking:
    """Re-rank by copies of the rows that can matter, once the first k are known."""
    if np.isfinite(bounds[:, k:]).any():
        least = unbounded(candidates[:, :k])
        nearest = _rerank_copies(
            backend, vectors, queries, candidates[:, :k], k, metric, least
        )
        # What comes later is held against k rows at least as near as these.
        passed_over = bounds > nearest.distances[:, -1:]
        passed_over[:, :k] = False
        candidates = np.where(passed_over, NO_ID, candidates)
    needed = np.unique(candidates[candidates != NO_ID])
    # The end mark renumbers to the position past the last row and back.
    positions = np.append(needed, NO_ID)
    local = np.searchsorted(needed, candidates).astype(np.uint32)
    local[candidates == NO_ID] = NO_ID
    rows = vectors.gather(needed)
    found = backend.rerank(rows, queries, local, k, metric, bounds)
    return found._replace(ids=positions[np.minimum(found.ids, len(needed))])


def _search_chunk(
    state: State, backend: Backend, queries: Vectors, effort: SearchParams
) -> SearchResult:
    coded = encode_queries(state, backend, queries)
    beams = _beams(state, backend, coded, effort.ef)
    asked = candidates(state, key_ids(beams.keys[:, : effort.n_rerank]))
    bounds = None
    if effort.n_rerank is None:
        bounds = known_bounds(state, queries, coded, beams.keys)
    rows, distances, reranked = rerank(
        backend, state.vectors, queries, asked, effort.k, state.metric, bounds
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
            reranked=reranked,
        ),
    )


def _with_unlinked(
    rows: Ids, distances: Distances, unlinked: Unlinked
) -> tuple[Ids, Distances]:
    """Merge in the rows that no walk reaches: equal ones, and zero vectors at 1."""
    k = rows.shape[1]
    equal_to, copies = unlinked.T
    zeros = copies[np.searchsorted(equal_to, NO_ID) :][:k]
    starts = np.searchsorted(equal_to, rows)
    stops = np.searchsorted(equal_to, rows, side="right")
    stops[rows == NO_ID] = starts[rows == NO_ID]
    keys = make_keys(distances, rows)
    has_zeros = (len(zeros) > 0) & (distances[:, -1] >= 1)
    for query in np.flatnonzero((stops > starts).any(axis=1) | has_zeros):
        spans = zip(starts[query], stops[query], distances[query], strict=True)
        found = [(copies[a:b][:k], d) for a, b, d in spans if b > a]
        found.append((zeros, np.float32(1)))
        extra = [make_keys(np.full(len(ids), d), ids) for ids, d in found]
        keys[query] = np.sort(np.concatenate([keys[query], *extra]))[:k]
    return key_ids(keys), key_distances(keys)
