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
    Keys,
    Unlinked,
    Vectors,
)
from quiver.backends.protocol import Backend
from quiver.encoding import encode_queries
from quiver.parallel.workers import map_chunks
from quiver.params import SearchParams
from quiver.reference.bounds import LEAST_DIM, SHORT_BEAM, lower_bounds
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
from quiver.reference.lanes import lane_sum
from quiver.reference.search import Beams
from quiver.rerank import rerank
from quiver.results import SearchResult, SearchStats
from quiver.state import State

SEARCH_CHUNK = 64
"""Queries per kernel call at most."""

SCAN_VALUES = 1 << 22
"""Distances of a few queries to every row, held at once by each thread."""

SCAN_SHARE, LEAST_SCAN_EF = 30, 512
"""An ef past both n / 30 and 512 is faster served by a scan of all codes than by a
walk, of 5 000 rows as of 100 000; measured in docs/algorithm/search.md."""


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


def _search_chunk(
    state: State, backend: Backend, queries: Vectors, effort: SearchParams
) -> SearchResult:
    coded = encode_queries(state, backend, queries)
    beams = _beams(state, backend, coded, effort.ef)
    candidates = key_ids(beams.keys[:, : effort.n_rerank])
    bounds = None
    if effort.n_rerank is None:
        bounds = _known_bounds(state, queries, coded, beams.keys)
    rows, distances, reranked = rerank(
        backend, state.vectors, queries, candidates, effort.k, state.metric, bounds
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


def _known_bounds(
    state: State, queries: Vectors, coded: Codes | Queries, keys: Keys
) -> Distances | None:
    """Return what the distances of a beam are at least; None if nothing is known."""
    has_known_error = state.encoding.rotate and state.dim >= LEAST_DIM
    is_short = keys.shape[1] <= SHORT_BEAM[state.codes.bits]
    if isinstance(coded, Codes) or is_short or not has_known_error:
        return None
    # The codes are those of the rows before they were rounded.
    if not isinstance(state.vectors, np.ndarray) and state.vectors.is_rounded:
        return None
    shifts = np.zeros(len(queries))
    if state.metric == "inner_product":
        shifts = lane_sum(queries.astype(np.float64) * state.transform.mean)
    bounds = lower_bounds(state.codes, coded, keys, state.metric, shifts)
    bounds[(queries != 0).sum(axis=1) < LEAST_DIM] = -np.inf
    return bounds


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
