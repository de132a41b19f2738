"""Candidates: the rows that may be measured exactly, and what is known of them.

They are the beam and, under inner product, the entry points that are long. The sign of
a long row's product, which alone decides whether it is an answer, is told only roughly
by its code: a few such rows would fill answers or miss them.

Source: quiver's own; see docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Distances, Ids, Keys, Mask, Vectors
from quiver.reference.bounds import LEAST_DIM, SHORT_BEAM, lower_bounds
from quiver.reference.codes import Codes, Queries
from quiver.reference.keys import NO_ID
from quiver.reference.lanes import lane_sum
from quiver.reference.masks import is_marked
from quiver.state import State


def candidates(state: State, beam: Ids, masks: Mask | None = None) -> Ids:
    """Return the rows of beams (q, m), then the long entry points outside of each.

    With masks, one for all queries or for each, only of those that are marked.
    """
    longest = state.long_entry_points
    if not len(longest):
        return beam
    is_outside = (beam[:, :, None] != longest).all(axis=1)
    if masks is not None:
        is_outside &= np.stack([is_marked(mask, longest) for mask in masks])
    return np.concatenate([beam, np.where(is_outside, longest, NO_ID)], axis=1)


def known_bounds(
    state: State, queries: Vectors, coded: Codes | Queries, keys: Keys
) -> Distances | None:
    """Return what the candidates' distances are at least; None if nothing is known.

    The entry points outside a beam are read anyway.
    """
    has_known_error = state.encoding.rotate and state.dim >= LEAST_DIM
    is_short = keys.shape[1] <= SHORT_BEAM[state.codes.bits]
    if isinstance(coded, Codes) or is_short or not has_known_error:
        return None
    # The codes are those of the rows before they were rounded.
    if state.is_rounded:
        return None
    shifts = np.zeros(len(queries))
    if state.metric == "inner_product":
        shifts = lane_sum(queries.astype(np.float64) * state.transform.mean)
    bounds = lower_bounds(state.codes, coded, keys, state.metric, shifts)
    bounds[(queries != 0).sum(axis=1) < LEAST_DIM] = -np.inf
    if not len(state.long_entry_points):
        return bounds
    others = np.tile(np.float32(-np.inf), (len(keys), len(state.long_entry_points)))
    return np.concatenate([bounds, others], axis=1)
