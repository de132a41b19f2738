"""Walk: always to the nearest row seen and not expanded, until a rule says stop.

The sequence of expansions depends on codes, graph, query and entry points only. A beam
width, a horizon, a mask, a limit and a budget decide where it ends and which of the
rows seen are its answer: a wider beam takes the same walk further. A screened walk
departs from it, a little and seldom, where a row is dropped that a beam would have
taken.

Two marks, never confused: a node is *seen* once its distance is computed, and
*expanded* once its neighbour list is read.

Source: GreedySearch of Vamana (DiskANN, NeurIPS 2019). See docs/algorithm/search.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Keys, Neighbors
from quiver.reference.codes import CACHE_LINE, Codes, Queries
from quiver.reference.distance import distance_to_rows
from quiver.reference.horizon import Horizon, is_beyond
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, make_keys
from quiver.reference.screen import screened

START = -1
"""Stands for the node of a walk's first step, which expands none."""

NO_LIMIT = np.uint64(0)
"""Below every key."""

PATIENCE = 15
"""A walk among which not all rows may answer gives up at one part in so many of its
budget if it has not seen ``ef`` that may: their share of those met tells what the rest
would cost, see docs/filters.md."""


class Step(NamedTuple):
    """One hop: the node expanded, the ids first seen there, what they cost, the beam.

    A walk starts with a step of node ``START``, where its entry points are seen.
    """

    node: int
    newly_seen: Ids
    lines_read: int
    beam: Keys


class Outcome(NamedTuple):
    """What one walk found, and its counters."""

    keys: Keys
    hops: int
    distance_computations: int
    lines_read: int
    complete: bool


def walk(
    codes: Codes,
    neighbors: Neighbors,
    query: Codes | Queries,
    entry_points: Ids,
    ef: int,
    *,
    allowed: NDArray[np.bool_] | None = None,
    limit: np.uint64 = NO_LIMIT,
    is_screened: bool = False,
    horizon: Horizon | None = None,
) -> Iterator[Step]:
    """Yield the steps of one query's walk; the last beam is the answer.

    The beam holds, sorted, the ``ef`` smallest allowed keys seen and all others up
    to the key ``limit``. Rows that are not allowed lead on like any other. The order
    in which a node's neighbours are seen therefore cannot matter. A screened walk, of
    an int8 query, drops rows that are likely beyond what may still be expanded.
    """
    seen = np.zeros(codes.n_rows, dtype=bool)
    beam = frontier = np.empty(0, dtype=np.uint64)
    node, newly_seen, bound = START, np.unique(entry_points), NO_KEY
    while True:
        seen[newly_seen] = True
        distances, lines_read = _measure(codes, query, newly_seen, bound, is_screened)
        # What was dropped is at +inf, beyond the bound, as it would be where it is.
        found = make_keys(distances, newly_seen)
        frontier = np.sort(np.concatenate([frontier, found]))
        if allowed is not None:
            found = found[allowed[newly_seen]]
        beam = np.sort(np.concatenate([beam, found]))
        beam = beam[: max(ef, np.searchsorted(beam, limit, side="right"))]
        yield Step(node, newly_seen, lines_read, beam)
        # The bound never rises: what is beyond it will never be expanded.
        bound = max(beam[ef - 1], limit) if len(beam) >= ef else NO_KEY
        frontier = frontier[frontier <= bound]
        if not len(frontier) or is_beyond(horizon, frontier[0], beam):
            return
        node, frontier = int(frontier[0] & np.uint64(NO_ID)), frontier[1:]
        row = neighbors[node]
        row = row[row != NO_ID]
        newly_seen = row[~seen[row]]


def _measure(
    codes: Codes,
    query: Codes | Queries,
    ids: Ids,
    bound: np.uint64,
    is_screened: bool,
) -> tuple[Distances, int]:
    """Return the distances of rows and how many of their cache lines were read."""
    if is_screened and isinstance(query, Queries):
        return screened(codes, query, ids, key_distances(np.array([bound]))[0])
    lines_read = len(ids) * (codes.rows.shape[1] // CACHE_LINE)
    return distance_to_rows(codes, query, ids), lines_read


def follow(
    steps: Iterable[Step], budget: int | None = None, expected: int = 0
) -> Outcome:
    """Take a walk to its end, or until as many distances as its budget are computed.

    A part of the budget is all there is until the beam holds as many as expected.
    """
    outcome = Outcome(np.empty(0, dtype=np.uint64), -1, 0, 0, True)
    for node, newly_seen, lines_read, beam in steps:
        found, hops, computed, lines, _ = outcome
        # The entry points are seen whatever the budget.
        if budget is not None and node != START:
            most = budget if len(found) >= expected else budget // PATIENCE
            if computed >= most:
                return outcome._replace(complete=False)
        computed, lines = computed + len(newly_seen), lines + lines_read
        outcome = Outcome(beam, hops + 1, computed, lines, True)
    return outcome


def last_key_at(distance: np.float32) -> np.uint64:
    """Return the largest key that a row at a distance can have."""
    keys = make_keys(np.array([distance]), np.array([NO_ID - 1]))
    return np.uint64(keys[0])
