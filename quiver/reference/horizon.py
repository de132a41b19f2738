"""Horizon: a walk ends where what is left lies too far beyond what it has found.

A beam width gives every query the same effort. Where the k-th row found is near and
what is left is much farther, little more will come; where all are about as far, true
neighbours hide behind others. So an easy query ends before its beam is expanded, and a
hard one may have a wider beam.

Source: Adaptive Beam Search (arXiv 2505.15636, NeurIPS 2025), whose only end this is;
here a beam width is the other. See docs/algorithm/search.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quiver._typing import Keys
from quiver.reference.keys import key_distances


class Horizon(NamedTuple):
    """How far a walk looks beyond what it has found.

    Attributes
    ----------
    rank : int
        Of the row found that is measured against, >= 1.
    factor : float
        A row so many times as far ends the walk, >= 1, rounded to float32; code
        distances are squared.
    """

    rank: int
    factor: float


def is_beyond(horizon: Horizon | None, key: np.uint64, beam: Keys) -> bool:
    """Return whether a key lies beyond the horizon of a sorted beam."""
    if horizon is None or len(beam) < horizon.rank:
        return False
    far, near = key_distances(np.array([key, beam[horizon.rank - 1]]))
    # An estimate may be negative; a horizon too far for float32 is none.
    with np.errstate(over="ignore"):
        return bool(far > np.float32(horizon.factor) * max(near, np.float32(0)))


def within(horizon: Horizon | None, beam: Keys) -> Keys:
    """Return the keys of a sorted beam that are not beyond its horizon."""
    n_within = len(beam)
    while n_within and is_beyond(horizon, beam[n_within - 1], beam):
        n_within -= 1
    return beam[:n_within]
