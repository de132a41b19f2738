"""Rerank kernel; see `quiver.reference.rerank`."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.lanes import (
    lane_dot,
    lane_dot_and_norm2,
    lane_squared_difference,
)
from quiver.backends._numba.primitives import (
    borrowed,
    insert_sorted,
    kernel,
    key_distance,
    make_key,
    prefetch_line,
    readonly,
    writable,
)
from quiver.reference.codes import CACHE_LINE
from quiver.reference.keys import NO_ID, NO_KEY

COSINE, EUCLIDEAN, INNER_PRODUCT = 0, 1, 2
MATRIX = readonly(types.float32, 2)
IDS = readonly(types.uint32, 1)
BOUNDS = readonly(types.float32, 1)
KEPT = [readonly(dtype, 2) for dtype in (types.float32, types.uint8, types.int8)]

PREFETCH_BYTES = 6144
"""How far ahead rows are asked for: enough to cover the latency of main memory."""


@kernel(
    [
        types.float32(
            *(vectors, types.int64, MATRIX, types.int64, types.float64, types.int64)
        )
        for vectors in KEPT
    ],
    inline=True,
)
def exact_distance(vectors, row, queries, query, query_norm2, metric):
    """Return the metric between one stored row and one query."""
    if metric == EUCLIDEAN:
        return np.float32(
            np.sqrt(lane_squared_difference(vectors, row, queries, query))
        )
    if metric == INNER_PRODUCT:
        return np.float32(-lane_dot(vectors, row, queries, query))
    dot, norm2 = lane_dot_and_norm2(vectors, row, queries, query)
    length = np.sqrt(query_norm2) * np.sqrt(norm2)
    cosine = dot / length if length > 0 else 0.0
    return np.float32(max(0.0, 1.0 - cosine))


@kernel(types.float32(types.uint64))
def distance_or_inf(key):
    """Return the distance of a key; +inf where there is none."""
    return np.float32(np.inf) if key == NO_KEY else key_distance(key)


@kernel(types.boolean(IDS, BOUNDS, types.int64, types.float32), inline=True)
def matters(candidates, bounds, place, worst):
    """Return whether a candidate can still be among the best."""
    return candidates[place] != NO_ID and not bounds[place] > worst


@kernel(
    [
        types.int64(
            *(vectors, MATRIX, types.int64, IDS, BOUNDS),
            *(types.int64, writable(types.uint64, 1)),
        )
        for vectors in KEPT
    ]
)
def rerank_list(vectors, queries, query, candidates, bounds, metric, best):
    """Keep the nearest candidates of one query; return how many were read.

    What is asked for ahead may not be.
    """
    vectors, queries, candidates, bounds, best = borrowed(
        (vectors, queries, candidates, bounds, best)
    )
    row_bytes = vectors.shape[1] * vectors.itemsize
    n_lines = (row_bytes + CACHE_LINE - 1) // CACHE_LINE
    query_norm2 = lane_dot(queries, query, queries, query)
    width, worst = len(candidates), np.float32(np.inf)
    n_asked = n_read = 0
    best[:] = NO_KEY
    for place in range(width):
        while n_asked < min(width, place + 2 + PREFETCH_BYTES // row_bytes):
            if matters(candidates, bounds, n_asked, worst):
                for line in range(n_lines):
                    prefetch_line(vectors, np.int64(candidates[n_asked]), line)
            n_asked += 1
        if not matters(candidates, bounds, place, worst):
            continue
        n_read += 1
        row = candidates[place]
        distance = exact_distance(
            vectors, np.int64(row), queries, query, query_norm2, metric
        )
        key = make_key(distance, row)
        if key < best[-1]:
            insert_sorted(best, len(best), key)
            worst = distance_or_inf(best[-1])
    return n_read


@kernel(
    [
        types.void(
            vectors,
            MATRIX,
            readonly(types.uint32, 2),
            MATRIX,
            types.int64,
            writable(types.uint32, 2),
            writable(types.float32, 2),
            writable(types.int64, 1),
        )
        for vectors in KEPT
    ]
)
def rerank_rows(vectors, queries, candidates, bounds, metric, ids, distances, reranked):
    """Order every row of candidates; fills ids, distances and counts."""
    best = np.empty(ids.shape[1], np.uint64)
    for query in range(ids.shape[0]):
        asked = candidates[query], bounds[query]
        reranked[query] = rerank_list(vectors, queries, query, *asked, metric, best)
        for place in range(len(best)):
            ids[query, place] = np.uint32(best[place])
            distances[query, place] = distance_or_inf(best[place])
