"""Merge kernel; see `quiver.reference.merge` for what becomes of a list."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import KIND, LINEAR, SIDE, measure
from quiver.backends._numba.primitives import kernel, make_key, readonly, writable
from quiver.backends._numba.prune import BYTES, as_values, prune_rows
from quiver.backends._numba.walk import MASKS, is_allowed
from quiver.reference.keys import NO_ID

LISTS = readonly(types.uint32, 2)
IDS = readonly(types.uint32, 1)
VALUES = writable(types.int8, 3)
LIST = writable(types.uint32, 1)
PAIRS = types.Array(types.uint64, 1, "C")


@kernel(PAIRS(IDS, LISTS, types.int64, types.int64))
def sorted_pairs(sources, edges, start, stop):
    """Return (target, source) of every edge to a target in the range, sorted."""
    pairs = np.empty(edges.size, np.uint64)
    count = 0
    for number in range(len(sources)):
        source = np.uint64(sources[number])
        for place in range(edges.shape[1]):
            target = np.int64(edges[number, place])
            if start <= target < stop:
                pairs[count] = np.uint64(target) << np.uint64(32) | source
                count += 1
    pairs = pairs[:count]
    pairs.sort()
    return pairs


@kernel(types.int64(IDS, PAIRS, LIST))
def join(known, pairs, ids):
    """Write a list and, behind it, sources not in it, each once; return how many."""
    n_known = 0
    while n_known < len(known) and known[n_known] != NO_ID:
        ids[n_known] = known[n_known]
        n_known += 1
    count = n_known
    for number in range(len(pairs)):
        source = np.uint32(pairs[number])
        is_known = number > 0 and pairs[number] == pairs[number - 1]
        for place in range(n_known):
            is_known |= ids[place] == source
        if not is_known:
            ids[count] = source
            count += 1
    return count


@kernel(
    PAIRS(
        *(KIND, SIDE, BYTES, MASKS, types.int64, LIST, types.int64, VALUES),
        writable(types.float32, 1),
    )
)
def sorted_keys(kind, base, rows, masks, target, ids, count, values, found):
    """Return the keys of those of a target's candidates that may be chosen, sorted.

    ``ids`` is changed; ``values`` is scratch for a wide code, zeroed.
    """
    n_allowed = 0
    for place in range(count):
        ids[n_allowed] = ids[place]
        n_allowed += np.int64(is_allowed(masks, 0, ids[n_allowed]))
    corrections, sums = np.zeros((1, 2), np.float32), np.zeros(1, np.int64)
    if kind[0] == LINEAR:
        as_values(kind, rows, base[1], target, values, corrections, sums)
        words = values.reshape(1, values.shape[1] * values.shape[2]).view(np.uint64)
        measure(kind, base, (words, corrections), sums, 0, ids, n_allowed, found)
    else:
        measure(kind, base, base, sums, target, ids, n_allowed, found)
    keys = np.empty(n_allowed, np.uint64)
    for place in range(n_allowed):
        keys[place] = make_key(found[place], ids[place])
    keys.sort()
    return keys


@kernel(
    types.int64(
        *(KIND, SIDE, BYTES, LISTS, IDS, LISTS, types.int64, types.int64),
        *(
            MASKS,
            types.int64,
            types.float32,
            types.float32,
            types.float32,
            types.boolean,
        ),
        *(VALUES, LIST, writable(types.uint32, 2)),
    )
)
def merge_lists(
    kind,
    base,
    rows,
    neighbors,
    sources,
    edges,
    start,
    stop,
    masks,
    max_degree,
    slack,
    alpha,
    beta,
    published,
    values,
    targets,
    merged,
):
    """Fill the first targets of the range and their lists; return how many.

    ``values`` is scratch for a wide code, zeroed.
    """
    width = neighbors.shape[1]
    pairs = sorted_pairs(sources, edges, start, stop)
    ids = np.empty(width + len(sources), np.uint32)
    found = np.empty(width + len(sources), np.float32)
    kept = np.empty((1, max_degree), np.uint32)
    n_targets, first = 0, 0
    while first < len(pairs):
        target, after = pairs[first] >> np.uint64(32), first
        while after < len(pairs) and pairs[after] >> np.uint64(32) == target:
            after += 1
        row = np.int64(target)
        count = join(neighbors[row], pairs[first:after], ids)
        out, chosen, n_chosen = merged[n_targets], ids, count
        if count > width:
            keys = sorted_keys(kind, base, rows, masks, row, ids, count, values, found)
            lists = keys.reshape(1, len(keys))
            choice = slack, alpha, beta, published, values
            prune_rows(kind, base, rows, lists, *choice, kept)
            chosen, n_chosen = kept[0], max_degree
        for place in range(width):
            out[place] = chosen[place] if place < n_chosen else NO_ID
        targets[n_targets] = np.uint32(target)
        n_targets, first = n_targets + 1, after
    return n_targets
