"""Search kernel; see `quiver.reference.search` for the walk."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import (
    KIND,
    LINE_WORDS,
    SIDE,
    SUMS,
    WORDS,
    measure,
)
from quiver.backends._numba.horizon import HORIZON, is_beyond, keep_within
from quiver.backends._numba.primitives import (
    borrowed,
    insert_sorted,
    kernel,
    make_key,
    move_up,
    prefetch_line,
    readonly,
    writable,
)
from quiver.backends._numba.screen import (
    PARTS,
    bound_at,
    cut,
    measure_screened,
)
from quiver.backends._numba.seen import (
    NODES_PASSED,
    ROWS,
    SEEN,
    SEEN_BY_WALKS,
    enlarged,
    is_too_small,
    shift_of,
    take_unseen,
    words_for,
)
from quiver.reference.keys import NO_ID, NO_KEY

NEIGHBORS = readonly(types.uint32, 2)
BEAM = writable(types.uint64, 1)
FLAGS = writable(types.boolean, 1)
FOUND = writable(types.float32, 1)
LIST = writable(types.uint32, 1)
COUNTS = writable(types.int64, 1)
LINE_IDS = 16
N_WALKS = 4
CLOSED = -1


@kernel(types.int64(BEAM, FLAGS, types.int64, FOUND, LIST, types.int64), inline=True)
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
    types.int64(WORDS, NEIGHBORS, types.int64, SEEN, types.int64, LIST), inline=True
)
def expand(words, neighbors, node, seen, shift, newly_seen):
    """Gather the unseen neighbours of a node, ask for their rows and count them."""
    n_newly_seen = take_unseen(neighbors[node], seen, shift, newly_seen)
    code_lines = (words.shape[1] + LINE_WORDS - 1) // LINE_WORDS
    for place in range(n_newly_seen):
        for line in range(code_lines):
            prefetch_line(words, np.int64(newly_seen[place]), line)
    return n_newly_seen


@kernel(types.int64(BEAM, FLAGS, types.int64, NEIGHBORS, HORIZON), inline=True)
def choose(beam, expanded, count, neighbors, horizon):
    """Return the first unexpanded node, its list on the way, or ``CLOSED``."""
    place = 0
    while place < count and expanded[place]:
        place += 1
    if place == count or is_beyond(horizon, beam[place], beam, count):
        return CLOSED
    expanded[place] = True
    node = np.int64(np.uint32(beam[place]))
    for line in range((neighbors.shape[1] + LINE_IDS - 1) // LINE_IDS):
        prefetch_line(neighbors, node, line)
    return node


@kernel(
    types.int64(
        *(KIND, SIDE, SIDE, SUMS, NEIGHBORS, ROWS, writable(types.uint64, 2)),
        *(COUNTS, COUNTS, COUNTS, PARTS),
        *(SEEN_BY_WALKS, types.int64, writable(types.boolean, 2)),
        *(writable(types.uint32, 2), COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, HORIZON),
    )
)
def take_turns(
    kind,
    base,
    queries,
    value_sums,
    neighbors,
    entry_points,
    beams,
    hops,
    distance_computations,
    lines_read,
    parts,
    seen,
    shift,
    expanded,
    newly_seen,
    n_newly_seen,
    counts,
    nodes,
    walked,
    progress,
    horizon,
):
    """Walk on until all have ended or one may see more rows than its table takes.

    Returns how many it may see, or 0 when all have ended. ``progress`` counts the
    queries whose walks were opened and ended.
    """
    base, queries, value_sums, neighbors, entry_points, beams = borrowed(
        (base, queries, value_sums, neighbors, entry_points, beams)
    )
    hops, distance_computations, seen, expanded, newly_seen, n_newly_seen = borrowed(
        (hops, distance_computations, seen, expanded, newly_seen, n_newly_seen)
    )
    counts, nodes, walked, progress = borrowed((counts, nodes, walked, progress))
    n_queries, n_walks, width = len(beams), len(seen), newly_seen.shape[1] - 1
    found = np.empty(width + 1, np.float32)
    totals = np.empty((2, width + 1), np.int32)
    n_lines, is_cut = base[0].shape[1] // LINE_WORDS, parts[0].shape[1] > 0
    n_ids = 0
    while progress[1] < n_queries and not is_too_small(seen.shape[1], shift, n_ids):
        for walk in range(n_walks):
            if nodes[walk] != CLOSED:
                hops[walked[walk]] += 1
                rows, unseen = seen[walk], newly_seen[walk]
                n_newly_seen[walk] = expand(
                    base[0], neighbors, nodes[walk], rows, shift, unseen
                )
            elif progress[0] < n_queries:
                walked[walk], counts[walk] = progress[0], 0
                seen[walk] = NO_ID
                n_newly_seen[walk] = take_unseen(
                    entry_points, seen[walk], shift, newly_seen[walk]
                )
                progress[0] += 1
            else:
                walked[walk] = CLOSED
        for walk in range(n_walks):
            query, count = walked[walk], n_newly_seen[walk]
            if query == CLOSED:
                continue
            unseen = newly_seen[walk]
            distance_computations[query] += count
            if is_cut:
                bound = bound_at(beams[query, -1])
                count, n_read = measure_screened(
                    *(kind, base, queries, parts, query, bound, unseen, count),
                    *(found, totals),
                )
                lines_read[query] += n_read
            else:
                measure(kind, base, queries, value_sums, query, unseen, count, found)
                lines_read[query] += count * n_lines
            beam, flags = beams[query], expanded[walk]
            counts[walk] = accept(beam, flags, counts[walk], found, unseen, count)
            nodes[walk] = choose(beam, flags, counts[walk], neighbors, horizon)
            progress[1] += nodes[walk] == CLOSED
            n_ids = max(n_ids, distance_computations[query] + width)
    return n_ids if progress[1] < n_queries else 0


@kernel(
    types.void(
        *(KIND, SIDE, SIDE, SUMS, NEIGHBORS, ROWS, writable(types.uint64, 2)),
        *(COUNTS, COUNTS, COUNTS, types.boolean, HORIZON),
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
    lines_read,
    screened,
    horizon,
):
    """Walk once per query; fills the beams and the counters.

    Several walks take turns: while one waits for the rows it asked for, the others
    compute. They share nothing, so their answers cannot depend on it.
    """
    n_rows = base[0].shape[0]
    n_queries, ef = beams.shape
    n_walks = min(N_WALKS, n_queries)
    width = max(neighbors.shape[1], len(entry_points))
    n_ids = (ef + NODES_PASSED) * neighbors.shape[1] + len(entry_points)
    seen = np.empty((n_walks, words_for(n_ids, n_rows)), np.uint32)
    expanded = np.empty((n_walks, ef), np.bool_)
    newly_seen = np.empty((n_walks, width + 1), np.uint32)
    n_newly_seen = np.empty(n_walks, np.int64)
    counts = np.empty(n_walks, np.int64)
    walked = np.empty(n_walks, np.int64)
    nodes = np.full(n_walks, CLOSED)
    progress = np.zeros(2, np.int64)
    beams[:] = NO_KEY
    hops[:] = 0
    distance_computations[:] = 0
    lines_read[:] = 0
    parts = cut(kind, base, queries, screened)
    while True:
        n_ids = take_turns(
            *(kind, base, queries, value_sums, neighbors, entry_points, beams, hops),
            *(distance_computations, lines_read, parts),
            *(seen, shift_of(seen.shape[1], n_rows), expanded),
            *(newly_seen, n_newly_seen, counts, nodes, walked, progress, horizon),
        )
        if n_ids == 0:
            break
        seen = enlarged(seen, n_ids, n_rows)
    keep_within(horizon, beams)
