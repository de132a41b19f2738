"""Order: who comes first, and which nodes are inserted together.

Source: Vamana (DiskANN, NeurIPS 2019) for a start near the middle and a random order;
ParlayANN (PPoPP 2024) for batches that double. See docs/algorithm/build.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyVectors, Ids, Metric, Weights
from quiver.reference.candidates import LONGEST
from quiver.reference.codes import Codes, Transform
from quiver.reference.transform import prepared_mean, squared_distances_from

LEAST_ENTRY_POINTS, MOST_ENTRY_POINTS, ROOT_SHARE = 16, 256, 4
"""Rows measured before a walk: √n / 4, 16 to 256, eight of them the longest under
inner product. Where rows lie in groups, a walk that starts outside of one may never
find it. 200 000 rows in twenty blobs, ef=64, recall@10 (distances), built and searched
from so many against sixteen, built from one: 8-d 1.0 (760) and .950 (690), 64-d .906
(1565) and .836 (1640). MiniLM, 100 000 rows, ef=32: .933 (823) and .930 (792). Ten
million between SIFT's rows, ef=64: .870 (1042) from 256 of them, .861 (1545) of 790."""

BATCH_SHARE = 500
"""A batch holds at most n / 500 nodes. Nodes of one batch do not see each other, which
costs small clusters their edges: 20 000 rows in nested clusters, recall@10 at ef = 64:
90.4 % with n / 50, 99.7 % with n / 500."""


def choose_entry_point(
    vectors: AnyVectors, codes: Codes, transform: Transform, unlinked: Ids
) -> int:
    """Return the linked row nearest the mean of the prepared base, ties by id.

    Centred corrected codes carry that distance as their bias; otherwise it is
    computed from the vectors.
    """
    if codes.weights == "corrected" and transform.mean.any():
        distances = codes.corrections[:, 1].astype(np.float64)
    else:
        scaling = transform.scaling
        mean = prepared_mean(vectors, scaling).astype(np.float64)
        distances = squared_distances_from(mean, vectors, scaling)
    distances[unlinked] = np.inf
    return int(np.argmin(distances))


def count_entry_points(n: int) -> int:
    """Return how many of n linked rows are measured before a walk."""
    count = max(LEAST_ENTRY_POINTS, isqrt(n) // ROOT_SHARE)
    return min(n, count, MOST_ENTRY_POINTS)


def choose_entry_points(
    vectors: AnyVectors,
    order: Ids,
    unlinked: Ids,
    metric: Metric,
    weights: Weights,
) -> Ids:
    """Return the first rows inserted: a few linked ones, at whose nearest to start.

    One row lies at one side of the data, and a walk from there may end at a wrong one.
    Under inner product the longest rows are among them: they answer nearly every
    query, but few rows lie near them. Published codes, which rank too coarsely to tell
    a good start, keep the published one.
    """
    if weights == "published":
        return order[:1]
    count = count_entry_points(len(order))
    if metric != "inner_product":
        return order[:count]
    norms = squared_distances_from(np.float32(0), vectors, "euclidean")
    norms[unlinked] = -1
    longest = np.argsort(-norms, kind="stable")[: min(LONGEST, len(order))]
    return _few_of(order, longest.astype(np.uint32), count)


def renewed_entry_points(
    entry_points: Ids,
    vectors: AnyVectors,
    new: Ids,
    n_nodes: int,
    metric: Metric,
    weights: Weights,
) -> Ids:
    """Return the entry points of a graph that got new nodes, and has so many now.

    The first stays. New nodes fill up what few there were; under inner product the
    longest of all of them take the places of the longest.
    """
    if weights == "published":
        return entry_points
    count = max(len(entry_points), count_entry_points(n_nodes))
    if metric != "inner_product":
        return np.concatenate([entry_points, new])[:count]
    # Those that were the longest before come after all that were drawn.
    before = _longest_of(entry_points, vectors)
    drawn = entry_points[~np.isin(entry_points, before)]
    known = np.concatenate([entry_points[:1], drawn, new, before])
    return _few_of(known, _longest_of(known, vectors), count)


def _longest_of(rows: Ids, vectors: AnyVectors) -> Ids:
    rows = np.unique(rows)
    norms = squared_distances_from(np.float32(0), vectors[rows], "euclidean")
    return rows[np.argsort(-norms, kind="stable")[:LONGEST]]


def _few_of(drawn: Ids, longest: Ids, count: int) -> Ids:
    """Return the first row drawn, then the longest, then others drawn."""
    rows = np.concatenate([drawn[:1], longest, drawn[1:]])
    _, first = np.unique(rows, return_index=True)
    return rows[np.sort(first)][:count]


def seeded_order(n: int, seed: int) -> NDArray[np.intp]:
    """Return a seeded permutation of n rows.

    The raw stream of a bit generator is the same in every NumPy release.
    """
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def insertion_order(
    n: int, entry_point: int, seed: int, unlinked: Ids | None = None
) -> Ids:
    """Return a seeded permutation of the linked rows, the entry point first."""
    order = seeded_order(n, seed).astype(np.uint32)
    left_out = np.zeros(n, dtype=bool)
    left_out[entry_point] = True
    if unlinked is not None:
        left_out[unlinked] = True
    first = np.array([entry_point], dtype=np.uint32)
    return np.concatenate([first, order[~left_out[order]]])


def batches(order: Ids) -> Iterator[Ids]:
    """Cut the order into batches of 1, 2, 4, … up to ``max(1, n // 500)`` nodes."""
    largest = max(1, len(order) // BATCH_SHARE)
    start, size = 0, 1
    while start < len(order):
        yield order[start : start + size]
        start += size
        size = min(2 * size, largest)


def growing_batches(nodes: Ids, n_inserted: int) -> Iterator[Ids]:
    """Cut nodes that join a graph, in order, into batches of a 500th of it by then."""
    start = 0
    while start < len(nodes):
        size = max(1, (n_inserted + start) // BATCH_SHARE)
        yield nodes[start : start + size]
        start += size
