"""Prune kernel; see `quiver.reference.prune` for the rules."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import KIND, SIDE, SUMS, measure
from quiver.backends._numba.primitives import (
    kernel,
    key_distance,
    readonly,
    writable,
)
from quiver.reference.keys import NO_ID, NO_KEY

STEP = 8
"""Kept rows measured at a time, so that a near one ends the test."""


@kernel(
    types.boolean(
        KIND,
        SIDE,
        SUMS,
        types.int64,
        writable(types.uint32, 1),
        types.int64,
        types.float32,
        types.float32,
        types.boolean,
        writable(types.float32, 1),
    )
)
def is_covered(
    kind,
    base,
    no_sums,
    candidate,
    kept,
    n_kept,
    reach,
    slack,
    published,
    to_kept,
):
    """Return whether some kept row covers the candidate; ``to_kept`` is scratch."""
    for start in range(0, n_kept, STEP):
        count = min(STEP, n_kept - start)
        measure(kind, base, base, no_sums, candidate, kept[start:], count, to_kept)
        for place in range(count):
            between = to_kept[place]
            if published:
                if between < slack * reach:
                    return True
            elif slack * between <= reach:
                return True
    return False


@kernel(
    types.void(
        KIND,
        SIDE,
        SUMS,
        readonly(types.uint64, 2),
        types.float32,
        types.boolean,
        writable(types.uint32, 2),
    )
)
def prune_rows(
    kind,
    base,
    no_sums,
    candidates,
    slack,
    published,
    out,
):
    """Fill every row of ``out`` with the kept ids of one row of sorted keys."""
    width, max_degree = candidates.shape[1], out.shape[1]
    rejected = np.empty(width, np.uint32)
    to_kept = np.empty(STEP, np.float32)
    for target in range(out.shape[0]):
        n_kept, n_rejected = 0, 0
        for place in range(width):
            key = candidates[target, place]
            if key == NO_KEY or n_kept == max_degree:
                break
            candidate = np.uint32(key)
            reach = key_distance(key)
            covered = is_covered(
                kind,
                base,
                no_sums,
                np.int64(candidate),
                out[target],
                n_kept,
                reach,
                slack,
                published,
                to_kept,
            )
            if covered:
                rejected[n_rejected] = candidate
                n_rejected += 1
            else:
                out[target, n_kept] = candidate
                n_kept += 1
        n_filled = min(n_rejected, max_degree - n_kept) if published else 0
        out[target, n_kept : n_kept + n_filled] = rejected[:n_filled]
        out[target, n_kept + n_filled :] = NO_ID
