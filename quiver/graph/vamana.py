"""Build: Vamana's graph in deterministic batches, over any backend.

In a batch every node searches the graph as it was before the batch, prunes its beam
to out-edges and writes only its own row; then the reverse edges are merged, sorted.
The result is the same for any number of threads and any backend.

Source: Vamana (DiskANN, NeurIPS 2019); ParlayANN (PPoPP 2024) for batches that double
and reverse edges as a sort. See docs/algorithm/build.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Ids, Keys, Neighbors, PruneRule
from quiver.backends.protocol import Backend
from quiver.graph.order import batches
from quiver.graph.reachability import SearchTree, degrees, unreached
from quiver.parallel.workers import Workers
from quiver.params import BuildParams
from quiver.reference.codes import Codes, aligned_zeros
from quiver.reference.keys import NO_ID, key_ids, make_keys

CHUNK_ROWS = 64
"""Rows per kernel call at most: enough to hide the call, few enough to stop at once."""

_SOURCE_BITS = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFF_FFFF)


class GrowingGraph(NamedTuple):
    """A graph that takes more nodes, and what their edges are found with.

    Attributes
    ----------
    backend : Backend
        Kernels.
    codes : Codes
        The base: a row for every node, inserted or not.
    params : BuildParams
        Degree bound, beam width and slack.
    rule : {'vamana', 'published'}
        Pruning rule.
    entry_point : int
        The first node, where all walks start.
    neighbors : ndarray of shape (n, capacity), uint32
        Lists so far, changed in place; that of a node not inserted is empty. Lists
        may outgrow ``max_degree`` up to the capacity before they are pruned again.
    """

    backend: Backend
    codes: Codes
    params: BuildParams
    rule: PruneRule
    entry_point: int
    neighbors: Neighbors

    def search(self, nodes: Ids) -> Keys:
        """Return the beam of every node, searching with its own code."""
        own, ef = self.codes.take(nodes), self.params.ef_construction
        start = np.array([self.entry_point], dtype=np.uint32)
        return self.backend.search(self.codes, self.neighbors, own, start, ef).keys

    def prune(self, keys: Keys) -> Neighbors:
        """Return at most ``max_degree`` of the candidates of every row."""
        params = self.params
        return self.backend.prune(
            *(self.codes, keys, params.max_degree),
            *(params.alpha, params.beta, self.rule),
        )


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
    # Lists may outgrow the bound by 0.3 R before they are pruned again.
    shape = codes.n_rows, params.max_degree * 13 // 10
    growing = np.full(shape, NO_ID, dtype=np.uint32)
    graph = GrowingGraph(backend, codes, params, rule, int(order[0]), growing)
    del growing  # The graph alone holds the lists, so that trimming frees them.
    _, *later_batches = batches(order)
    for batch in later_batches:
        insert_batch(graph, batch, workers)
        add_reverse_edges(graph, batch, workers)
        if on_rows is not None:
            on_rows(len(batch))
    graph = graph._replace(neighbors=trim(graph, workers))
    connect(graph, unlinked, workers)
    return graph.neighbors


def insert_batch(graph: GrowingGraph, batch: Ids, workers: Workers) -> None:
    """Search and prune for every node of the batch; each writes its own row.

    No edge leads to a node of the batch yet, so no walk reads those rows.
    """

    def insert_chunk(start: int, stop: int) -> None:
        nodes = batch[start:stop]
        edges = graph.prune(graph.search(nodes))
        graph.neighbors[nodes, : edges.shape[1]] = edges

    params = graph.params
    row_work = params.ef_construction * params.max_degree
    workers.map(insert_chunk, len(batch), chunk_rows=CHUNK_ROWS, row_work=row_work)


def add_reverse_edges(graph: GrowingGraph, batch: Ids, workers: Workers) -> None:
    """Give every target its new sources, in order; prune lists that overflow.

    The sources are new nodes, so no target has one already.
    """
    growing = graph.neighbors
    targets, sources, starts = reverse_edges(growing, batch)
    n_new = np.diff(np.append(starts, len(sources)))
    hosts = targets[starts]
    degree = degrees(growing[hosts])
    fits = degree + n_new <= growing.shape[1]

    place = np.arange(len(sources)) + np.repeat(degree - starts, n_new)
    appended = np.repeat(fits, n_new)
    growing[targets[appended], place[appended]] = sources[appended]

    crowded = np.flatnonzero(~fits)

    def merge_chunk(start: int, stop: int) -> None:
        groups = crowded[start:stop]
        added = padded_runs(sources, starts[groups], n_new[groups])
        prune_lists(graph, hosts[groups], added)

    workers.map(
        merge_chunk,
        len(crowded),
        chunk_rows=CHUNK_ROWS,
        row_work=growing.shape[1] * graph.params.max_degree,
    )


def padded_runs(
    values: Ids, starts: NDArray[np.intp], lengths: NDArray[np.intp]
) -> Neighbors:
    """Return some runs of the values as rows, filled up with ``NO_ID``."""
    columns = np.arange(lengths.max())
    rows = np.full((len(starts), len(columns)), NO_ID, dtype=np.uint32)
    inside = columns < lengths[:, None]
    rows[inside] = values[(starts[:, None] + columns)[inside]]
    return rows


def prune_lists(
    graph: GrowingGraph, nodes: Ids, added: Neighbors | None = None
) -> None:
    """Prune the union of each node's list and its row of others to max_degree."""
    candidates = graph.neighbors[nodes]
    if added is not None:
        candidates = np.concatenate([candidates, added], axis=1)
    codes = graph.codes
    distances = graph.backend.distance(codes, codes.take(nodes), candidates)
    edges = graph.prune(np.sort(make_keys(distances, candidates), axis=1))
    graph.neighbors[nodes] = NO_ID
    graph.neighbors[nodes, : edges.shape[1]] = edges


def trim(graph: GrowingGraph, workers: Workers) -> Neighbors:
    """Prune every list still above max_degree and return the compact lists."""
    growing, max_degree = graph.neighbors, graph.params.max_degree
    if growing.shape[1] > max_degree:
        over = np.flatnonzero(growing[:, max_degree] != NO_ID).astype(np.uint32)
        workers.map(
            lambda start, stop: prune_lists(graph, over[start:stop]),
            len(over),
            chunk_rows=CHUNK_ROWS,
            row_work=growing.shape[1] * max_degree,
        )
    neighbors = aligned_zeros((len(growing), max_degree), np.uint32)
    neighbors[:] = growing[:, :max_degree]
    return neighbors


def connect(graph: GrowingGraph, unlinked: Ids | None, workers: Workers) -> None:
    """Link every unreached node from the nearest reached one, in id order."""
    tree = SearchTree(graph.neighbors, graph.entry_point)
    lost = unreached(tree.reached, unlinked)
    nearest = np.empty(len(lost), dtype=np.uint32)

    def locate_chunk(start: int, stop: int) -> None:
        nearest[start:stop] = key_ids(graph.search(lost[start:stop])[:, 0])

    workers.map(locate_chunk, len(lost), chunk_rows=CHUNK_ROWS)
    for near, node in zip(nearest.tolist(), lost.tolist(), strict=True):
        # An earlier link may have brought this one along.
        if not tree.reached[node]:
            tree.link(near, node)


def reverse_edges(growing: Neighbors, batch: Ids) -> tuple[Ids, Ids, NDArray[np.intp]]:
    """Return (targets, sources, starts of each target's run), sorted by both."""
    rows = growing[batch]
    linked = rows != NO_ID
    sources = np.broadcast_to(batch[:, None], rows.shape)[linked]
    pairs = rows[linked].astype(np.uint64) << _SOURCE_BITS | sources
    pairs.sort()
    targets = (pairs >> _SOURCE_BITS).astype(np.uint32)
    is_start = np.append(True, targets[1:] != targets[:-1])[: len(targets)]
    return targets, (pairs & _LOW_HALF).astype(np.uint32), np.flatnonzero(is_start)
