"""Distance kernels; see `quiver.reference.distance` for the formulas.

One side of a distance is a pair (words, floats): rows seen as uint64 and as float32,
the corrections first. An int8 query has the same form, so one function measures every
pair. The kind of a distance is a tuple: mode, coded coordinates, bits, and what is the
same for all rows of the mode, a factor and the least distance.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.primitives import (
    dot_values,
    kernel,
    popcount,
    readonly,
    writable,
)
from quiver.reference.codes import CORRECTION_BYTES, VALUES
from quiver.reference.keys import NO_ID

LINEAR, SYMMETRIC, PUBLISHED = 0, 1, 2
"""int8 values against a code, as of queries and of wide codes; two 2-bit codes; two
published ones."""

HIGH_BITS = np.uint64(0xAAAA_AAAA_AAAA_AAAA)
LOW_BITS = np.uint64(0x5555_5555_5555_5555)
ONE = np.uint64(1)
FIRST_WORD = CORRECTION_BYTES // 8
WORDS_PER_PIECE = 4
DIMS_PER_WORD = 32

WORDS = readonly(types.uint64, 2)
FLOATS = readonly(types.float32, 2)
SUMS = readonly(types.int64, 1)
SIDE = types.Tuple((WORDS, FLOATS))
KIND = types.Tuple(
    (types.int64, types.int64, types.int64, types.float32, types.float32)
)

_dot_2, _dot_4, _dot_8 = map(dot_values, (2, 4, 8))
FACTOR_2, OFFSET_2 = VALUES[2]
FACTOR_4, OFFSET_4 = VALUES[4]
FACTOR_8, OFFSET_8 = VALUES[8]


@kernel(types.int64(WORDS, types.int64, WORDS, types.int64, types.int64))
def penalty_corrected(a_words, a, b_words, b, n_words):
    """Return ``(9·dim - ⟨w_a, w_b⟩) / 2`` for values ±1, ±3."""
    total = 0
    for word in range(FIRST_WORD, n_words):
        a_word, b_word = a_words[a, word], b_words[b, word]
        x = a_word ^ b_word
        y = a_word ^ ((b_word & LOW_BITS) << ONE | (b_word & HIGH_BITS) >> ONE)
        total += popcount(x) + 3 * popcount(x & HIGH_BITS) + 2 * popcount(y)
    return total


@kernel(types.int64(WORDS, types.int64, WORDS, types.int64, types.int64))
def penalty_published(a_words, a, b_words, b, n_words):
    """Return ``4·dim - ⟨w_a, w_b⟩`` for values ±1, ±2; padding cancels out."""
    n_coded = DIMS_PER_WORD * (n_words - FIRST_WORD)
    dot = n_coded
    for word in range(FIRST_WORD, n_words):
        a_word, b_word = a_words[a, word], b_words[b, word]
        a_strong = ~(a_word ^ (a_word << ONE)) & HIGH_BITS
        b_strong = ~(b_word ^ (b_word << ONE)) & HIGH_BITS
        differs = (a_word ^ b_word) & HIGH_BITS
        both = a_strong & b_strong
        dot += popcount(a_strong) + popcount(b_strong) + popcount(both)
        dot -= 2 * popcount(differs) + 2 * popcount(differs & (a_strong | b_strong))
        dot -= 4 * popcount(differs & both)
    return 4 * n_coded - dot


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
    )
)
def measure(kind, base, queries, value_sums, query, ids, count, out):
    """Fill ``out[:count]`` with the distances of query ``query`` to rows ``ids``.

    A list at a time, because a call costs more than a distance.
    """
    mode, dim, bits, factor, least = kind
    words, floats = base
    query_words, query_floats = queries
    query_bias = query_floats[query, 1]
    n_words = words.shape[1]
    two = np.float32(2)
    if mode == LINEAR:
        step = query_floats[query, 0]
        n_pieces = n_words // WORDS_PER_PIECE
        for place in range(count):
            row = np.int64(ids[place])
            if bits == 2:
                total = _dot_2(words, row, query_words, query, n_pieces)
                dot = FACTOR_2 * total - OFFSET_2 * value_sums[query]
            elif bits == 4:
                total = _dot_4(words, row, query_words, query, n_pieces)
                dot = FACTOR_4 * total - OFFSET_4 * value_sums[query]
            else:
                total = _dot_8(words, row, query_words, query, n_pieces)
                dot = FACTOR_8 * total - OFFSET_8 * value_sums[query]
            overlap = np.float32(dot) * (step * (floats[row, 0] * factor))
            out[place] = max(least, (query_bias + floats[row, 1]) - two * overlap)
    elif mode == SYMMETRIC:
        query_length = np.sqrt(query_bias) * factor
        for place in range(count):
            row = np.int64(ids[place])
            half = penalty_corrected(words, row, query_words, query, n_words)
            bias = floats[row, 1]
            length = np.sqrt(bias) * factor
            overlap = np.float32(9 * dim - 2 * half) * (length * query_length)
            out[place] = max(least, (bias + query_bias) - two * overlap)
    else:
        for place in range(count):
            row = np.int64(ids[place])
            penalty = penalty_published(words, row, query_words, query, n_words)
            out[place] = np.float32(penalty)


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
