"""Search: best-first walk over the graph with a bounded beam, on codes alone.

Two marks, never confused: a node is *seen* once its distance is computed, and
*expanded* once its neighbour list is read.

Source: GreedySearch of Vamana (DiskANN, NeurIPS 2019). The counters are values, as in
ParlayANN (PPoPP 2024). See docs/algorithm/search.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Counts, Ids, Keys, Neighbors
from quiver.reference.codes import Codes, Queries
from quiver.reference.distance import distance_to_rows, one_query
from quiver.reference.keys import NO_ID, NO_KEY, key_ids, make_keys


class Beams(NamedTuple):
    """The beams of a batch of walks, with their counters.

    Attributes
    ----------
    keys : ndarray of shape (q, ef), uint64
        Sorted; ``NO_KEY`` after the last entry.
    hops : ndarray of shape (q,), int64
        Expansions.
    distance_computations : ndarray of shape (q,), int64
        Code distances, the entry points' included.
    """

    keys: Keys
    hops: Counts
    distance_computations: Counts


class Expansion(NamedTuple):
    """One hop: the node expanded, the ids first seen there, the beam after."""

    node: int
    newly_seen: Ids
    beam: Keys


def search(
    codes: Codes,
    neighbors: Neighbors,
    queries: Codes | Queries,
    entry_points: Ids,
    ef: int,
) -> Beams:
    """Walk once per query; see `quiver.backends.protocol.Backend.search`."""
    n_queries = len(queries[0])
    keys = np.full((n_queries, ef), NO_KEY, dtype=np.uint64)
    hops = np.zeros(n_queries, dtype=np.int64)
    n_starts = len(np.unique(entry_points))
    distance_computations = np.full(n_queries, n_starts, dtype=np.int64)
    for number in range(n_queries):
        query = one_query(queries, number)
        for expansion in walk(codes, neighbors, query, entry_points, ef):
            hops[number] += 1
            distance_computations[number] += len(expansion.newly_seen)
            keys[number, : len(expansion.beam)] = expansion.beam
    return Beams(keys, hops, distance_computations)


def walk(
    codes: Codes,
    neighbors: Neighbors,
    query: Codes | Queries,
    entry_points: Ids,
    ef: int,
) -> Iterator[Expansion]:
    """Yield the expansions of one query's walk; the last beam is the answer.

    Invariants: the beam is sorted and holds at most ``ef`` keys; every key in it
    is the smallest of all seen. The order in which a node's neighbours are seen
    therefore cannot matter.
    """
    start = np.unique(entry_points)
    beam = np.sort(make_keys(distance_to_rows(codes, query, start), start))[:ef]
    seen = np.zeros(codes.n_rows, dtype=bool)
    expanded = np.zeros(codes.n_rows, dtype=bool)
    seen[start] = True
    while (unexpanded := _unexpanded(beam, expanded)).size:
        node = unexpanded[0]
        expanded[node] = True
        row = neighbors[node]
        row = row[row != NO_ID]
        newly_seen = row[~seen[row]]
        seen[newly_seen] = True
        found = make_keys(distance_to_rows(codes, query, newly_seen), newly_seen)
        beam = np.sort(np.concatenate([beam, found]))[:ef]
        yield Expansion(int(node), newly_seen, beam)


def _unexpanded(beam: Keys, expanded: NDArray[np.bool_]) -> Ids:
    ids = key_ids(beam)
    return ids[~expanded[ids]]
