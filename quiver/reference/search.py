"""Search: the walks of a batch of queries, and the scan that needs no graph.

The counters are values, as in ParlayANN (PPoPP 2024).
Source: quiver's own; see docs/algorithm/search.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Counts, Distances, Ids, Keys, Mask, Neighbors
from quiver.reference.codes import CACHE_LINE, Codes, Queries
from quiver.reference.distance import distance_to_rows, one_query
from quiver.reference.horizon import Horizon, within
from quiver.reference.keys import NO_KEY, make_keys
from quiver.reference.masks import marked_rows
from quiver.reference.walk import NO_LIMIT, Outcome, follow, last_key_at, walk


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
    lines_read : ndarray of shape (q,), int64
        Cache lines of rows that they took.
    complete : ndarray of shape (q,), bool
        Whether the walk came to its end before its budget did.
    """

    keys: Keys
    hops: Counts
    distance_computations: Counts
    lines_read: Counts
    complete: NDArray[np.bool_]


class Balls(NamedTuple):
    """All that each walk of a batch saw within its limit, with their counters.

    Attributes
    ----------
    offsets : ndarray of shape (q + 1,), int64
        Query i has ``keys[offsets[i] : offsets[i + 1]]``.
    keys : ndarray of shape (offsets[-1],), uint64
        Sorted for each query.
    hops, distance_computations, lines_read, complete : ndarray of shape (q,)
        As of `Beams`.
    """

    offsets: Counts
    keys: Keys
    hops: Counts
    distance_computations: Counts
    lines_read: Counts
    complete: NDArray[np.bool_]


def search(
    codes: Codes,
    neighbors: Neighbors,
    queries: Codes | Queries,
    entry_points: Ids,
    ef: int,
    *,
    allowed: Mask | None = None,
    budget: Counts | None = None,
    screened: bool = False,
    horizon: Horizon | None = None,
) -> Beams:
    """Walk once per query; see `quiver.backends.protocol.Backend.search`."""
    graph = codes, neighbors, queries, entry_points
    outcomes = _walk_all(*graph, ef, None, allowed, budget, screened, horizon)
    keys = np.full((len(outcomes), ef), NO_KEY, dtype=np.uint64)
    for row, outcome in zip(keys, outcomes, strict=True):
        kept = within(horizon, outcome.keys)
        row[: len(kept)] = kept
    return Beams(keys, *_counters(outcomes))


def search_radius(
    codes: Codes,
    neighbors: Neighbors,
    queries: Codes | Queries,
    entry_points: Ids,
    ef: int,
    limits: Distances,
    *,
    allowed: Mask | None = None,
    budget: Counts | None = None,
) -> Balls:
    """Walk once per query; see `quiver.backends.protocol.Backend.search_radius`."""
    graph = codes, neighbors, queries, entry_points
    outcomes = _walk_all(*graph, ef, limits, allowed, budget)
    within = [
        outcome.keys[outcome.keys <= last_key_at(limit)]
        for outcome, limit in zip(outcomes, limits, strict=True)
    ]
    offsets = np.cumsum([0, *map(len, within)], dtype=np.int64)
    keys = np.concatenate([np.empty(0, dtype=np.uint64), *within])
    return Balls(offsets, keys, *_counters(outcomes))


def scan(codes: Codes, queries: Codes | Queries, rows: Ids, ef: int) -> Beams:
    """Measure some rows and no others; see `quiver.backends.protocol.Backend.scan`."""
    n_queries = len(queries[0])
    keys = np.full((n_queries, ef), NO_KEY, dtype=np.uint64)
    for number in range(n_queries):
        distances = distance_to_rows(codes, one_query(queries, number), rows)
        nearest = np.sort(make_keys(distances, rows))[:ef]
        keys[number, : len(nearest)] = nearest
    return Beams(keys, *scan_counters(codes, n_queries, len(rows)))


def scan_counters(
    codes: Codes, n_queries: int, n_rows: int
) -> tuple[Counts, Counts, Counts, NDArray[np.bool_]]:
    """Return the counters of a scan, which are the same for every query."""
    hops = np.zeros(n_queries, dtype=np.int64)
    lines = n_rows * (codes.rows.shape[1] // CACHE_LINE)
    every = np.ones(n_queries, dtype=np.bool_)
    return hops, np.full_like(hops, n_rows), np.full_like(hops, lines), every


def _walk_all(
    codes: Codes,
    neighbors: Neighbors,
    queries: Codes | Queries,
    entry_points: Ids,
    ef: int,
    limits: Distances | None,
    allowed: Mask | None,
    budget: Counts | None,
    screened: bool = False,
    horizon: Horizon | None = None,
) -> list[Outcome]:
    outcomes = []
    for number in range(len(queries[0])):
        marks = None
        if allowed is not None:
            # One mask may serve all queries.
            marks = marked_rows(allowed[number % len(allowed)], codes.n_rows)
        query = one_query(queries, number)
        limit = NO_LIMIT if limits is None else last_key_at(limits[number])
        most = None if budget is None else budget[number]
        graph = codes, neighbors, query, entry_points
        steps = walk(
            *graph,
            ef,
            allowed=marks,
            limit=limit,
            is_screened=screened,
            horizon=horizon,
        )
        outcomes.append(follow(steps, most, 0 if marks is None else ef))
    return outcomes


def _counters(
    outcomes: list[Outcome],
) -> tuple[Counts, Counts, Counts, NDArray[np.bool_]]:
    return (
        np.array([one.hops for one in outcomes], dtype=np.int64),
        np.array([one.distance_computations for one in outcomes], dtype=np.int64),
        np.array([one.lines_read for one in outcomes], dtype=np.int64),
        np.array([one.complete for one in outcomes], dtype=np.bool_),
    )
