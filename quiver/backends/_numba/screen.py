"""Screening kernels; see `quiver.reference.screen` for the rule.

A row is read in parts, which end after 2, 4, 8 … lines and with the row. Parts of an
int8 query are copied, so that those of a plane lie together as those of a row do: then
one dot product serves a part as it serves a row.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import (
    FACTOR_2,
    FACTOR_4,
    FACTOR_8,
    KIND,
    OFFSET_2,
    OFFSET_4,
    OFFSET_8,
    SIDE,
    WORDS,
)
from quiver.backends._numba.primitives import (
    dot_values,
    kernel,
    key_distance,
    writable,
)
from quiver.reference.bounds import MEAN_SQUARE
from quiver.reference.keys import NO_KEY
from quiver.reference.screen import FIRST_LINES, LEAST_LINES, SCREEN_SIGMAS

LINE_WORDS = 8
PIECES_PER_LINE = 2

LINES = types.Array(types.uint64, 2, "C")
FACTORS = types.Array(types.float32, 2, "C")
PARTS = types.Tuple((WORDS, LINES, types.Array(types.int64, 2, "C"), FACTORS))
"""Rows and values by lines; then of every query Σv up to the end of each part, and what
that foretells by: factors, then spreads. No parts where rows are read whole."""

IDS = writable(types.uint32, 1)

_dot_2, _dot_4, _dot_8 = map(dot_values, (2, 4, 8))
SPREAD_2, SPREAD_4, SPREAD_8 = (
    np.float32((2 * SCREEN_SIGMAS) ** 2 * MEAN_SQUARE[bits]) for bits in (2, 4, 8)
)


@kernel(types.int64(types.int64, types.int64))
def end_of(part, n_lines):
    """Return after which line a part ends."""
    return min(FIRST_LINES << part, n_lines)


@kernel(PARTS(KIND, SIDE, SIDE, types.boolean))
def cut(kind, base, queries, screened):
    """Return the parts of int8 queries."""
    _, _, bits, _, _ = kind
    rows, (words, floats) = base[0], queries
    n_queries, n_lines = len(words), rows.shape[1] // LINE_WORDS
    lines = rows.reshape((rows.shape[0] * n_lines, LINE_WORDS))
    n_planes, n_parts = 8 // bits, 0
    if screened and n_lines >= LEAST_LINES:
        n_parts = 1
        while end_of(n_parts - 1, n_lines) < n_lines:
            n_parts += 1
    n_values = n_queries * n_planes * n_lines if n_parts > 0 else 0
    values = np.empty((n_values, LINE_WORDS), np.uint64)
    sums = np.empty((n_queries, n_parts), np.int64)
    factors = np.empty((n_queries, 2 * n_parts), np.float32)
    energies = np.empty(n_parts, np.int64)
    spared = SPREAD_2 if bits == 2 else SPREAD_4 if bits == 4 else SPREAD_8
    for query in range(n_queries if n_parts > 0 else 0):
        place, total, energy, start = query * n_planes * n_lines, 0, 0, 0
        for part in range(n_parts):
            first, end = place, end_of(part, n_lines)
            for plane in range(n_planes):
                for line in range(start, end):
                    word = LINE_WORDS * (plane * n_lines + line)
                    values[place] = words[query, word : word + LINE_WORDS]
                    place += 1
            for v in values[first:place].view(np.int8).flat:
                total += np.int64(v)
                energy += np.int64(v) * np.int64(v)
            sums[query, part], energies[part], start = total, energy, end
        for part in range(n_parts):
            share = np.float32(energy) / np.float32(energies[part])
            factors[query, part] = np.float32(2) * floats[query, 0] * share
            unread = spared * (share - np.float32(1))
            factors[query, n_parts + part] = np.sqrt(floats[query, 1] * unread)
    return lines, values, sums, factors


@kernel(types.float32(types.uint64))
def bound_at(key):
    """Return the distance beyond which no row may matter any more."""
    return np.float32(np.inf) if key == NO_KEY else key_distance(key)


@kernel(
    types.UniTuple(types.int64, 2)(
        *(KIND, SIDE, SIDE, PARTS, types.int64, types.float32),
        *(IDS, types.int64, writable(types.float32, 1)),
    )
)
def measure_screened(kind, base, queries, parts, query, bound, ids, count, found):
    """Measure the rows ``ids[:count]``; return how many are left, and the lines read.

    Those that may be within the bound move to the front, with their distances. A row at
    a time: to take turns after every part would cost more than the lines that it saves.
    """
    _, _, bits, factor, least = kind
    floats = base[1]
    lines, values, value_sums, factors = parts
    n_lines, n_parts = base[0].shape[1] // LINE_WORDS, value_sums.shape[1]
    n_planes = 8 // bits
    first = query * n_planes * n_lines
    step, norm2 = queries[1][query, 0], queries[1][query, 1]
    two, n_left, lines_read = np.float32(2), 0, 0
    for place in range(count):
        row = np.int64(ids[place])
        scale, bias = floats[row, 0], floats[row, 1]
        total, part, start, is_within = 0, 0, 0, True
        while True:
            end = end_of(part, n_lines)
            line, at = row * n_lines + start, first + n_planes * start
            n_pieces = PIECES_PER_LINE * (end - start)
            value_sum, start = value_sums[query, part], end
            if bits == 2:
                total += _dot_2(lines, line, values, at, n_pieces)
                dot = np.float32(FACTOR_2 * total - OFFSET_2 * value_sum)
            elif bits == 4:
                total += _dot_4(lines, line, values, at, n_pieces)
                dot = np.float32(FACTOR_4 * total - OFFSET_4 * value_sum)
            else:
                total += _dot_8(lines, line, values, at, n_pieces)
                dot = np.float32(FACTOR_8 * total - OFFSET_8 * value_sum)
            if end == n_lines:
                break
            reach = dot * factors[query, part] + factors[query, n_parts + part]
            is_within = not ((norm2 + bias) - scale * reach > bound)
            if not is_within:
                break
            part += 1
        lines_read += end
        overlap = dot * (step * (scale * factor))
        ids[n_left] = ids[place]
        found[n_left] = max(least, (norm2 + bias) - two * overlap)
        n_left += np.int64(is_within)
    return n_left, lines_read
