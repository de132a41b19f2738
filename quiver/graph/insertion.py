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
from numpy.typing import NDArray

from quiver._typing import Ids, Keys, Mask, Neighbors, PruneRule
from quiver.backends.protocol import Backend
from quiver.graph.reachability import degrees
from quiver.parallel.workers import Workers
from quiver.params import BuildParams
from quiver.reference.codes import Codes
from quiver.reference.keys import NO_ID, NO_KEY, make_keys
from quiver.reference.masks import is_marked, mark, marked_rows

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
    allowed : ndarray of shape (1, ceil(n / 64)), uint64, optional
        The rows that may become neighbours, changed in place; default all that are
        inserted. The others route.
    """

    backend: Backend
    codes: Codes
    params: BuildParams
    rule: PruneRule
    entry_point: int
    neighbors: Neighbors
    allowed: Mask | None = None

    def search(self, nodes: Ids) -> Keys:
        """Return the beam of every node, searching with its own code.

        Where few of the rows near a node are allowed, a walk ends after as many
        distances as its rows would have if no two had a neighbour in common; it has
        met the nearest by then. All rows are scanned if these are too few for a list.
        """
        own, ef = self.codes.take(nodes), self.params.ef_construction
        walked = self.codes, self.neighbors, own, self._start(), ef
        if self.allowed is None:
            return self.backend.search(*walked).keys
        max_degree = self.params.max_degree
        budget = np.full(len(nodes), ef * max_degree, dtype=np.int64)
        beams = self.backend.search(*walked, allowed=self.allowed, budget=budget)
        n_found = np.count_nonzero(beams.keys != NO_KEY, axis=1)
        too_few = np.flatnonzero(~beams.complete & (n_found < max_degree))
        if too_few.size:
            marks = marked_rows(self.allowed[0], self.codes.n_rows)
            rows = np.flatnonzero(marks).astype(np.uint32)
            scanned = self.backend.scan(self.codes, own.take(too_few), rows, ef)
            beams.keys[too_few] = scanned.keys
        return beams.keys

    def _start(self) -> Ids:
        return np.array([self.entry_point], dtype=np.uint32)

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
            *(params.alpha, params.beta, self.rule),
        )


def insert(
    graph: GrowingGraph,
    batches: Iterable[Ids],
    workers: Workers,
    on_rows: Callable[[int], None] | None = None,
) -> None:
    """Insert one batch of nodes after another, and tell the number of each."""
    for batch in batches:
        insert_batch(graph, batch, workers)
        if graph.allowed is not None:
            # Not before: a scan must not find the nodes that are being inserted.
            mark(graph.allowed[0], batch)
        add_reverse_edges(graph, batch, workers)
        if on_rows is not None:
            on_rows(len(batch))


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


def add_reverse_edges(
    graph: GrowingGraph, batch: Ids, workers: Workers, *, may_exist: bool = False
) -> None:
    """Give every target its new sources, in order; prune lists that overflow.

    Sources that are new nodes are in no list yet; others ``may_exist`` in some.
    """
    growing = graph.neighbors
    targets, sources, starts = reverse_edges(growing, batch, may_exist=may_exist)
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
    edges = graph.prune(graph.keys_of(nodes, graph.only_allowed(candidates)))
    graph.neighbors[nodes] = NO_ID
    graph.neighbors[nodes, : edges.shape[1]] = edges


def reverse_edges(
    growing: Neighbors, batch: Ids, *, may_exist: bool = False
) -> tuple[Ids, Ids, NDArray[np.intp]]:
    """Return (targets, sources, starts of each target's run), sorted by both."""
    rows = growing[batch]
    linked = rows != NO_ID
    sources = np.broadcast_to(batch[:, None], rows.shape)[linked]
    pairs = rows[linked].astype(np.uint64) << _SOURCE_BITS | sources
    pairs.sort()
    targets = (pairs >> _SOURCE_BITS).astype(np.uint32)
    if may_exist:
        exists = (growing[targets] == (pairs & _LOW_HALF)[:, None]).any(axis=1)
        pairs, targets = pairs[~exists], targets[~exists]
    is_start = np.append(True, targets[1:] != targets[:-1])[: len(targets)]
    return targets, (pairs & _LOW_HALF).astype(np.uint32), np.flatnonzero(is_start)
