"""Ranking: any number of rows ordered exactly, with all rows that come with them."""

from __future__ import annotations

import numpy as np

from quiver._typing import Ids, Keys, Vectors
from quiver.backends.protocol import Backend
from quiver.filters.filter import Filter
from quiver.reference.keys import NO_ID, make_keys
from quiver.search import rerank
from quiver.state import State

RANKED_TOGETHER = 256
"""Rows of one list. A kernel inserts into a list as long as it is asked for: short
ones side by side are quicker than a long one."""


def linked_rows(state: State) -> Ids:
    """Return the rows that a walk can reach, ascending."""
    is_linked = np.ones(state.n, dtype=np.bool_)
    is_linked[state.unlinked[:, 1]] = False
    return np.flatnonzero(is_linked).astype(np.uint32)


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
    ranked = rerank(backend, state.vectors, asked, lists, RANKED_TOGETHER, state.metric)
    found, distances = (part[ranked[0] != NO_ID] for part in ranked)
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
