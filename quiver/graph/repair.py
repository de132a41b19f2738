"""Repair: every list lets go of its dead rows and takes what lay behind them.

A live row with dead neighbours chooses anew among its live neighbours and the live
neighbours of the dead ones, and those it chooses take it, as in an insertion. What is
chosen from is read from the graph as it was, so the order cannot matter.

Source: FreshDiskANN (arXiv 2105.09613), Algorithm 4; the limit to ``2 · max_degree``
candidates and the edges back are quiver's own. See docs/algorithm/change.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Ids, Keys, Neighbors
from quiver.graph.insertion import CHUNK_ROWS, GrowingGraph, add_reverse_edges
from quiver.parallel.workers import Workers
from quiver.reference.keys import NO_ID, NO_KEY, key_ids
from quiver.reference.masks import marked_rows

CANDIDATES = 2
"""Candidates that a list is chosen from, as a multiple of max_degree: without a limit
lists grow where the degree bound does not bind."""

STARVED = 4
"""With fewer candidates than a fourth of max_degree, a row looks for others."""

REVERSE_ROWS = 1 << 14
"""Rows that are offered to their neighbours at a time, to bound memory."""


def repair(graph: GrowingGraph, workers: Workers) -> Neighbors:
    """Return the lists of a graph without a row that is not allowed.

    Lists of live rows without a dead neighbour stay as they are; those of dead rows
    are empty.

    Parameters
    ----------
    graph : GrowingGraph
        Read only; ``allowed`` marks the live rows.
    workers : Workers
        Threads.
    """
    old, max_degree = graph.neighbors, graph.params.max_degree
    assert graph.allowed is not None
    is_live = marked_rows(graph.allowed[0], len(old))
    new = old.copy()
    new[~is_live] = NO_ID
    has_dead = (graph.only_allowed(old) != old).any(axis=1)
    hit = np.flatnonzero(has_dead & is_live).astype(np.uint32)
    new[hit] = NO_ID

    def repair_chunk(start: int, stop: int) -> None:
        nodes = hit[start:stop]
        keys = candidates_behind(graph, nodes)
        is_starved = np.count_nonzero(keys != NO_KEY, axis=1) * STARVED < max_degree
        if is_starved.any():
            keys[is_starved] = _own_walk(graph, nodes[is_starved], keys.shape[1])
        new[nodes, :max_degree] = graph.prune(keys)

    row_work = max_degree * max_degree
    workers.map(repair_chunk, len(hit), chunk_rows=CHUNK_ROWS, row_work=row_work)
    # Dead rows took with them edges that led to their neighbours.
    repaired = graph._replace(neighbors=new)
    for start in range(0, len(hit), REVERSE_ROWS):
        nodes = hit[start : start + REVERSE_ROWS]
        add_reverse_edges(repaired, nodes, new[nodes], workers)
    return new


def candidates_behind(graph: GrowingGraph, nodes: Ids) -> Keys:
    """Return live neighbours of nodes, and the nearest behind their dead ones.

    Every live neighbour stays a candidate: far ones lead out of a cluster.

    Returns
    -------
    ndarray of shape (m, 2 * max_degree), uint64
        Sorted, each row once and never the node itself.
    """
    width = CANDIDATES * graph.params.max_degree
    own = graph.only_allowed(graph.neighbors[nodes])
    behind = graph.keys_of(nodes, _rows_behind(graph, nodes, own))
    n_wanted = width - np.count_nonzero(own != NO_ID, axis=1)
    behind[np.arange(behind.shape[1]) >= n_wanted[:, None]] = NO_KEY
    keys = np.concatenate([graph.keys_of(nodes, own), behind], axis=1)
    return _fitted(np.sort(keys, axis=1), width)


def _rows_behind(graph: GrowingGraph, nodes: Ids, own: Neighbors) -> Neighbors:
    """Return the live neighbours of dead ones that are not a node's own, each once."""
    old = graph.neighbors
    lists = old[nodes]
    is_dead = own != lists
    # The dead neighbours of every node stand first, as many as the most of them.
    order = np.argsort(~is_dead, axis=1, kind="stable")[:, : is_dead.sum(axis=1).max()]
    dead = np.take_along_axis(np.where(is_dead, lists, NO_ID), order, axis=1)
    behind = graph.only_allowed(old[np.where(dead == NO_ID, nodes[:, None], dead)])
    behind[dead == NO_ID] = NO_ID
    known = np.concatenate([nodes[:, None], own], axis=1)
    found = np.concatenate([known, behind.reshape(len(nodes), -1)], axis=1)
    # Of equal ids the first stays first, so one that is known is no other's.
    order = np.argsort(found, axis=1, kind="stable")
    found = np.take_along_axis(found, order, axis=1)
    found[:, 1:][found[:, 1:] == found[:, :-1]] = NO_ID
    found[order < known.shape[1]] = NO_ID
    return found


def _own_walk(graph: GrowingGraph, nodes: Ids, width: int) -> Keys:
    """Return what each node's own walk meets, but for itself."""
    keys = graph.search(nodes)
    keys[key_ids(keys) == nodes[:, None]] = NO_KEY
    keys.sort(axis=1)
    return _fitted(keys, width)


def _fitted(keys: Keys, width: int) -> Keys:
    """Return the first keys of every row, exactly so many, filled up."""
    fitted = np.full((len(keys), width), NO_KEY, dtype=np.uint64)
    n = min(width, keys.shape[1])
    fitted[:, :n] = keys[:, :n]
    return fitted
