"""Placing: which shard a row belongs to, where a hash of its id or key decides.

A shard owns adjacent slots of the range of hashes, so that splitting it moves no row of
any other.

Source: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), its mixing of 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import UserIds
from quiver.errors import InvalidArgumentError
from quiver.sharding.manifest import MAX_SHARDS, SLOTS, Scheme, Shard
from quiver.validation.arrays import as_int64
from quiver.validation.checks import MAX_ROWS, check_choice, check_int

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


class Placed(NamedTuple):
    """Which shard every row of a source belongs to.

    Attributes
    ----------
    scheme : {'rows', 'hash', 'key'}
        By what.
    shard_of : ndarray of shape (n,), int64
        The number of its shard.
    slots : list of tuple of int
        The hashes of every shard.
    """

    scheme: Scheme
    shard_of: NDArray[np.int64]
    slots: list[tuple[int, int]]


def placed_by(
    by: Any, ids: UserIds, shards: int | None, shard_rows: int | None
) -> Placed:
    """Return the shard of every row of a build; see `quiver.build_shards`.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule.
    """
    n, n_shards, stops = _stops(len(ids), shards, shard_rows)
    if isinstance(by, str):
        check_choice("by", by, ("rows", "hash"))
    if isinstance(by, str) and by == "rows":
        shard_of = np.searchsorted(stops, np.arange(n), side="right").astype(np.int64)
        return Placed("rows", shard_of, [(0, 0)] * n_shards)
    is_hash = isinstance(by, str)
    keys = ids if is_hash else as_int64(by, "by")
    if keys.shape != (n,):
        msg = f"by must have shape ({n},), one key a row, got {keys.shape}"
        raise InvalidArgumentError(msg)
    slots = shared_out(n_shards)
    return Placed("hash" if is_hash else "key", owners(keys, slots), slots)


class _Stops(NamedTuple):
    n: int
    n_shards: int
    stops: NDArray[np.int64]
    """The first row of every shard but the first."""


def _stops(n: int, shards: int | None, shard_rows: int | None) -> _Stops:
    if (shards is None) == (shard_rows is None):
        got = f"{shards} and {shard_rows}"
        msg = f"one of shards and shard_rows must be given, got {got}"
        raise InvalidArgumentError(msg)
    if shard_rows is not None:
        each = check_int("shard_rows", shard_rows, 1, MAX_ROWS)
        n_shards = check_int("shards of so many rows", -(-n // each), 1, MAX_SHARDS)
        return _Stops(n, n_shards, each * np.arange(1, n_shards))
    n_shards = check_int("shards", shards, 1, MAX_SHARDS)
    return _Stops(n, n_shards, n * np.arange(1, n_shards) // n_shards)
