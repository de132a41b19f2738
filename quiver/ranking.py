"""Ranking: rows ordered exactly, with all rows that come with them.

Rows equal to one of them do, and zero vectors under cosine by definition; no walk
reaches these, see `quiver.graph.unlinked`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Keys, Unlinked, Vectors
from quiver.backends.protocol import Backend
from quiver.filters.filter import Filter
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids, make_keys
from quiver.reference.rerank import Ranking
from quiver.rerank import rerank
from quiver.state import State

RANKED_TOGETHER = 256
"""Rows of one list. A kernel inserts into a list as long as it is asked for: short
ones side by side are quicker than a long one."""


def ranked_with_others(
    state: State, backend: Backend, query: Vectors, rows: Ids, own: Filter | None
) -> Keys:
    """Return exact keys of rows and of all that come with them, sorted.

    Those are the rows equal to one of them, and zero vectors under cosine.

    Parameters
    ----------
    query : ndarray of shape (dim,), float32
        One, checked.
    rows : ndarray of shape (m,), uint32
        Distinct linked rows that may answer, or that are equal to one that may.
    own : Filter or None
        The query's.
    """
    n_lists = -(-len(rows) // RANKED_TOGETHER)
    lists = np.full((n_lists, RANKED_TOGETHER), NO_ID, dtype=np.uint32)
    lists.reshape(-1)[: len(rows)] = rows
    asked = np.repeat(query[None], n_lists, axis=0)
    ranks = rerank(backend, state.vectors, asked, lists, RANKED_TOGETHER, state.metric)
    is_row = ranks.ids != NO_ID
    found, distances = ranks.ids[is_row], ranks.distances[is_row]
    unlinked = state.unlinked if own is None else own.unlinked
    equal_to, copies = unlinked.T
    starts = np.searchsorted(equal_to, found)
    counts = np.searchsorted(equal_to, found, side="right") - starts
    places = np.repeat(starts - np.cumsum(counts) + counts, counts)
    places += np.arange(len(places))
    zeros = copies[np.searchsorted(equal_to, NO_ID) :]
    is_answer = slice(None) if own is None else own.is_allowed[found]
    keys = [
        make_keys(distances[is_answer], found[is_answer]),
        make_keys(np.repeat(distances, counts), copies[places]),
        make_keys(np.ones(len(zeros), dtype=np.float32), zeros),
    ]
    return np.sort(np.concatenate(keys))


def ranked(
    state: State,
    backend: Backend,
    queries: Vectors,
    candidates: Ids,
    bounds: Distances | None,
    k: int,
    filters: Sequence[Filter] | None,
) -> Ranking:
    """Return the k nearest of the candidates and of the rows that come with them."""
    is_whole = filters is None and state.live is None
    # A candidate may stand for a row equal to it alone; the next takes its place.
    spare = 0 if is_whole or not len(state.unlinked) else candidates.shape[1] - k
    width = k + max(0, spare)
    ranking = rerank(
        backend, state.vectors, queries, candidates, width, state.metric, bounds
    )
    rows, distances, reranked = ranking
    if not len(state.unlinked):
        return ranking
    if filters is None:
        is_allowed = None if state.live is None else state.is_live
        _join_unlinked(rows, distances, state.live_unlinked, is_allowed)
    for query, one in enumerate(filters or ()):
        part = slice(query, query + 1)
        _join_unlinked(rows[part], distances[part], one.unlinked, one.is_allowed)
    return Ranking(rows[:, :k].copy(), distances[:, :k].copy(), reranked)


def _join_unlinked(
    rows: Ids,
    distances: Distances,
    unlinked: Unlinked,
    is_allowed: NDArray[np.bool_] | None,
) -> None:
    """Merge in the rows that no walk reaches: equal ones, and zero vectors at 1.

    In place: only the few answers that they belong to are written again. Rows that
    are not allowed go, when those equal to them are there.
    """
    if not len(unlinked):
        return
    k = rows.shape[1]
    equal_to, copies = unlinked.T
    zeros = copies[np.searchsorted(equal_to, NO_ID) :][:k]
    is_row = rows != NO_ID
    starts = np.searchsorted(equal_to, rows)
    # `take` would copy the whole column.
    has_copies = (equal_to[np.minimum(starts, len(equal_to) - 1)] == rows) & is_row
    is_hidden = np.zeros(rows.shape, dtype=np.bool_)
    if is_allowed is not None:
        is_hidden = is_row & ~is_allowed[np.where(is_row, rows, 0)]
    has_zeros = (len(zeros) > 0) & (distances[:, -1] >= 1)
    for query in np.flatnonzero((has_copies | is_hidden).any(axis=1) | has_zeros):
        keys = [make_keys(distances[query], rows[query])]
        keys[0][is_hidden[query]] = NO_KEY
        for place in np.flatnonzero(has_copies[query]):
            first, row = starts[query, place], rows[query, place]
            equal = copies[first : np.searchsorted(equal_to, row, side="right")][:k]
            keys.append(make_keys(np.full(len(equal), distances[query, place]), equal))
        if has_zeros[query]:
            keys.append(make_keys(np.ones(len(zeros), dtype=np.float32), zeros))
        best = np.sort(np.concatenate(keys))[:k]
        rows[query], distances[query] = key_ids(best), key_distances(best)
