"""Insertion: a batch of nodes joins a graph, in two deterministic phases.

In a batch every node searches the graph as it was before the batch, prunes its beam
to out-edges and writes only its own row; then the reverse edges are merged, sorted.
The result is the same for any number of threads and any backend. A build inserts all
rows so, an index that lives the new ones: there no dead row gets a place in a beam or
in a list that is pruned again.

Source: Vamana (DiskANN, NeurIPS 2019); ParlayANN (PPoPP 2024) for batches that double
and reverse edges as a sort. See docs/algorithm/build.md and docs/algorithm/change.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from quiver._typing import Ids, Keys, Mask, Neighbors, PruneRule
from quiver.backends.protocol import Backend
from quiver.parallel.workers import Workers
from quiver.params import BuildParams
from quiver.reference.codes import Codes
from quiver.reference.keys import NO_ID, NO_KEY, make_keys
from quiver.reference.masks import is_marked, mark, marked_rows
from quiver.reference.walk import PATIENCE

CHUNK_ROWS = 128
"""Rows per kernel call at most: enough to hide the call, few enough to stop at once."""

EDGE_WORK = 20
"""Code distances that take as long as a new edge at its target: most are appended, and
every tenth or so has a list of forty pruned."""


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
    rule : {'vamana', 'strict_first', 'published'}
        Pruning rule.
    entry_points : ndarray of shape (e,), uint32
        Where walks start: nodes inserted, the first of all first.
    neighbors : ndarray of shape (n, capacity), uint32
        Lists so far, changed in place; that of a node not inserted is empty. Lists
        may outgrow ``max_degree`` up to the capacity before they are pruned again.
    allowed : ndarray of shape (1, ceil(n / 64)), uint64, optional
        The rows that may become neighbours, changed in place; default all that are
        inserted. The others route.
    """

    backend: Backend
    codes: Codes
    params: BuildParams
    rule: PruneRule
    entry_points: Ids
    neighbors: Neighbors
    allowed: Mask | None = None

    def search(self, nodes: Ids) -> Keys:
        """Return the beam of every node, searching with its own code.

        Where few of the rows near a node are allowed, a walk without a full beam ends
        after as many distances as its rows would have if no two had a neighbour in
        common; it has met the nearest by then. All allowed rows are scanned if these
        are too few for a list.
        """
        own, ef = self.codes.take(nodes), self.params.ef_construction
        walked = self.codes, self.neighbors, own, self.entry_points, ef
        if self.allowed is None:
            return self.backend.search(*walked).keys
        max_degree = self.params.max_degree
        # Entry points count, and a walk from them must get on.
        patience = max(ef * max_degree, 2 * len(self.entry_points))
        budget = np.full(len(nodes), PATIENCE * patience, dtype=np.int64)
        beams = self.backend.search(*walked, allowed=self.allowed, budget=budget)
        n_found = np.count_nonzero(beams.keys != NO_KEY, axis=1)
        too_few = np.flatnonzero(~beams.complete & (n_found < max_degree))
        if too_few.size:
            marks = marked_rows(self.allowed[0], self.codes.n_rows)
            rows = np.flatnonzero(marks).astype(np.uint32)
            scanned = self.backend.scan(self.codes, own.take(too_few), rows, ef)
            beams.keys[too_few] = scanned.keys
        return beams.keys

    def only_allowed(self, ids: Neighbors) -> Neighbors:
        """Return ids with ``NO_ID`` in the place of rows that may be no neighbours."""
        if self.allowed is None:
            return ids
        return np.where(is_marked(self.allowed[0], ids), ids, NO_ID)

    def keys_of(self, nodes: Ids, candidates: Neighbors) -> Keys:
        """Return the keys of each node's candidates, sorted."""
        own = self.codes.take(nodes)
        distances = self.backend.distance(self.codes, own, candidates)
        return np.sort(make_keys(distances, candidates), axis=1)

    def prune(self, keys: Keys) -> Neighbors:
        """Return at most ``max_degree`` of the candidates of every row."""
        params = self.params
        return self.backend.prune(
            *(self.codes, keys, params.max_degree),
            *(params.slack(self.rule), params.beta, self.rule),
        )

    def merge(
        self, sources: Ids, edges: Neighbors, start: int, stop: int
    ) -> tuple[Ids, Neighbors]:
        """Return the targets of edges in a range of rows, and their new lists."""
        params = self.params
        return self.backend.merge(
            *(self.codes, self.neighbors, sources, edges, start, stop),
            *(params.max_degree, params.slack(self.rule), params.beta, self.rule),
            allowed=self.allowed,
        )


def insert(
    graph: GrowingGraph,
    batches: Iterable[Ids],
    workers: Workers,
    on_rows: Callable[[int], None] | None = None,
) -> None:
    """Insert one batch of nodes after another, and tell the number of each."""
    for batch in batches:
        # The order within does not matter; sources are to be merged in this one.
        nodes = np.sort(batch)
        edges = insert_batch(graph, nodes, workers)
        if graph.allowed is not None:
            # Not before: a scan must not find the nodes that are being inserted.
            mark(graph.allowed[0], nodes)
        add_reverse_edges(graph, nodes, edges, workers)
        if on_rows is not None:
            on_rows(len(nodes))


def insert_batch(graph: GrowingGraph, batch: Ids, workers: Workers) -> Neighbors:
    """Search and prune for every node of the batch; return the edges of each.

    Each writes its own row. No edge leads to a node of the batch yet, so no walk reads
    those rows.
    """
    params = graph.params
    edges = np.empty((len(batch), params.max_degree), dtype=np.uint32)

    def insert_chunk(start: int, stop: int) -> None:
        nodes = batch[start:stop]
        edges[start:stop] = graph.prune(graph.search(nodes))
        graph.neighbors[nodes, : params.max_degree] = edges[start:stop]

    row_work = params.ef_construction * params.max_degree
    workers.map(insert_chunk, len(batch), chunk_rows=CHUNK_ROWS, row_work=row_work)
    return edges


def add_reverse_edges(
    graph: GrowingGraph, sources: Ids, edges: Neighbors, workers: Workers
) -> None:
    """Give the targets of new edges their sources; prune lists that overflow.

    Each thread serves targets of its own, so that no list is written by two. Sources
    ascend; one that is in a list already stays where it is.
    """

    def merge_chunk(start: int, stop: int) -> None:
        targets, lists = graph.merge(sources, edges, start, stop)
        graph.neighbors[targets] = lists

    n_rows = len(graph.neighbors)
    # One range for each thread: all edges are read for every one.
    workers.map(
        merge_chunk,
        n_rows,
        chunk_rows=n_rows,
        row_work=EDGE_WORK * edges.size / n_rows,
    )


def prune_lists(graph: GrowingGraph, nodes: Ids) -> None:
    """Prune each node's list to max_degree."""
    keys = graph.keys_of(nodes, graph.only_allowed(graph.neighbors[nodes]))
    edges = graph.prune(keys)
    graph.neighbors[nodes] = NO_ID
    graph.neighbors[nodes, : edges.shape[1]] = edges
