"""Search kernel; see `quiver.reference.search` for the walk."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import KIND, SIDE, SUMS, WORDS, measure
from quiver.backends._numba.primitives import (
    insert_sorted,
    kernel,
    make_key,
    move_up,
    prefetch_line,
    readonly,
    writable,
)
from quiver.backends._numba.seen import (
    NODES_PASSED,
    SEEN,
    shift_of,
    take_unseen,
    with_room,
    words_for,
)
from quiver.reference.keys import NO_ID, NO_KEY

NEIGHBORS = readonly(types.uint32, 2)
BEAM = writable(types.uint64, 1)
FLAGS = writable(types.boolean, 1)
FOUND = writable(types.float32, 1)
LIST = writable(types.uint32, 1)
COUNTS = writable(types.int64, 1)
LINE_WORDS = 8
LINE_IDS = 16
N_WALKS = 4
CLOSED = -1


@kernel(types.int64(BEAM, FLAGS, types.int64, FOUND, LIST, types.int64))
def accept(beam, expanded, count, found, newly_seen, n_newly_seen):
    """Insert what was measured into the beam; return the new count."""
    ef = len(beam)
    for place in range(n_newly_seen):
        key = make_key(found[place], newly_seen[place])
        if count == ef and key >= beam[ef - 1]:
            continue
        at = insert_sorted(beam, count, key)
        move_up(expanded, at, min(count, ef - 1))
        expanded[at] = False
        count = min(count + 1, ef)
    return count


@kernel(
    types.void(WORDS, NEIGHBORS, types.int64, SEEN, types.int64, LIST, COUNTS),
)
def expand(words, neighbors, node, seen, shift, newly_seen, n_newly_seen):
    """Gather the unseen neighbours of a node and ask for their rows."""
    n_newly_seen[0] = take_unseen(neighbors[node], seen, shift, newly_seen)
    code_lines = (words.shape[1] + LINE_WORDS - 1) // LINE_WORDS
    for place in range(n_newly_seen[0]):
        for line in range(code_lines):
            prefetch_line(words, np.int64(newly_seen[place]), line)


@kernel(types.int64(BEAM, FLAGS, types.int64, NEIGHBORS))
def choose(beam, expanded, count, neighbors):
    """Return the first unexpanded node, its list on the way, or ``CLOSED``."""
    place = 0
    while place < count and expanded[place]:
        place += 1
    if place == count:
        return CLOSED
    expanded[place] = True
    node = np.int64(np.uint32(beam[place]))
    for line in range((neighbors.shape[1] + LINE_IDS - 1) // LINE_IDS):
        prefetch_line(neighbors, node, line)
    return node


@kernel(
    types.void(
        KIND,
        SIDE,
        SIDE,
        SUMS,
        NEIGHBORS,
        readonly(types.uint32, 1),
        writable(types.uint64, 2),
        COUNTS,
        COUNTS,
    )
)
def search_rows(
    kind,
    base,
    queries,
    value_sums,
    neighbors,
    entry_points,
    beams,
    hops,
    distance_computations,
):
    """Walk once per query; fills the beams and both counters.

    Several walks take turns: while one waits for the rows it asked for, the others
    compute. They share nothing, so their answers cannot depend on it.
    """
    words = base[0]
    n_queries, ef = beams.shape
    n_walks = min(N_WALKS, n_queries)
    width = max(neighbors.shape[1], len(entry_points))
    n_rows = words.shape[0]
    n_words = words_for((ef + NODES_PASSED) * width, n_rows)
    seen = np.empty((n_walks, n_words), np.uint32)
    shift = shift_of(n_words, n_rows)
    expanded = np.empty((n_walks, ef), np.bool_)
    newly_seen = np.empty((n_walks, width + 1), np.uint32)
    n_newly_seen = np.empty((n_walks, 1), np.int64)
    found = np.empty(width + 1, np.float32)
    counts = np.empty(n_walks, np.int64)
    nodes = np.full(n_walks, CLOSED)
    walked = np.empty(n_walks, np.int64)
    beams[:] = NO_KEY
    hops[:] = 0
    distance_computations[:] = 0
    n_opened, n_done = 0, 0
    while n_done < n_queries:
        for walk in range(n_walks):
            if nodes[walk] != CLOSED:
                query = walked[walk]
                hops[query] += 1
                seen = with_room(seen, distance_computations[query] + width, n_rows)
                shift = shift_of(seen.shape[1], n_rows)
                expand(
                    *(words, neighbors, nodes[walk]),
                    *(seen[walk], shift, newly_seen[walk], n_newly_seen[walk]),
                )
            elif n_opened < n_queries:
                walked[walk], counts[walk] = n_opened, 0
                seen[walk] = NO_ID
                count = take_unseen(entry_points, seen[walk], shift, newly_seen[walk])
                n_newly_seen[walk, 0] = count
                n_opened += 1
            else:
                walked[walk] = CLOSED
        for walk in range(n_walks):
            query = walked[walk]
            if query == CLOSED:
                continue
            count = n_newly_seen[walk, 0]
            measure(
                kind, base, queries, value_sums, query, newly_seen[walk], count, found
            )
            distance_computations[query] += count
            beam, flags = beams[query], expanded[walk]
            counts[walk] = accept(
                beam, flags, counts[walk], found, newly_seen[walk], count
            )
            nodes[walk] = choose(beam, flags, counts[walk], neighbors)
            n_done += nodes[walk] == CLOSED
