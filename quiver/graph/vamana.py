"""Build: Vamana's graph in deterministic batches, over any backend.

The batches are inserted by `quiver.graph.insertion`; here they are put in order, and
the graph is finished: no list above its bound, every row within reach.

Source: Vamana (DiskANN, NeurIPS 2019). See docs/algorithm/build.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from quiver._typing import Ids, Neighbors, PruneRule
from quiver.backends.protocol import Backend
from quiver.graph.insertion import (
    CHUNK_ROWS,
    GrowingGraph,
    insert,
    prune_lists,
)
from quiver.graph.order import batches, count_entry_points
from quiver.graph.reachability import SearchTree, reachable, unreached
from quiver.parallel.workers import Workers
from quiver.params import BuildParams, wider
from quiver.reference.codes import Codes, aligned_zeros
from quiver.reference.keys import NO_ID, key_ids
from quiver.reference.masks import make_mask

TRIM_ROWS = 512
"""Rows trimmed at a time; some of them are pruned, by several calls of kernels."""


def build_graph(
    backend: Backend,
    codes: Codes,
    order: Ids,
    *,
    params: BuildParams,
    rule: PruneRule,
    workers: Workers,
    unlinked: Ids | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Neighbors:
    """Return the finished graph, shape (n, max_degree), uint32.

    Parameters
    ----------
    backend, codes, params, rule
        As for `GrowingGraph`.
    order : ndarray of uint32
        The linked rows as they are inserted, the entry point first.
    workers : Workers
        Threads for each phase.
    unlinked : ndarray of shape (m,), uint32, optional
        Rows that get no edges and are no one's neighbours.
    on_rows : callable, optional
        Told the number of rows of each inserted batch; the entry point is in none.
    """
    shape = codes.n_rows, wider(params.max_degree)
    growing = np.full(shape, NO_ID, dtype=np.uint32)
    first, *later = batches(order)
    graph = GrowingGraph(backend, codes, params, rule, first, growing)
    del growing  # The graph alone holds the lists, so that trimming frees them.
    count = 1 if rule == "published" else count_entry_points(len(order))
    for batch in later:
        insert(graph, [batch], workers, on_rows)
        started = len(graph.entry_points)
        if started < count:
            entry_points = order[: min(count, started + len(batch))]
            graph = graph._replace(entry_points=entry_points)
    graph = graph._replace(neighbors=trim(graph, workers))
    connect(graph, unlinked, workers)
    return graph.neighbors


def trim(graph: GrowingGraph, workers: Workers) -> Neighbors:
    """Prune every list still above max_degree and return the compact lists."""
    growing, max_degree = graph.neighbors, graph.params.max_degree
    neighbors = aligned_zeros((len(growing), max_degree), np.uint32)

    def trim_chunk(start: int, stop: int) -> None:
        if growing.shape[1] > max_degree:
            is_over = growing[start:stop, max_degree] != NO_ID
            over = (start + np.flatnonzero(is_over)).astype(np.uint32)
            prune_lists(graph, over)
        neighbors[start:stop] = growing[start:stop, :max_degree]

    # Every other row is over; a candidate is held against few of those kept.
    row_work = 4 * growing.shape[1]
    workers.map(trim_chunk, len(growing), chunk_rows=TRIM_ROWS, row_work=row_work)
    return neighbors


def connect(graph: GrowingGraph, exempt: Ids | None, workers: Workers) -> None:
    """Link every unreached row that is not exempt from the nearest, in id order.

    The nearest is that among the rows reached, and allowed if only some are.
    """
    root = int(graph.entry_points[0])
    reached = reachable(graph.neighbors, root, workers.map)
    lost = unreached(reached, exempt)
    if not len(lost):
        return
    tree = SearchTree(graph.neighbors, root)
    nearest = np.empty(len(lost), dtype=np.uint32)
    entry_points = graph.entry_points[reached[graph.entry_points]]
    graph = graph._replace(entry_points=entry_points)
    if graph.allowed is not None:
        # A scan would find rows that are lost themselves.
        graph = graph._replace(allowed=graph.allowed & make_mask(reached))

    def locate_chunk(start: int, stop: int) -> None:
        nearest[start:stop] = key_ids(graph.search(lost[start:stop])[:, 0])

    workers.map(locate_chunk, len(lost), chunk_rows=CHUNK_ROWS)
    nearest[nearest == NO_ID] = root
    for near, node in zip(nearest.tolist(), lost.tolist(), strict=True):
        # An earlier link may have brought this one along.
        if not tree.reached[node]:
            tree.link(near, node)
