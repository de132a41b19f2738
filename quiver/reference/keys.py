"""The total order: distance and id as one uint64 whose natural order is the order.

Codes tie constantly, so every comparison of candidates goes by (distance, id).
See docs/algorithm/search.md. Source: ParlayANN (PPoPP 2024) for the idea that a
total order makes a parallel build reproducible.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Keys

NO_ID = np.uint32(0xFFFF_FFFF)
"""Marks an unused place in a list of ids."""

NO_RESULT = -1
"""The id of a place left empty in a result; the only integer that is no id."""

NO_KEY = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
"""Marks an unused place in a list of keys; sorts after every real key."""

_SIGN_BIT = np.uint32(0x8000_0000)


def make_keys(distances: Distances, ids: NDArray[np.integer]) -> Keys:
    """Pack float32 distances and ids into keys; ``NO_ID`` becomes ``NO_KEY``."""
    bits = (distances + np.float32(0.0)).view(np.uint32)  # -0.0 becomes 0.0
    ordered = np.where(bits & _SIGN_BIT, ~bits, bits | _SIGN_BIT)
    packed = ordered.astype(np.uint64) << np.uint64(32) | ids.astype(np.uint64)
    return np.where(ids == NO_ID, NO_KEY, packed)


def key_ids(keys: Keys) -> Ids:
    """Return the ids of keys; ``NO_KEY`` gives ``NO_ID``."""
    return keys.astype(np.uint32)


def key_distances(keys: Keys) -> Distances:
    """Return the float32 distances of keys; ``NO_KEY`` gives +inf."""
    ordered = (keys >> np.uint64(32)).astype(np.uint32)
    bits = np.where(ordered & _SIGN_BIT, ordered ^ _SIGN_BIT, ~ordered)
    distances = bits.view(np.float32)
    return np.where(keys == NO_KEY, np.float32(np.inf), distances)


def nearest_keys(distances: Distances, depth: int) -> Keys:
    """Return the ``depth`` smallest of every row of distances as keys, sorted.

    Columns are the ids.
    """
    limits = np.partition(distances, depth - 1, axis=1)[:, depth - 1 : depth]
    lines, near = np.nonzero(distances <= limits)
    places, width = places_in_line(lines, len(distances))
    keys = np.full((len(distances), width), NO_KEY, dtype=np.uint64)
    keys[lines, places] = make_keys(distances[lines, near], near)
    keys.sort(axis=1)
    return keys[:, :depth].copy()


def places_in_line(
    lines: NDArray[np.int64], n_lines: int
) -> tuple[NDArray[np.int64], int]:
    """Return the place of each among those of its line, and how many one has at most.

    ``lines`` ascend, below ``n_lines``.
    """
    counts = np.bincount(lines, minlength=n_lines)
    firsts = np.cumsum(counts) - counts
    return np.arange(len(lines)) - firsts[lines], int(counts.max(initial=0))
