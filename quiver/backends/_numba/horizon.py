"""Horizon kernel; see `quiver.reference.horizon`."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.primitives import kernel, key_distance, writable
from quiver.reference.keys import NO_KEY

HORIZON = types.Tuple((types.int64, types.float32))
"""Rank and factor; a rank of 0 is no horizon."""


@kernel(
    types.boolean(HORIZON, types.uint64, writable(types.uint64, 1), types.int64),
    inline=True,
)
def is_beyond(horizon, key, beam, count):
    """Return whether a key lies beyond the horizon of a beam of so many."""
    rank, factor = horizon
    if rank == 0 or count < rank:
        return False
    near = max(key_distance(beam[rank - 1]), np.float32(0))
    return key_distance(key) > factor * near


@kernel(types.void(HORIZON, writable(types.uint64, 2)))
def keep_within(horizon, beams):
    """Remove from every beam, when its walk has ended, what is beyond the horizon."""
    if horizon[0] == 0:
        return
    for query in range(beams.shape[0]):
        beam, count = beams[query], beams.shape[1]
        while count > 0 and beam[count - 1] == NO_KEY:
            count -= 1
        while count > 0 and is_beyond(horizon, beam[count - 1], beam, count):
            count -= 1
            beam[count] = NO_KEY
