"""Placing: which shard a row belongs to, where a hash of its id or key decides.

A shard owns adjacent slots of the range of hashes, so that splitting it moves no row of
any other.

Source: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), its mixing of 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from quiver._typing import UserIds
from quiver.sharding.manifest import SLOTS, Shard

_SLOT_SHIFT = np.uint64(64 - (SLOTS - 1).bit_length())
_STEP = np.uint64(0x9E37_79B9_7F4A_7C15)
_ROUNDS = (
    (np.uint64(30), np.uint64(0xBF58_476D_1CE4_E5B9)),
    (np.uint64(27), np.uint64(0x94D0_49BB_1331_11EB)),
)
_LAST_SHIFT = np.uint64(31)


def slots_of(keys: UserIds) -> NDArray[np.int64]:
    """Return the slot of each key, 0 … SLOTS - 1; equal keys share one.

    Examples
    --------
    >>> import numpy as np
    >>> slots_of(np.array([0, 1, 2, 1]))
    array([57888, 37130, 38744, 37130])
    """
    mixed = keys.view(np.uint64) + _STEP
    for shift, factor in _ROUNDS:
        mixed = (mixed ^ (mixed >> shift)) * factor
    return ((mixed ^ (mixed >> _LAST_SHIFT)) >> _SLOT_SHIFT).astype(np.int64)


def shared_out(n_shards: int) -> list[tuple[int, int]]:
    """Return as many slots for every shard, as nearly as may be."""
    return [*pairwise(SLOTS * number // n_shards for number in range(n_shards + 1))]


def owners(keys: UserIds, slots: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Return the number of the shard that owns each key."""
    stops = [stop for _, stop in slots]
    return np.searchsorted(stops, slots_of(keys), side="right").astype(np.int64)


def slots_in(shards: Sequence[Shard]) -> list[tuple[int, int]]:
    """Return the slots of every shard."""
    return [shard.slots for shard in shards]
