"""Distance kernels; see `quiver.reference.distance` for the formulas.

One side of a distance is a pair (words, floats): rows seen as uint64 and as float32,
the corrections first. An int8 query has the same form, so one function measures every
pair. The kind of a distance is a tuple: mode, coded coordinates, bits, and what is the
same for all rows of the mode, a factor and the least distance.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.mismatches import (
    mismatches_corrected,
    mismatches_published,
)
from quiver.backends._numba.primitives import kernel, readonly, writable
from quiver.backends._numba.products import products
from quiver.reference.codes import VALUES
from quiver.reference.keys import NO_ID

LINEAR, SYMMETRIC, PUBLISHED = 0, 1, 2
"""int8 values against a code, as of queries and of wide codes; two 2-bit codes; two
published ones."""

WORDS = readonly(types.uint64, 2)
FLOATS = readonly(types.float32, 2)
SUMS = readonly(types.int64, 1)
SIDE = types.Tuple((WORDS, FLOATS))
KIND = types.Tuple(
    (types.int64, types.int64, types.int64, types.float32, types.float32)
)

LINE_WORDS = 8

products_2, products_4, products_8 = map(products, (2, 4, 8))
FACTOR_2, OFFSET_2 = VALUES[2]
FACTOR_4, OFFSET_4 = VALUES[4]
FACTOR_8, OFFSET_8 = VALUES[8]


@kernel(
    types.void(
        KIND,
        SIDE,
        SIDE,
        SUMS,
        types.int64,
        types.Array(types.uint32, 1, "C", readonly=True),
        types.int64,
        writable(types.float32, 1),
    ),
    inline=True,
)
def measure(kind, base, queries, value_sums, query, ids, count, out):
    """Fill ``out[:count]`` with the distances of query ``query`` to rows ``ids``.

    A list at a time, because a call costs more than a distance.
    """
    mode, dim, bits, factor, least = kind
    words, floats = base
    query_words, query_floats = queries
    query_bias = query_floats[query, 1]
    asked = (words, ids, count, query_words, query, 0, words.shape[1] // LINE_WORDS)
    two = np.float32(2)
    if mode == LINEAR:
        total = value_sums[query]
        if bits == 2:
            products_2(*asked, FACTOR_2, -OFFSET_2 * total, out)
        elif bits == 4:
            products_4(*asked, FACTOR_4, -OFFSET_4 * total, out)
        else:
            products_8(*asked, FACTOR_8, -OFFSET_8 * total, out)
        step = query_floats[query, 0]
        for place in range(count):
            row = np.int64(ids[place])
            overlap = out[place] * (step * (floats[row, 0] * factor))
            out[place] = max(least, (query_bias + floats[row, 1]) - two * overlap)
    elif mode == SYMMETRIC:
        mismatches_corrected(*asked, -2, 9 * dim, out)
        query_length = np.sqrt(query_bias) * factor
        for place in range(count):
            bias = floats[np.int64(ids[place]), 1]
            overlap = out[place] * (np.sqrt(bias) * factor * query_length)
            out[place] = max(least, (bias + query_bias) - two * overlap)
    else:
        mismatches_published(*asked, 1, 0, out)


@kernel(
    types.void(
        KIND,
        SIDE,
        SIDE,
        SUMS,
        readonly(types.uint32, 2),
        writable(types.float32, 2),
    )
)
def distances(kind, base, queries, value_sums, candidates, out):
    """Fill ``out`` with the distance of every (query, candidate) pair.

    One row of candidates may serve all queries.
    """
    width = out.shape[1]
    used = np.empty(width, np.uint32)
    places = np.empty(width, np.int64)
    found = np.empty(width, np.float32)
    for query in range(out.shape[0]):
        ids = candidates[query if candidates.shape[0] > 1 else 0]
        n_used = 0
        for place in range(width):
            if ids[place] != NO_ID:
                used[n_used] = ids[place]
                places[n_used] = place
                n_used += 1
        measure(kind, base, queries, value_sums, query, used, n_used, found)
        out[query] = np.float32(np.inf)
        for place in range(n_used):
            out[query, places[place]] = found[place]
