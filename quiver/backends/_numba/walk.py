"""Walks with rules, and the scan; see `quiver.reference.walk` for where a walk ends.

What may be expanded is a heap, and the beam holds rows that may answer. One walk after
the other: the taking turns of `quiver.backends._numba.search` is for plain ones.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import KIND, LINE_WORDS, SIDE, SUMS, measure
from quiver.backends._numba.horizon import HORIZON, is_beyond, keep_within
from quiver.backends._numba.primitives import (
    borrowed,
    insert_sorted,
    kernel,
    make_key,
    readonly,
    writable,
)
from quiver.backends._numba.screen import bound_at, cut, measure_screened
from quiver.backends._numba.search import BEAM, COUNTS, NEIGHBORS, expand
from quiver.backends._numba.seen import (
    NODES_PASSED,
    ROWS,
    enlarged,
    is_too_small,
    shift_of,
    take_unseen,
    words_for,
)
from quiver.reference.keys import NO_ID, NO_KEY
from quiver.reference.walk import PATIENCE

KEYS = types.Array(types.uint64, 1, "C")
MASKS = readonly(types.uint64, 2)
LISTED = types.Array(types.uint32, 1, "C", readonly=True)
SCAN_BLOCK = 1024


@kernel(KEYS(KEYS, types.int64))
def grown(keys, needed):
    """Return the keys in an array of at least so many places, the same if it fits."""
    if needed <= len(keys):
        return keys
    more = np.empty(max(needed, 2 * len(keys)), np.uint64)
    for place in range(len(keys)):
        more[place] = keys[place]
    return more


@kernel(types.void(KEYS, types.int64, types.uint64))
def push(heap, size, key):
    """Add a key to a heap of so many; the smallest is first."""
    place = size
    while place > 0 and heap[(place - 1) >> 1] > key:
        heap[place] = heap[(place - 1) >> 1]
        place = (place - 1) >> 1
    heap[place] = key


@kernel(types.uint64(KEYS, types.int64))
def pop(heap, size):
    """Remove the smallest key of a heap of so many and return it."""
    smallest, last = heap[0], heap[size - 1]
    place, below = 0, 1
    while below < size - 1:
        if below + 1 < size - 1 and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= last:
            break
        heap[place] = heap[below]
        place, below = below, 2 * below + 1
    heap[place] = last
    return smallest


@kernel(types.boolean(MASKS, types.int64, types.uint32))
def is_allowed(masks, query, row):
    """Return whether a row may answer a query; no masks allow all rows."""
    if masks.shape[0] == 0:
        return True
    word = masks[query if masks.shape[0] > 1 else 0, np.int64(row >> np.uint32(6))]
    return (word >> np.uint64(row & np.uint32(63))) & np.uint64(1) != np.uint64(0)


@kernel(types.int64(BEAM, types.int64, types.uint64))
def keep(beam, count, key):
    """Insert a key into a beam of so many, if it belongs there; return how many."""
    if count == len(beam) and key >= beam[count - 1]:
        return count
    insert_sorted(beam, count, key)
    return min(count + 1, len(beam))


@kernel(
    types.UniTuple(types.int64, 3)(
        *(writable(types.float32, 1), writable(types.uint32, 1), types.int64),
        *(MASKS, types.int64, types.uint64, types.uint64),
        *(KEYS, types.int64, BEAM, types.int64, KEYS, types.int64),
    )
)
def admit(
    found,
    newly_seen,
    n_new,
    masks,
    query,
    bound,
    limit,
    frontier,
    n_waiting,
    beam,
    count,
    balls,
    n_in_balls,
):
    """Put what was measured where it belongs; return the sizes of the three lists."""
    for place in range(n_new):
        key = make_key(found[place], newly_seen[place])
        if key > bound:
            continue
        push(frontier, n_waiting, key)
        n_waiting += 1
        if not is_allowed(masks, query, newly_seen[place]):
            continue
        count = keep(beam, count, key)
        balls[n_in_balls] = key
        n_in_balls += np.int64(key <= limit)
    return n_waiting, count, n_in_balls


@kernel(
    KEYS(
        *(KIND, SIDE, SIDE, SUMS, NEIGHBORS, ROWS),
        *(MASKS, readonly(types.int64, 1), readonly(types.float32, 1)),
        *(writable(types.uint64, 2), COUNTS, COUNTS, COUNTS),
        *(writable(types.boolean, 1), COUNTS, types.boolean, HORIZON),
    )
)
def walk_by_rules(
    kind,
    base,
    queries,
    value_sums,
    neighbors,
    entry_points,
    masks,
    budgets,
    limits,
    beams,
    hops,
    distance_computations,
    lines_read,
    complete,
    offsets,
    screened,
    horizon,
):
    """Walk once per query; fills the beams and counters, returns the keys of balls.

    Without limits there are no keys in any ball.
    """
    base, queries, value_sums, neighbors, entry_points, masks, beams = borrowed(
        (base, queries, value_sums, neighbors, entry_points, masks, beams)
    )
    words = base[0]
    n_queries, ef = beams.shape
    width = max(neighbors.shape[1], len(entry_points))
    n_rows = words.shape[0]
    n_ids = (ef + NODES_PASSED) * neighbors.shape[1] + len(entry_points)
    n_words = words_for(n_ids, n_rows)
    nothing_seen = np.empty((1, n_words), np.uint32)
    newly_seen = np.empty(width + 1, np.uint32)
    found = np.empty(width + 1, np.float32)
    totals = np.empty((2, width + 1), np.int32)
    frontier = np.empty(width, np.uint64)
    balls = np.empty(width, np.uint64)
    n_in_balls = 0
    offsets[0] = 0
    parts = cut(kind, base, queries, screened)
    n_lines, is_cut = words.shape[1] // LINE_WORDS, parts[0].shape[1] > 0
    for query in range(n_queries):
        beam = beams[query]
        seen, shift = nothing_seen, shift_of(n_words, n_rows)
        beam[:], seen[:] = NO_KEY, NO_ID
        count, n_waiting, bound, limit = 0, 0, NO_KEY, np.uint64(0)
        if len(limits) > 0:
            limit = make_key(limits[query], NO_ID)
        hops[query] = distance_computations[query] = lines_read[query] = 0
        n_new = take_unseen(entry_points, seen[0], shift, newly_seen)
        while True:
            distance_computations[query] += n_new
            if is_cut:
                n_new, n_read = measure_screened(
                    *(kind, base, queries, parts, query, bound_at(bound)),
                    *(newly_seen, n_new, found, totals),
                )
                lines_read[query] += n_read
            else:
                measure(
                    kind, base, queries, value_sums, query, newly_seen, n_new, found
                )
                lines_read[query] += n_new * n_lines
            frontier = grown(frontier, n_waiting + n_new)
            balls = grown(balls, n_in_balls + n_new)
            n_waiting, count, n_in_balls = admit(
                *(found, newly_seen, n_new, masks, query, bound, limit),
                *(frontier, n_waiting, beam, count, balls, n_in_balls),
            )
            # Never rises, so what is beyond it will not be expanded.
            bound = max(beam[ef - 1], limit)
            is_over = n_waiting == 0 or frontier[0] > bound
            complete[query] = is_over or is_beyond(horizon, frontier[0], beam, count)
            budget = budgets[query]
            if masks.shape[0] > 0 and count < ef:
                budget //= PATIENCE
            if complete[query] or distance_computations[query] >= budget:
                break
            node = np.int64(pop(frontier, n_waiting) & np.uint64(NO_ID))
            n_waiting -= 1
            hops[query] += 1
            n_ids = distance_computations[query] + width
            if is_too_small(seen.shape[1], shift, n_ids):
                seen = enlarged(seen, n_ids, n_rows)
                shift = shift_of(seen.shape[1], n_rows)
            n_new = expand(words, neighbors, node, seen[0], shift, newly_seen)
        balls[offsets[query] : n_in_balls].sort()
        offsets[query + 1] = n_in_balls
    keep_within(horizon, beams)
    return balls[:n_in_balls].copy()


@kernel(types.void(KIND, SIDE, SIDE, SUMS, LISTED, writable(types.uint64, 2)))
def scan_rows(kind, base, queries, value_sums, rows, beams):
    """Keep the nearest of the rows in the beam of every query."""
    found = np.empty(SCAN_BLOCK, np.float32)
    beams[:] = NO_KEY
    for query in range(beams.shape[0]):
        count = 0
        for start in range(0, len(rows), SCAN_BLOCK):
            block = rows[start : start + SCAN_BLOCK]
            measure(kind, base, queries, value_sums, query, block, len(block), found)
            for place in range(len(block)):
                key = make_key(found[place], block[place])
                count = keep(beams[query], count, key)
