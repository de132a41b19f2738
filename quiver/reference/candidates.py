"""Candidates: the rows of a beam that are measured exactly, and those beside it.

Source: quiver's own; see docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Distances, Ids, Keys, Mask, Metric, Vectors
from quiver.reference.bounds import LEAST_DIM, lower_bounds
from quiver.reference.codes import Codes, Queries
from quiver.reference.keys import NO_ID
from quiver.reference.lanes import lane_sum
from quiver.reference.masks import is_marked

LONGEST = 8
"""Entry points that are chosen for their length under inner product, and at most so
many long ones are measured beside every beam."""


def with_rows_beside(beam: Ids, beside: Ids, masks: Mask | None = None) -> Ids:
    """Return the rows of beams (q, m), then of others those outside of each, or NO_ID.

    With masks, one for all queries or for each, only those that are marked.
    """
    if not len(beside):
        return beam
    is_outside = (beam[:, :, None] != beside).all(axis=1)
    if masks is not None:
        is_outside &= np.stack([is_marked(mask, beside) for mask in masks])
    return np.concatenate([beam, np.where(is_outside, beside, NO_ID)], axis=1)


def bounds_of_beams(
    codes: Codes,
    queries: Vectors,
    coded: Queries,
    keys: Keys,
    metric: Metric,
    mean: Distances,
) -> Distances:
    """Return what the distances of beams are at least, shape (q, m), float32.

    Nothing is known, -inf, for a query with fewer than ``LEAST_DIM`` coordinates that
    are not zero. The mean is that of the rows coded; see `lower_bounds`.
    """
    shifts = np.zeros(len(queries))
    if metric == "inner_product":
        shifts = lane_sum(queries.astype(np.float64) * mean)
    bounds = lower_bounds(codes, coded, keys, metric, shifts)
    bounds[(queries != 0).sum(axis=1) < LEAST_DIM] = -np.inf
    return bounds
