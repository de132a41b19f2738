"""Answer kernel: a search from queries to ids; see `quiver.reference.answer`."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import KIND, SIDE
from quiver.backends._numba.encode import quantize_rows
from quiver.backends._numba.horizon import HORIZON
from quiver.backends._numba.lanes import lane_dot
from quiver.backends._numba.primitives import (
    insert_sorted,
    kernel,
    key_distance,
    make_key,
    readonly,
    writable,
)
from quiver.backends._numba.rerank import (
    EUCLIDEAN,
    INNER_PRODUCT,
    KEPT,
    MATRIX,
    rerank_rows,
)
from quiver.backends._numba.search import NEIGHBORS, search_rows
from quiver.backends._numba.seen import ROWS
from quiver.backends._numba.transform import VECTOR
from quiver.backends._numba.walk import MASKS, walk_by_rules
from quiver.reference.bounds import LEAST_DIM
from quiver.reference.keys import NO_ID, NO_KEY

IDS = readonly(types.int64, 1)
PAIRS = readonly(types.uint32, 2)
GRAPH = types.Tuple((NEIGHBORS, ROWS, MASKS))
MAP = types.Tuple((types.int64, VECTOR, MATRIX))
TERMS = types.UniTuple(types.float32, 4)
BEAMS = writable(types.uint64, 2)
CANDIDATES = writable(types.uint32, 2)
BOUNDS = writable(types.float32, 2)
COUNTERS = writable(types.int64, 2)


@kernel(types.void(BEAMS, types.int64, ROWS, MASKS, CANDIDATES))
def list_candidates(beams, depth, beside, masks, candidates):
    """Write the rows of every beam, then of those beside it all that may answer."""
    for query in range(candidates.shape[0]):
        row = candidates[query]
        for place in range(depth):
            row[place] = np.uint32(beams[query, place])
        for number in range(len(beside)):
            other = beside[number]
            is_new = True
            if masks.shape[0] > 0:
                word = masks[0, np.int64(other >> np.uint32(6))]
                bit = (word >> np.uint64(other & np.uint32(63))) & np.uint64(1)
                is_new = bit != np.uint64(0)
            for place in range(depth):
                is_new = is_new and row[place] != other
            row[depth + number] = other if is_new else NO_ID


@kernel(
    types.void(
        *(types.int64, TERMS, MATRIX, MATRIX, types.int64),
        *(MATRIX, MATRIX, BEAMS, types.int64, BOUNDS),
    )
)
def bound_beam(
    metric, terms, mean, queries, query, floats, corrections, beams, depth, bounds
):
    """Write the bounds of one beam; see `quiver.reference.bounds`."""
    estimate, rounding, per_norm, per_step = terms
    n_known = 0
    for j in range(queries.shape[1]):
        n_known += np.int64(queries[query, j] != 0)
    if n_known < LEAST_DIM:
        return
    step, norm2 = corrections[query, 0], corrections[query, 1]
    error = np.sqrt(norm2 * per_norm + step * step * per_step)
    less = norm2 * rounding
    if metric == INNER_PRODUCT:
        shift = np.float32(lane_dot(queries, query, mean, 0))
        half = norm2 * np.float32(0.5)
        less += half + shift + np.float32(2) * rounding * abs(shift)
    for place in range(depth):
        key = beams[query, place]
        if key == NO_KEY:
            break
        scale = floats[np.int64(np.uint32(key)), 0]
        bound = key_distance(key) * estimate - (scale * error + less)
        if metric == EUCLIDEAN:
            bound = np.sqrt(max(bound, np.float32(0)))
        bounds[query, place] = bound


@kernel(types.int64(PAIRS, types.uint32))
def find_copies(unlinked, row):
    """Return from where on the pairs of a row may lie."""
    low, high = 0, unlinked.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if unlinked[middle, 0] < row:
            low = middle + 1
        else:
            high = middle
    return low


@kernel(
    types.void(PAIRS, types.uint32, types.float32, writable(types.uint64, 1)),
)
def join_copies(unlinked, row, distance, best):
    """Merge in the rows equal to one, ``NO_ID`` for zero vectors, at its distance."""
    k = len(best)
    for place in range(find_copies(unlinked, row), unlinked.shape[0]):
        key = make_key(distance, unlinked[place, 1])
        if unlinked[place, 0] != row or key >= best[k - 1]:
            break
        insert_sorted(best, k, key)


@kernel(
    types.int64(
        *(PAIRS, IDS, readonly(types.uint32, 1), readonly(types.float32, 1)),
        *(writable(types.int64, 1), writable(types.float32, 1)),
    )
)
def write_answer(unlinked, ids, rows, distances, found, exact):
    """Join the unlinked rows and write ids and distances; return how many."""
    k = len(found)
    best = np.empty(k, np.uint64)
    for place in range(k):
        key = make_key(distances[place], rows[place])
        best[place] = NO_KEY if rows[place] == NO_ID else key
    if unlinked.shape[0] > 0:
        for place in range(k):
            if rows[place] != NO_ID:
                join_copies(unlinked, rows[place], distances[place], best)
        join_copies(unlinked, NO_ID, np.float32(1), best)
    n_found = 0
    for place in range(k):
        is_found = best[place] != NO_KEY
        n_found += np.int64(is_found)
        row = np.int64(np.uint32(best[place]))
        found[place] = ids[row] if is_found else -1
        exact[place] = key_distance(best[place]) if is_found else np.float32(np.inf)
    return n_found


@kernel(
    types.Tuple((BEAMS, BOUNDS))(
        *(KIND, SIDE, GRAPH, MAP, MATRIX, types.int64, types.boolean, HORIZON),
        COUNTERS,
    )
)
def walk_queries(
    kind, base, graph, transform, queries, ef, screened, horizon, counters
):
    """Return the beams and the corrections of queries; fills three counters."""
    words, _ = base
    neighbors, entry_points, masks = graph
    n_queries, n_planes = queries.shape[0], 8 // kind[2]
    values = np.zeros((n_queries, n_planes, 8 * words.shape[1]), np.int8)
    corrections = np.zeros((n_queries, 2), np.float32)
    quantize_rows(queries, *transform, values, corrections)
    flat = values.reshape(n_queries, n_planes * 8 * words.shape[1])
    sums = np.empty(n_queries, np.int64)
    for query in range(n_queries):
        total = 0
        for place in range(flat.shape[1]):
            total += np.int64(flat[query, place])
        sums[query] = total
    beams = np.empty((n_queries, ef), np.uint64)
    asked = flat.view(np.uint64), corrections
    if masks.shape[0] > 0:
        budgets = np.full(n_queries, np.iinfo(np.int64).max)
        walk_by_rules(
            *(kind, base, asked, sums, neighbors, entry_points, masks, budgets),
            *(np.empty(0, np.float32), beams, counters[1], counters[2], counters[4]),
            *(np.empty(n_queries, np.bool_), np.empty(n_queries + 1, np.int64)),
            *(screened, horizon),
        )
    else:
        search_rows(
            *(kind, base, asked, sums, neighbors, entry_points),
            *(beams, counters[1], counters[2], counters[4], screened, horizon),
        )
    return beams, corrections


@kernel(
    [
        types.void(
            *(KIND, SIDE, GRAPH, MAP, vectors, types.int64, TERMS),
            *(MATRIX, IDS, ROWS, PAIRS, types.boolean),
            *(MATRIX, types.int64, types.int64, types.boolean, HORIZON),
            *(writable(types.int64, 2), BOUNDS, COUNTERS),
        )
        for vectors in KEPT
    ]
)
def answer_rows(
    kind,
    base,
    graph,
    transform,
    vectors,
    metric,
    terms,
    mean,
    ids,
    beside,
    unlinked,
    screened,
    queries,
    ef,
    depth,
    bounded,
    horizon,
    found,
    exact,
    counters,
):
    """Fill the ids, the distances and the five counters of every query."""
    n_queries, k = found.shape
    beams, corrections = walk_queries(
        kind, base, graph, transform, queries, ef, screened, horizon, counters
    )
    candidates = np.empty((n_queries, depth + len(beside)), np.uint32)
    bounds = np.full(candidates.shape, np.float32(-np.inf))
    list_candidates(beams, depth, beside, graph[2], candidates)
    for query in range(n_queries):
        if bounded:
            bound_beam(
                *(metric, terms, mean, queries, query),
                *(base[1], corrections, beams, depth, bounds),
            )
    rows = np.empty((n_queries, k), np.uint32)
    distances = np.empty((n_queries, k), np.float32)
    rerank_rows(
        vectors, queries, candidates, bounds, metric, rows, distances, counters[3]
    )
    for query in range(n_queries):
        counters[0, query] = write_answer(
            *(unlinked, ids, rows[query], distances[query], found[query], exact[query])
        )
