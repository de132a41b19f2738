"""Screening kernels; see `quiver.reference.screen` for the rule.

A row is read in parts, which end after 2, 4, 8 … lines. Parts of an int8 query are
copied, so that those of a plane lie together as those of a row do: then one dot product
serves a part as it serves a row.
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
    prefetch_line,
    writable,
)
from quiver.reference.bounds import MEAN_SQUARE
from quiver.reference.keys import NO_KEY
from quiver.reference.screen import FIRST_LINES, LEAST_LINES, SCREEN_SIGMAS

LINE_WORDS = 8
PIECES_PER_LINE = 2

LINES = types.Array(types.uint64, 2, "C")
FACTORS = types.Array(types.float32, 2, "C")
PARTS = types.Tuple(
    (
        *(types.Array(types.int64, 1, "C"), WORDS, LINES),
        *(types.Array(types.int64, 2, "C"), FACTORS, FACTORS),
    )
)
"""Where parts start, in lines, and the last ends; rows and values by lines; then of
every query and part Σv up to its end, and what that foretells by. No parts where rows
are read whole."""

IDS = writable(types.uint32, 1)
SUMS_OF_ROWS = writable(types.int64, 1)

_dot_2, _dot_4, _dot_8 = map(dot_values, (2, 4, 8))
SPREAD_2, SPREAD_4, SPREAD_8 = (
    np.float32((2 * SCREEN_SIGMAS) ** 2 * MEAN_SQUARE[bits]) for bits in (2, 4, 8)
)


@kernel(types.Array(types.int64, 1, "C")(types.int64))
def starts_of(n_lines):
    """Return the first line of every part, and how many lines there are."""
    starts, read = [0], FIRST_LINES
    while read < n_lines:
        starts.append(read)
        read *= 2
    starts.append(n_lines)
    return np.array(starts)


@kernel(PARTS(KIND, SIDE, SIDE, types.boolean))
def cut(kind, base, queries, screened):
    """Return the parts of int8 queries."""
    _, _, bits, _, _ = kind
    rows, (words, floats) = base[0], queries
    n_queries, n_lines = len(words), rows.shape[1] // LINE_WORDS
    lines = rows.reshape((rows.shape[0] * n_lines, LINE_WORDS))
    n_planes = 8 // bits
    starts = np.empty(0, np.int64)
    values = np.empty((0, LINE_WORDS), np.uint64)
    if screened and n_lines >= LEAST_LINES:
        starts = starts_of(n_lines)
        values = np.empty((n_queries * n_planes * n_lines, LINE_WORDS), np.uint64)
    n_parts = max(0, len(starts) - 1)
    sums = np.empty((n_queries, n_parts), np.int64)
    factors = np.empty((n_queries, n_parts), np.float32)
    spreads = np.empty((n_queries, n_parts), np.float32)
    energies = np.empty(n_parts, np.int64)
    spared = SPREAD_2 if bits == 2 else SPREAD_4 if bits == 4 else SPREAD_8
    for query in range(n_queries if n_parts > 0 else 0):
        place, total, energy = query * n_planes * n_lines, 0, 0
        for part in range(n_parts):
            first = place
            for plane in range(n_planes):
                for line in range(starts[part], starts[part + 1]):
                    word = LINE_WORDS * (plane * n_lines + line)
                    values[place] = words[query, word : word + LINE_WORDS]
                    place += 1
            for v in values[first:place].view(np.int8).flat:
                total += np.int64(v)
                energy += np.int64(v) * np.int64(v)
            sums[query, part], energies[part] = total, energy
        for part in range(n_parts):
            share = np.float32(energy) / np.float32(energies[part])
            factors[query, part] = np.float32(2) * floats[query, 0] * share
            unread = spared * (share - np.float32(1))
            spreads[query, part] = np.sqrt(floats[query, 1] * unread)
    return starts, lines, values, sums, factors, spreads


@kernel(types.float32(types.uint64))
def bound_at(key):
    """Return the distance beyond which no row may matter any more."""
    return np.float32(np.inf) if key == NO_KEY else key_distance(key)


@kernel(
    types.int64(
        *(KIND, SIDE, SIDE, PARTS, types.int64, types.int64, types.float32),
        *(IDS, types.int64, SUMS_OF_ROWS, writable(types.float32, 1)),
    )
)
def read_part(kind, base, queries, parts, query, part, bound, ids, count, sums, found):
    """Read a part of the rows ``ids[:count]`` and return how many are left.

    Those that may be within the bound move to the front with what they add up to, and
    their next part is asked for. After the last these are all, and ``found``.
    """
    _, _, bits, factor, least = kind
    words, floats = base
    starts, lines, values, value_sums, factors, spreads = parts
    n_lines, n_parts = starts[-1], len(starts) - 1
    n_pieces = PIECES_PER_LINE * (starts[part + 1] - starts[part])
    n_planes = 8 // bits
    at = n_planes * (query * n_lines + starts[part])
    step, norm2 = queries[1][query, 0], queries[1][query, 1]
    reach, spread = factors[query, part], spreads[query, part]
    two, n_left = np.float32(2), 0
    for place in range(count):
        row = np.int64(ids[place])
        line = row * n_lines + starts[part]
        total = sums[place] if part > 0 else 0
        if bits == 2:
            total += _dot_2(lines, line, values, at, n_pieces)
            dot = np.float32(FACTOR_2 * total - OFFSET_2 * value_sums[query, part])
        elif bits == 4:
            total += _dot_4(lines, line, values, at, n_pieces)
            dot = np.float32(FACTOR_4 * total - OFFSET_4 * value_sums[query, part])
        else:
            total += _dot_8(lines, line, values, at, n_pieces)
            dot = np.float32(FACTOR_8 * total - OFFSET_8 * value_sums[query, part])
        scale, bias = floats[row, 0], floats[row, 1]
        if part == n_parts - 1:
            overlap = dot * (step * (scale * factor))
            found[place] = max(least, (norm2 + bias) - two * overlap)
            n_left += 1
            continue
        ids[n_left], sums[n_left] = ids[place], total
        n_left += np.int64(
            not ((norm2 + bias) - scale * (dot * reach + spread) > bound)
        )
    if part < n_parts - 1:
        for place in range(n_left):
            for line in range(starts[part + 1], starts[part + 2]):
                prefetch_line(words, np.int64(ids[place]), line)
    return n_left
