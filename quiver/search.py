"""Search: a state and queries to an answer; code, walk, re-rank, then the caller's ids.

Every walk over a finished index starts here, whoever asks.

Source: QuIVer (arXiv 2605.02171), search on the hot part and re-rank on the cold;
see docs/algorithm/search.md and docs/algorithm/rerank.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from quiver._typing import Distances, Vectors
from quiver.backends.protocol import Backend
from quiver.candidates import candidates, is_bounded, known_bounds
from quiver.encoding import encode_queries
from quiver.filters.filter import Filter
from quiver.filters.walk import answering_masks, walk_filtered
from quiver.parallel.workers import map_chunks
from quiver.params import SearchParams
from quiver.ranking import ranked
from quiver.reference.answer import Answers, Searched, answers_of
from quiver.reference.codes import Codes, Queries
from quiver.reference.horizon import Horizon
from quiver.reference.keys import (
    NO_KEY,
    key_distances,
    key_ids,
    make_keys,
    nearest_keys,
)
from quiver.reference.masks import is_marked
from quiver.reference.search import Beams, scan_counters
from quiver.rerank import is_lent, rerank
from quiver.results import SearchResult
from quiver.state import State

Filters: TypeAlias = "Sequence[Filter] | None"
"""A filter for each query, or none for all."""

SEARCH_CHUNK = 256
"""Queries per kernel call at most: 64 cost a search at ef=16 about 8 % more."""

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
    filters: Filters = None,
) -> SearchResult:
    """Return the nearest rows of every checked query; see `quiver.Index.search`."""
    found = answers(state, backend, queries, effort, threads, filters)
    return SearchResult(found, state.version)


def answers(
    state: State,
    backend: Backend,
    queries: Vectors,
    effort: SearchParams,
    threads: int = 1,
    filters: Filters = None,
) -> Answers:
    """Return the arrays of what `search` does."""
    if len(queries) == 1:
        return _answer_chunk(state, backend, queries, effort, filters)

    def answer_chunk(start: int, stop: int) -> Answers:
        part = None if filters is None else filters[start:stop]
        return _answer_chunk(state, backend, queries[start:stop], effort, part)

    chunks = map_chunks(
        answer_chunk,
        len(queries),
        chunk_rows=chunk_rows(effort.ef, state.n),
        threads=threads,
        row_work=effort.ef * state.params.max_degree,
    )
    # No queries make no chunk, but an answer of the right shape.
    return Answers.concatenate(chunks or [answer_chunk(0, 0)])


def least_scan_ef(n: int) -> int:
    """Return the ef from which on all codes are scanned instead of a walk taken."""
    return max(LEAST_SCAN_EF, n // SCAN_SHARE + 1)


def chunk_rows(ef: int, n: int) -> int:
    """Return how many queries to answer at once."""
    if ef < least_scan_ef(n):
        return SEARCH_CHUNK
    return min(SEARCH_CHUNK, max(1, SCAN_VALUES // max(1, n)))


def walk(
    state: State,
    backend: Backend,
    queries: Vectors,
    ef: int,
    filters: Filters = None,
    horizon: Horizon | None = None,
) -> Beams:
    """Return the beams of checked queries, by code distances alone.

    The best that a walk sees, or of all rows where ef is a large share of them: see
    `least_scan_ef`. They hold linked rows that may answer, or that are equal to one
    that may; all of these, by exact distance, where there is no graph.
    """
    if not state.has_graph:
        return _every_row(state, backend, queries, filters)
    coded = encode_queries(state, backend, queries)
    return _beams(state, backend, coded, ef, filters, horizon)


def _beams(
    state: State,
    backend: Backend,
    coded: Codes | Queries,
    ef: int,
    filters: Filters,
    horizon: Horizon | None,
) -> Beams:
    width = min(ef, state.n)
    if filters is not None:
        return walk_filtered(state, backend, coded, width, filters, horizon)
    if ef < least_scan_ef(state.n):
        graph = state.neighbors, coded, state.entry_points
        return backend.search(
            state.codes,
            *graph,
            width,
            allowed=state.answering,
            screened=state.is_screened,
            horizon=horizon,
        )
    keys = nearest_keys(_scan(state, backend, coded), width)
    keys[np.isinf(key_distances(keys))] = NO_KEY
    return Beams(keys, *scan_counters(state.codes, len(keys), state.n))


def scan(state: State, backend: Backend, queries: Vectors) -> Distances:
    """Return the code distances of checked queries to every row, shape (q, n).

    Those of unlinked rows are +inf: no walk measures their codes, which mean nothing;
    and those of rows that may not answer.
    """
    return _scan(state, backend, encode_queries(state, backend, queries))


def _scan(state: State, backend: Backend, coded: Codes | Queries) -> Distances:
    distances = backend.distance(state.codes, coded)
    distances[:, ~state.is_node] = np.inf
    return distances


def _answer_chunk(
    state: State,
    backend: Backend,
    queries: Vectors,
    effort: SearchParams,
    filters: Filters,
) -> Answers:
    is_walk = filters is None and effort.ef < least_scan_ef(state.n)
    if is_walk and is_lent(state.vectors) and (searched := state.searched) is not None:
        return _answer_in_one(state, searched, backend, queries, effort)
    return _answer_by_words(state, backend, queries, effort, filters)


def _answer_in_one(
    state: State,
    searched: Searched,
    backend: Backend,
    queries: Vectors,
    effort: SearchParams,
) -> Answers:
    """Answer by one word of the backend: a walk to vectors that it reads in place."""
    k, width = effort.k, min(effort.ef, state.n)
    depth = effort.n_rerank or width
    bounded = effort.n_rerank is None and is_bounded(state, width)
    asked = searched, queries, k, width, min(depth, width)
    horizon = effort.walk_horizon
    if isinstance(state.vectors, np.ndarray):
        return backend.answer(*asked, bounded=bounded, horizon=horizon)
    with state.vectors.in_place():
        return backend.answer(*asked, bounded=bounded, horizon=horizon)


def _answer_by_words(
    state: State,
    backend: Backend,
    queries: Vectors,
    effort: SearchParams,
    filters: Filters,
) -> Answers:
    bounds = None
    if state.has_graph:
        coded = encode_queries(state, backend, queries)
        asked = effort.ef, filters, effort.walk_horizon
        beams = _beams(state, backend, coded, *asked)
        if effort.n_rerank is None:
            bounds = known_bounds(state, queries, coded, beams.keys)
    else:
        beams = _every_row(state, backend, queries, filters)
    masks = answering_masks(state, filters)
    found = candidates(state, key_ids(beams.keys[:, : effort.n_rerank]), masks)
    rows, distances, reranked = ranked(
        state, backend, queries, found, bounds, effort.k, filters
    )
    costs = beams.hops, beams.distance_computations, reranked, beams.lines_read
    return answers_of(rows, distances, state.ids, *costs)


def _every_row(
    state: State, backend: Backend, queries: Vectors, filters: Filters
) -> Beams:
    """Return beams of all rows that may answer, by exact distance, without a walk."""
    rows = state.nodes
    keys = np.empty((len(queries), len(rows)), dtype=np.uint64)
    if len(rows):
        candidates = np.tile(rows, (len(queries), 1))
        asked = queries, candidates, len(rows), state.metric
        found = rerank(backend, state.vectors, *asked)
        keys[:] = make_keys(found.distances, found.ids)
    for row, one in zip(keys, filters or (), strict=False):
        row[~is_marked(one.mask, key_ids(row))] = NO_KEY
        row.sort()
    none = np.zeros(len(queries), dtype=np.int64)
    return Beams(keys, none, none, none, np.ones(len(queries), dtype=bool))
