"""Prune kernel; see `quiver.reference.prune` for the rules."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import (
    FACTOR_4,
    FACTOR_8,
    FLOATS,
    KIND,
    LINEAR,
    OFFSET_4,
    OFFSET_8,
    SIDE,
    SUMS,
    measure,
)
from quiver.backends._numba.primitives import (
    borrowed,
    kernel,
    key_distance,
    readonly,
    writable,
)
from quiver.reference.codes import CORRECTION_BYTES
from quiver.reference.keys import NO_ID, NO_KEY

STEP = 8
"""Kept rows measured at a time, so that a near one ends the test."""

UNCOVERED, COVERED, COVERED_FOR_GOOD = range(3)

BYTES = readonly(types.uint8, 2)


@kernel(
    types.void(
        KIND,
        BYTES,
        FLOATS,
        types.int64,
        writable(types.int8, 3),
        writable(types.float32, 2),
        writable(types.int64, 1),
    )
)
def as_values(kind, rows, floats, row, values, corrections, sums):
    """Write the values of a wide code where a query has its int8 coordinates."""
    _, dim, bits, cosine, _ = kind
    factor, offset = (FACTOR_4, OFFSET_4) if bits == 4 else (FACTOR_8, OFFSET_8)
    n_bytes = rows.shape[1] - CORRECTION_BYTES
    sums[0] = 0
    for j in range(dim):
        byte, plane = CORRECTION_BYTES + j % n_bytes, j // n_bytes
        u = np.int64(rows[row, byte] >> (bits * plane)) & ((1 << bits) - 1)
        value = factor * u - offset
        values[0, plane, byte] = np.int8(value)
        sums[0] += value
    corrections[0, 0] = floats[row, 0] * cosine
    corrections[0, 1] = floats[row, 1]


@kernel(
    types.int64(
        KIND,
        SIDE,
        SIDE,
        SUMS,
        types.int64,
        writable(types.uint32, 1),
        types.int64,
        types.float32,
        types.float32,
        types.float32,
        types.float32,
        types.boolean,
        writable(types.float32, 1),
    ),
    inline=True,
)
def find_cover(
    kind,
    base,
    queries,
    value_sums,
    query,
    kept,
    n_kept,
    to_target,
    slack,
    alpha,
    least_bias,
    published,
    to_kept,
):
    """Return whether some kept row covers the candidate; ``to_kept`` is scratch.

    ``COVERED_FOR_GOOD``, where one does with ``alpha`` as well, tells only that the
    second round needs no look.
    """
    floats = base[1]
    for start in range(0, n_kept, STEP):
        count = min(STEP, n_kept - start)
        measure(kind, base, queries, value_sums, query, kept[start:], count, to_kept)
        found = UNCOVERED
        for place in range(count):
            between = to_kept[place]
            if published:
                if between < alpha * to_target:
                    return COVERED
            elif floats[np.int64(kept[start + place]), 1] >= least_bias:
                if alpha * between <= to_target:
                    return COVERED_FOR_GOOD
                if slack * between <= to_target:
                    found = COVERED
        if found != UNCOVERED:
            return found
    return UNCOVERED


@kernel(
    types.UniTuple(types.int64, 2)(
        KIND,
        SIDE,
        BYTES,
        readonly(types.uint64, 1),
        writable(types.int64, 1),
        types.int64,
        types.float32,
        types.float32,
        types.float32,
        types.boolean,
        writable(types.int8, 3),
        writable(types.uint32, 1),
        types.int64,
    )
)
def play_round(
    kind,
    base,
    rows,
    keys,
    places,
    n_places,
    slack,
    alpha,
    beta,
    published,
    values,
    kept,
    n_kept,
):
    """Keep what nothing kept covers; return how many are kept and how many struck.

    The places of the struck that a second round looks at come to the front of
    ``places``.
    """
    to_kept = np.empty(STEP, np.float32)
    is_wide = kind[0] == LINEAR
    corrections, sums = np.zeros((1, 2), np.float32), np.zeros(1, np.int64)
    words = values.reshape(1, values.shape[1] * values.shape[2]).view(np.uint64)
    floats = base[1]
    n_struck = 0
    for place in places[:n_places]:
        key = keys[place]
        if key == NO_KEY or n_kept == len(kept):
            break
        candidate = np.uint32(key)
        row = np.int64(candidate)
        if is_wide:
            as_values(kind, rows, floats, row, values, corrections, sums)
        cover = find_cover(
            kind,
            base,
            (words, corrections) if is_wide else base,
            sums,
            0 if is_wide else row,
            kept,
            n_kept,
            key_distance(key),
            slack,
            alpha,
            beta * floats[row, 1],
            published,
            to_kept,
        )
        if cover == UNCOVERED:
            kept[n_kept] = candidate
            n_kept += 1
        elif cover == COVERED:
            places[n_struck] = place
            n_struck += 1
    return n_kept, n_struck


@kernel(
    types.void(
        KIND,
        SIDE,
        BYTES,
        readonly(types.uint64, 2),
        types.float32,
        types.float32,
        types.float32,
        types.boolean,
        writable(types.int8, 3),
        writable(types.uint32, 2),
    )
)
def prune_rows(
    kind, base, rows, candidates, slack, alpha, beta, published, values, out
):
    """Fill every row of ``out`` with the kept ids of one row of sorted keys.

    ``slack`` is that of the first round, ``alpha`` of the second. ``values`` is
    scratch for a candidate's wide code, zeroed.
    """
    base, rows, candidates, out = borrowed((base, rows, candidates, out))
    width, max_degree = candidates.shape[1], out.shape[1]
    places = np.empty(width, np.int64)
    choice = alpha, beta, published, values
    for target in range(len(out)):
        keys, kept = candidates[target], out[target]
        for place in range(width):
            places[place] = place
        given = kind, base, rows, keys, places
        n_kept, n_struck = play_round(*given, width, slack, *choice, kept, 0)
        if published:
            n_filled = min(n_struck, max_degree - n_kept)
            for place in places[:n_filled]:
                kept[n_kept] = np.uint32(keys[place])
                n_kept += 1
        else:
            n_kept, _ = play_round(*given, n_struck, alpha, *choice, kept, n_kept)
        for place in range(n_kept, max_degree):
            kept[place] = NO_ID
