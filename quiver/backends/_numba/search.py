"""Search kernel; see `quiver.reference.search` for the walk."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import KIND, SIDE, SUMS, measure
from quiver.backends._numba.primitives import (
    NO_ID,
    NO_KEY,
    insert_sorted,
    kernel,
    make_key,
    prefetch_line,
    readonly,
    writable,
)

NEIGHBORS = readonly(types.uint32, 2)
LINE_WORDS = 8


@kernel(
    types.int64(
        NEIGHBORS, types.int64, writable(types.uint64, 1), writable(types.uint32, 1)
    )
)
def take_unseen(neighbors, node, seen, fresh):
    """Mark the neighbours of ``node`` seen; gather the unseen and count them.

    The store is unconditional and only the count depends on the mark, so the loop
    has no branch to mispredict.
    """
    n_fresh = 0
    for place in range(neighbors.shape[1]):
        row = neighbors[node, place]
        if row == NO_ID:
            break
        word = np.int64(row >> np.uint32(6))
        bit = np.uint64(1) << np.uint64(row & np.uint32(63))
        fresh[n_fresh] = row
        n_fresh += np.int64((seen[word] & bit) == np.uint64(0))
        seen[word] |= bit
    return n_fresh


@kernel(
    types.void(
        *KIND,
        *SIDE,
        *SIDE,
        SUMS,
        NEIGHBORS,
        types.int64,
        writable(types.uint64, 2),
        writable(types.int64, 1),
        writable(types.int64, 1),
    )
)
def search_rows(
    mode,
    dim,
    inverse_length,
    words,
    floats,
    column,
    query_words,
    query_floats,
    query_column,
    value_sums,
    neighbors,
    entry_point,
    beams,
    hops,
    distance_computations,
):
    """Walk once per query; fills the beams and both counters."""
    ef = beams.shape[1]
    seen = np.empty((words.shape[0] + 63) >> 6, np.uint64)
    expanded = np.empty(ef, np.bool_)
    fresh = np.empty(neighbors.shape[1] + 1, np.uint32)
    found = np.empty(neighbors.shape[1] + 1, np.float32)
    code_lines = (words.shape[1] + LINE_WORDS - 1) // LINE_WORDS
    for query in range(beams.shape[0]):
        beam = beams[query]
        beam[:] = NO_KEY
        seen[:] = np.uint64(0)
        fresh[0] = entry_point
        seen[entry_point >> 6] |= np.uint64(1) << np.uint64(entry_point & 63)
        n_fresh, count, first, n_hops, n_computed = 1, 0, 0, 0, 0
        while True:
            for place in range(n_fresh):
                for line in range(code_lines):
                    prefetch_line(words, np.int64(fresh[place]), line)
            n_computed += n_fresh
            measure(
                mode,
                dim,
                inverse_length,
                words,
                floats,
                column,
                query_words,
                query_floats,
                query_column,
                value_sums,
                query,
                fresh,
                n_fresh,
                found,
            )
            for place in range(n_fresh):
                key = make_key(found[place], fresh[place])
                if count == ef and key >= beam[ef - 1]:
                    continue
                at = insert_sorted(beam, count, key)
                for moved in range(min(count, ef - 1), at, -1):
                    expanded[moved] = expanded[moved - 1]
                expanded[at] = False
                count = min(count + 1, ef)
                first = min(first, at)
            while first < count and expanded[first]:
                first += 1
            if first == count:
                break
            expanded[first] = True
            n_hops += 1
            n_fresh = take_unseen(
                neighbors, np.int64(np.uint32(beam[first])), seen, fresh
            )
        hops[query] = n_hops
        distance_computations[query] = n_computed
