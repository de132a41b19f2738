"""Build: Vamana's graph in deterministic batches, over any backend.

In a batch every node searches the graph as it was before the batch, prunes its beam
to out-edges and writes only its own row; then the reverse edges are merged, sorted.
The result is the same for any number of threads and any backend.

Source: Vamana (DiskANN, NeurIPS 2019); ParlayANN (PPoPP 2024) for batches that double
and reverse edges as a sort; section 6 of the specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Ids, Keys, Neighbors, PruneRule
from quiver.backends.protocol import Backend
from quiver.codes import Codes, aligned_zeros
from quiver.graph import SearchTree, degrees
from quiver.keys import NO_ID, key_ids, make_keys
from quiver.parallel import ProgressMeter, map_chunks
from quiver.params import BuildParams

BATCH_SHARE = 500
"""A batch holds at most n / 500 nodes. Nodes of one batch do not see each other, which
costs small clusters their edges: 20 000 rows in nested clusters, recall@10 at ef = 64:
90.4 % with n / 50, 99.7 % with n / 500."""

CHUNK_ROWS = 64
"""Rows per kernel call at most: enough to hide the call, few enough to stop at once."""

_SOURCE_BITS = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFF_FFFF)


@dataclass
class GraphBuilder:
    """One build: everything that stays the same from batch to batch.

    Attributes
    ----------
    backend : Backend
        Kernels.
    codes : Codes
        The base.
    params : BuildParams
        Degree bound, beam width and slack.
    rule : {'vamana', 'published'}
        Pruning rule.
    threads : int
        Threads for each phase.
    meter : ProgressMeter
        Told of every inserted row; may cancel.
    """

    backend: Backend
    codes: Codes
    params: BuildParams
    rule: PruneRule
    threads: int
    meter: ProgressMeter

    def build(self, entry_point: int) -> Neighbors:
        """Return the finished graph, shape (n, max_degree), uint32.

        Parameters
        ----------
        entry_point : int
            First node inserted, where all walks start.

        Raises
        ------
        CancelledError
            If the meter's ``progress`` returned False.
        """
        n = self.codes.n_rows
        # Lists may outgrow the bound by 0.3 R before they are pruned again.
        capacity = self.params.max_degree * 13 // 10
        growing = np.full((n, capacity), NO_ID, dtype=np.uint32)
        order = insertion_order(n, entry_point, self.params.seed)
        entry_batch, *later_batches = batches(order)
        self.meter.advance(len(entry_batch))
        for batch in later_batches:
            self._insert(growing, batch, entry_point)
            self._add_reverse_edges(growing, batch)
        neighbors = self._trim(growing)
        del growing  # What follows needs memory of its own.
        self._connect(neighbors, entry_point)
        return neighbors

    def _insert(self, growing: Neighbors, batch: Ids, entry_point: int) -> None:
        """Search and prune for every node of the batch; each writes its own row.

        No edge leads to a node of the batch yet, so no walk reads those rows.
        """
        max_degree = self.params.max_degree

        def insert_chunk(start: int, stop: int) -> None:
            nodes = batch[start:stop]
            keys = self._search(growing, nodes, entry_point)
            growing[nodes, :max_degree] = self._prune(keys)

        self._for_chunks(insert_chunk, len(batch), self.meter.advance)

    def _add_reverse_edges(self, growing: Neighbors, batch: Ids) -> None:
        """Give every target its new sources, in order; prune lists that overflow.

        The sources are new nodes, so no target has one already.
        """
        targets, sources, starts = reverse_edges(growing, batch)
        n_new = np.diff(np.append(starts, len(sources)))
        hosts = targets[starts]
        degree = degrees(growing[hosts])
        fits = degree + n_new <= growing.shape[1]

        place = np.arange(len(sources)) - np.repeat(starts, n_new)
        place += np.repeat(degree, n_new)
        appended = np.repeat(fits, n_new)
        growing[targets[appended], place[appended]] = sources[appended]

        crowded = np.flatnonzero(~fits)

        def merge_chunk(start: int, stop: int) -> None:
            groups = crowded[start:stop]
            nodes = hosts[groups]
            lists = [
                sources[first : first + count]
                for first, count in zip(starts[groups], n_new[groups], strict=True)
            ]
            self._prune_lists(growing, nodes, lists)

        self._for_chunks(merge_chunk, len(crowded))

    def _prune_lists(
        self, growing: Neighbors, nodes: Ids, extra: list[Ids] | None = None
    ) -> None:
        """Prune the union of each node's list and its extra sources to max_degree."""
        candidates = growing[nodes]
        if extra is not None:
            widest = max(len(sources) for sources in extra)
            added = np.full((len(nodes), widest), NO_ID, dtype=np.uint32)
            for row, sources in zip(added, extra, strict=True):
                row[: len(sources)] = sources
            candidates = np.concatenate([candidates, added], axis=1)
        distances = self.backend.distance(
            self.codes, self.codes.take(nodes), candidates
        )
        keys = np.sort(make_keys(distances, candidates), axis=1)
        growing[nodes] = NO_ID
        growing[nodes, : self.params.max_degree] = self._prune(keys)

    def _search(self, neighbors: Neighbors, nodes: Ids, entry_point: int) -> Keys:
        """Return the beam of every node, searching with its own code."""
        beams = self.backend.search(
            self.codes,
            neighbors,
            self.codes.take(nodes),
            entry_point,
            self.params.ef_construction,
        )
        return beams.keys

    def _prune(self, keys: Keys) -> Neighbors:
        params = self.params
        return self.backend.prune(
            self.codes, keys, params.max_degree, params.alpha, self.rule
        )

    def _trim(self, growing: Neighbors) -> Neighbors:
        """Prune every list still above max_degree and return the compact graph."""
        max_degree = self.params.max_degree
        if growing.shape[1] > max_degree:
            over = np.flatnonzero(growing[:, max_degree] != NO_ID).astype(np.uint32)
            self._for_chunks(
                lambda start, stop: self._prune_lists(growing, over[start:stop]),
                len(over),
            )
        neighbors = aligned_zeros((len(growing), max_degree), np.uint32)
        neighbors[:] = growing[:, :max_degree]
        return neighbors

    def _connect(self, neighbors: Neighbors, entry_point: int) -> None:
        """Link every unreached node from the nearest reached one, in id order."""
        tree = SearchTree(neighbors, entry_point)
        lost = np.flatnonzero(~tree.reached).astype(np.uint32)
        nearest = np.empty(len(lost), dtype=np.uint32)

        def locate_chunk(start: int, stop: int) -> None:
            keys = self._search(neighbors, lost[start:stop], entry_point)
            nearest[start:stop] = key_ids(keys[:, 0])

        self._for_chunks(locate_chunk, len(lost))
        for near, node in zip(nearest.tolist(), lost.tolist(), strict=True):
            # An earlier link may have brought this one along.
            if not tree.reached[node]:
                tree.link(near, node)

    def _for_chunks(
        self,
        task: Callable[[int, int], None],
        n_rows: int,
        on_rows: Callable[[int], None] | None = None,
    ) -> None:
        map_chunks(
            task,
            n_rows,
            # A small batch is still worth all threads.
            chunk_rows=min(CHUNK_ROWS, -(-n_rows // self.threads) or 1),
            threads=self.threads,
            # Phases that insert nothing still let the caller cancel.
            on_rows=on_rows or (lambda _: self.meter.advance(0)),
        )


def seeded_order(n: int, seed: int) -> NDArray[np.intp]:
    """Return a seeded permutation of n rows.

    The raw stream of a bit generator is the same in every NumPy release.
    """
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def insertion_order(n: int, entry_point: int, seed: int) -> Ids:
    """Return a seeded permutation of the rows, the entry point first."""
    order = seeded_order(n, seed).astype(np.uint32)
    rest = order[order != entry_point]
    return np.concatenate([np.array([entry_point], dtype=np.uint32), rest])


def batches(order: Ids) -> Iterator[Ids]:
    """Cut the order into batches of 1, 2, 4, … up to ``max(1, n // 500)`` nodes."""
    largest = max(1, len(order) // BATCH_SHARE)
    start, size = 0, 1
    while start < len(order):
        yield order[start : start + size]
        start += size
        size = min(2 * size, largest)


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
