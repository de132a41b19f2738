"""Rerank kernel; see `quiver.reference.rerank`."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.lanes import lane_dot, lane_squared_difference
from quiver.backends._numba.primitives import (
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
KEPT = [readonly(dtype, 2) for dtype in (types.float32, types.uint8, types.int8)]


@kernel(
    [
        types.float32(
            *(vectors, types.int64, MATRIX, types.int64, types.float64, types.int64)
        )
        for vectors in KEPT
    ]
)
def exact_distance(vectors, row, queries, query, query_norm2, metric):
    """Return the metric between one stored row and one query."""
    if metric == EUCLIDEAN:
        return np.float32(
            np.sqrt(lane_squared_difference(vectors, row, queries, query))
        )
    dot = lane_dot(vectors, row, queries, query)
    if metric == INNER_PRODUCT:
        return np.float32(-dot)
    norm2 = lane_dot(vectors, row, vectors, row)
    length = np.sqrt(query_norm2) * np.sqrt(norm2)
    cosine = dot / length if length > 0 else 0.0
    return np.float32(max(0.0, 1.0 - cosine))


@kernel(types.float32(types.uint64))
def distance_or_inf(key):
    """Return the distance of a key; +inf where there is none."""
    return np.float32(np.inf) if key == NO_KEY else key_distance(key)


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
    k = ids.shape[1]
    best = np.empty(k, np.uint64)
    n_lines = (vectors.shape[1] * vectors.itemsize + CACHE_LINE - 1) // CACHE_LINE
    for query in range(ids.shape[0]):
        best[:] = NO_KEY
        worst = np.float32(np.inf)
        n_read = 0
        query_norm2 = lane_dot(queries, query, queries, query)
        row_candidates, row_bounds = candidates[query], bounds[query]
        for place in range(len(row_candidates)):
            if place + 1 < len(row_candidates):
                ahead = row_candidates[place + 1]
                if ahead != NO_ID and not row_bounds[place + 1] > worst:
                    for line in range(n_lines):
                        prefetch_line(vectors, np.int64(ahead), line)
            row = row_candidates[place]
            if row == NO_ID or row_bounds[place] > worst:
                continue
            n_read += 1
            distance = exact_distance(
                vectors, np.int64(row), queries, query, query_norm2, metric
            )
            key = make_key(distance, row)
            if key < best[k - 1]:
                insert_sorted(best, k, key)
                worst = distance_or_inf(best[k - 1])
        reranked[query] = n_read
        for place in range(k):
            ids[query, place] = np.uint32(best[place])
            distances[query, place] = distance_or_inf(best[place])
