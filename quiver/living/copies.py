"""Copies: rows that join or leave without the graph noticing.

A row equal to one of the graph is answered beside it, as in a build. When the row of
the graph is removed it stays where it is, dead, for as long as a copy of it is live;
consolidating then puts the first copy in its place.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Ids, Unlinked, Vectors
from quiver.graph.unlinked import equal_rows, sorted_pairs, zero_rows
from quiver.reference.keys import NO_ID
from quiver.state import State


def without_linked_zeros(state: State) -> State:
    """Return the state without a graph if nothing but zeros is in it, under cosine.

    A build of zero vectors alone links the first, for want of another.
    """
    is_single = state.has_graph and state.n == len(state.unlinked) + 1
    if not is_single or not zero_rows(_entry(state), state.metric).all():
        return state
    rows = np.arange(state.n, dtype=np.uint32)
    unlinked = sorted_pairs(np.full(state.n, NO_ID), rows)
    return replace(state, entry_points=state.entry_points[:0], unlinked=unlinked)


def _entry(state: State) -> Vectors:
    return state.vectors[state.entry_points[:1]]


def unlinked_among_new(
    state: State, vectors: Vectors, hashes: NDArray[np.uint64]
) -> Unlinked:
    """Return the new rows that need no edges, each with the row it is equal to.

    Parameters
    ----------
    state : State
        Before the new rows.
    vectors : ndarray of shape (m, dim), float32
        The new rows, which follow those of the state.
    hashes : ndarray of shape (n + m,), uint64
        Of the codes of all rows.
    """
    n, m = state.n, len(vectors)
    is_zero = zero_rows(vectors, state.metric)
    equal_to = np.full(m, NO_ID)
    if state.has_graph:
        originals, copies = equal_rows(vectors).T
        equal_to[copies] = originals + np.uint32(n)
        firsts = np.flatnonzero((equal_to == NO_ID) & ~is_zero)
        equal_to[firsts] = _equal_nodes(state, vectors[firsts], hashes, firsts + n)
        known = equal_to[originals]
        equal_to[copies] = np.where(known == NO_ID, originals + np.uint32(n), known)
    equal_to[is_zero] = NO_ID
    chosen = np.flatnonzero(is_zero | (equal_to != NO_ID))
    return sorted_pairs(equal_to[chosen], (chosen + n).astype(np.uint32))


def _equal_nodes(
    state: State,
    vectors: Vectors,
    hashes: NDArray[np.uint64],
    rows: NDArray[np.intp],
) -> Ids:
    """Return for each new row a node of the graph that equals it, or ``NO_ID``.

    Equal vectors have equal codes, and these are in memory.
    """
    # A last one, so that there is always one that is not smaller.
    wanted = np.append(np.unique(hashes[rows]), np.uint64(2**64 - 1))
    is_wanted = wanted[np.searchsorted(wanted, hashes[: state.n])] == hashes[: state.n]
    near = np.flatnonzero(is_wanted & state.is_node)
    near = near[np.argsort(hashes[near], kind="stable")]
    first = np.searchsorted(hashes[near], hashes[rows])
    stop = np.searchsorted(hashes[near], hashes[rows], side="right")
    equal_to = np.full(len(rows), NO_ID)
    # Equal hashes prove nothing; the next node of the same may be the one.
    while (open_ := np.flatnonzero((first < stop) & (equal_to == NO_ID))).size:
        nodes = near[first[open_]]
        is_equal = (state.vectors[nodes] == vectors[open_]).all(axis=1)
        equal_to[open_[is_equal]] = nodes[is_equal]
        first[open_] += 1
    return equal_to


def promoted(state: State) -> State:
    """Return the state with a live copy in the place of every removed row it equals.

    The first live copy takes the edges, in both directions; the removed row keeps
    none.
    """
    equal_to, copies = state.live_unlinked.T
    is_host = equal_to != NO_ID
    hosts, first = np.unique(equal_to[is_host], return_index=True)
    is_dead = ~state.is_live[hosts]
    hosts, heirs = hosts[is_dead], copies[is_host][first[is_dead]]
    if not len(hosts):
        return state
    named = np.append(np.arange(state.n, dtype=np.uint32), NO_ID)
    named[hosts] = heirs
    places = np.minimum(state.neighbors, np.uint32(state.n))
    neighbors = named[places]
    neighbors[heirs] = neighbors[hosts]
    neighbors[hosts] = NO_ID
    unlinked = state.live_unlinked[~np.isin(copies, heirs)]
    unlinked = sorted_pairs(
        named[np.minimum(unlinked[:, 0], np.uint32(state.n))], unlinked[:, 1]
    )
    entry_points = named[state.entry_points]
    return replace(
        state, neighbors=neighbors, unlinked=unlinked, entry_points=entry_points
    )
