"""The rows a walk has seen, exactly; ``_simd/seen.h`` says why they are kept so.

A small base has a bit for each row, a larger one an open table of the ids seen. Words
of ones stand for nothing seen in both: an empty place of a table is ``NO_ID``.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.primitives import kernel, readonly, writable
from quiver.reference.keys import NO_ID

ROWS = readonly(types.uint32, 1)
SEEN = writable(types.uint32, 1)
SEEN_BY_WALKS = writable(types.uint32, 2)
MOST_ROWS_IN_BITS = 1 << 21
PLACES_MADE, PLACES_LEAST = 4, 2
NODES_PASSED = 16
GOLDEN_RATIO = np.uint64(0x9E3779B1)
LOW_HALF = np.uint64(0xFFFF_FFFF)


@kernel(types.int64(types.int64, types.int64))
def words_for(n_ids, n_rows):
    """Return the words of a table of so many ids, or of all bits."""
    n_bit_words, n_words = (n_rows + 31) >> 5, 1
    while n_words < PLACES_MADE * n_ids and n_words < n_bit_words:
        n_words *= 2
    return n_bit_words if n_rows <= MOST_ROWS_IN_BITS else min(n_words, n_bit_words)


@kernel(types.int64(types.int64, types.int64))
def shift_of(n_words, n_rows):
    """Return the shift of a table of 2^(32 - shift) words; 0 for bits."""
    if n_words == (n_rows + 31) >> 5:
        return 0
    shift = 32
    while n_words > 1:
        n_words >>= 1
        shift -= 1
    return shift


@kernel(types.int64(SEEN, types.uint32), inline=True)
def see_bit(seen, row):
    """See a row; return 1 if it is new, else 0."""
    place = np.int64(row >> np.uint32(5))
    bit = np.uint32(1) << (row & np.uint32(31))
    word = seen[place]
    seen[place] = word & ~bit
    return np.int64((word & bit) != np.uint32(0))


@kernel(types.int64(SEEN, types.int64, types.uint32), inline=True)
def see_in_table(seen, shift, row):
    """See a row; return 1 if it is new, else 0."""
    place = np.int64(((row * GOLDEN_RATIO) & LOW_HALF) >> np.uint64(shift))
    while (seen[place] != row) & (seen[place] != NO_ID):
        place = (place + 1) & (len(seen) - 1)
    is_new = np.int64(seen[place] != row)
    seen[place] = row
    return is_new


@kernel(types.int64(ROWS, SEEN, types.int64, SEEN), inline=True)
def take_unseen_by_table(rows, seen, shift, newly_seen):
    """See rows as `take_unseen` does; with both in one loop, bits took 2 % more."""
    n_newly_seen = 0
    for place in range(len(rows)):
        row = rows[place]
        if row == NO_ID:
            break
        newly_seen[n_newly_seen] = row
        n_newly_seen += see_in_table(seen, shift, row)
    return n_newly_seen


@kernel(types.int64(ROWS, SEEN, types.int64, SEEN), inline=True)
def take_unseen(rows, seen, shift, newly_seen):
    """See rows up to the first ``NO_ID``; gather those that are new and count them.

    The store is unconditional and only the count depends on the mark, so the loop
    has no branch to mispredict.
    """
    if shift > 0:
        return take_unseen_by_table(rows, seen, shift, newly_seen)
    n_newly_seen = 0
    for place in range(len(rows)):
        row = rows[place]
        if row == NO_ID:
            break
        newly_seen[n_newly_seen] = row
        n_newly_seen += see_bit(seen, row)
    return n_newly_seen


@kernel(types.boolean(types.int64, types.int64, types.int64))
def is_too_small(n_words, shift, n_ids):
    """Return whether a table must grow before it takes so many ids; bits never."""
    return shift > 0 and PLACES_LEAST * n_ids > n_words


@kernel(SEEN_BY_WALKS(SEEN_BY_WALKS, types.int64, types.int64))
def enlarged(seen, n_ids, n_rows):
    """Return the tables of walks in larger ones, or bits, for so many ids each."""
    n_words = words_for(n_ids, n_rows)
    larger = np.full((len(seen), n_words), NO_ID, np.uint32)
    shift = shift_of(n_words, n_rows)
    for walk in range(len(seen)):
        places = seen[walk]
        take_unseen(places[places != NO_ID], larger[walk], shift, places)
    return larger
