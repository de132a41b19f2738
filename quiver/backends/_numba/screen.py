"""Screening kernels; see `quiver.reference.screen` for the rule.

A row is read in parts, which end after 2, 4, 8 … lines and with the row.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import (
    FACTOR_2,
    FACTOR_4,
    FACTOR_8,
    KIND,
    LINE_WORDS,
    OFFSET_2,
    OFFSET_4,
    OFFSET_8,
    SIDE,
    products_2,
    products_4,
    products_8,
)
from quiver.backends._numba.primitives import kernel, key_distance, writable
from quiver.reference.keys import NO_KEY
from quiver.reference.screen import FIRST_LINES, LEAST_LINES, spread_factor

FACTORS = types.Array(types.float32, 2, "C")
PARTS = types.Tuple((types.Array(types.int64, 2, "C"), FACTORS))
"""Of every query Σv up to the end of each part, and what that foretells by: factors,
then spreads. No parts where rows are read whole."""

IDS = writable(types.uint32, 1)
TOTALS = writable(types.int32, 2)

SPREAD_2, SPREAD_4, SPREAD_8 = spread_factor(2), spread_factor(4), spread_factor(8)


@kernel(types.int64(types.int64, types.int64), inline=True)
def end_of(part, n_lines):
    """Return after which line a part ends."""
    return min(FIRST_LINES << part, n_lines)


@kernel(PARTS(KIND, SIDE, SIDE, types.boolean))
def cut(kind, base, queries, screened):
    """Return the parts of int8 queries."""
    _, _, bits, _, _ = kind
    words, floats = queries
    n_queries, n_lines = len(words), base[0].shape[1] // LINE_WORDS
    n_planes, n_parts = 8 // bits, 0
    if screened and n_lines >= LEAST_LINES:
        n_parts = 1
        while end_of(n_parts - 1, n_lines) < n_lines:
            n_parts += 1
    sums = np.empty((n_queries, n_parts), np.int64)
    factors = np.empty((n_queries, 2 * n_parts), np.float32)
    energies = np.empty(n_parts, np.int64)
    spared = SPREAD_2 if bits == 2 else SPREAD_4 if bits == 4 else SPREAD_8
    for query in range(n_queries if n_parts > 0 else 0):
        total, energy, start = 0, 0, 0
        for part in range(n_parts):
            end = end_of(part, n_lines)
            for plane in range(n_planes):
                first = LINE_WORDS * (plane * n_lines + start)
                last = LINE_WORDS * (plane * n_lines + end)
                for v in words[query, first:last].view(np.int8):
                    total += np.int64(v)
                    energy += np.int64(v) * np.int64(v)
            sums[query, part], energies[part], start = total, energy, end
        for part in range(n_parts):
            share = np.float32(energy) / np.float32(energies[part])
            factors[query, part] = np.float32(2) * floats[query, 0] * share
            unread = spared * (share - np.float32(1))
            factors[query, n_parts + part] = np.sqrt(floats[query, 1] * unread)
    return sums, factors


@kernel(types.float32(types.uint64), inline=True)
def bound_at(key):
    """Return the distance beyond which no row may matter any more."""
    return np.float32(np.inf) if key == NO_KEY else key_distance(key)


@kernel(
    types.UniTuple(types.int64, 2)(
        *(KIND, SIDE, SIDE, PARTS, types.int64, types.float32),
        *(IDS, types.int64, writable(types.float32, 1), TOTALS),
    )
)
def measure_screened(
    kind, base, queries, parts, query, bound, ids, count, found, totals
):
    """Measure the rows ``ids[:count]``; return how many are left, and the lines read.

    Those that may be within the bound move to the front, with their distances.
    ``totals`` are two rows of scratch: what was summed up, and the part read last.
    """
    _, _, bits, factor, least = kind
    words, floats = base
    value_sums, factors = parts
    n_lines, n_parts = words.shape[1] // LINE_WORDS, value_sums.shape[1]
    step, norm2 = queries[1][query, 0], queries[1][query, 1]
    scaled_by, less = FACTOR_2, OFFSET_2
    if bits > 2:
        scaled_by, less = (FACTOR_4, OFFSET_4) if bits == 4 else (FACTOR_8, OFFSET_8)
    summed, read = totals[0], totals[1]
    summed[:count] = 0
    lines_read, start, two = 0, 0, np.float32(2)
    for part in range(n_parts):
        end, is_last = end_of(part, n_lines), part == n_parts - 1
        lines_read += count * (end - start)
        asked = (words, ids, count, queries[0], query, start, end, 1, 0, read)
        if bits == 2:
            products_2(*asked)
        elif bits == 4:
            products_4(*asked)
        else:
            products_8(*asked)
        foretells, spread = factors[query, part], factors[query, n_parts + part]
        value_sum, start, n_left = value_sums[query, part], end, 0
        for place in range(count):
            row, total = np.int64(ids[place]), summed[place] + read[place]
            scale, bias = floats[row, 0], floats[row, 1]
            dot = np.float32(scaled_by * np.int64(total) - less * value_sum)
            ids[n_left], summed[n_left] = ids[place], total
            if is_last:
                overlap = dot * (step * (scale * factor))
                found[n_left] = max(least, (norm2 + bias) - two * overlap)
            reach = dot * foretells + spread
            is_beyond = (norm2 + bias) - scale * reach > bound
            n_left += np.int64(is_last or not is_beyond)
        count = n_left
    return count, lines_read
