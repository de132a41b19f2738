"""The one definition of a float sum.

Eight float64 lanes take the terms in turn and are folded in a fixed tree. A SIMD
register file does this at full speed, and any instruction set gives the same bits.
See docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Lanes

N_LANES = 8


def fold_lanes(lanes: Lanes) -> Lanes:
    """Add eight lanes (first axis) by the fixed tree of the lane rule."""
    l0, l1, l2, l3, l4, l5, l6, l7 = lanes
    return ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))


def lane_sum(terms: NDArray[np.floating]) -> Lanes:
    """Sum the last axis: lane k adds terms k, k + 8, … in order, then the fold."""
    lanes = np.zeros((*terms.shape[:-1], N_LANES), dtype=np.float64)
    for start in range(0, terms.shape[-1], N_LANES):
        chunk = terms[..., start : start + N_LANES]
        lanes[..., : chunk.shape[-1]] += chunk
    return fold_lanes(np.moveaxis(lanes, -1, 0))


def squared_norms(vectors: NDArray[np.floating]) -> Lanes:
    """Return the float64 squared Euclidean norms of the last axis."""
    wide = vectors.astype(np.float64)
    return lane_sum(wide * wide)
