"""Candidates: the rows that may be measured exactly, and what is known of them.

They are the beam and, under inner product, the entry points that are long. The sign of
a long row's product, which alone decides whether it is an answer, is told only roughly
by its code: a few such rows would fill answers or miss them.

Source: quiver's own; see docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Distances, Ids, Keys, Mask, Vectors
from quiver.reference.bounds import SHORT_BEAM
from quiver.reference.candidates import bounds_of_beams, with_rows_beside
from quiver.reference.codes import Codes, Queries
from quiver.state import State


def candidates(state: State, beam: Ids, masks: Mask | None = None) -> Ids:
    """Return the rows of beams (q, m), then the long entry points outside of each.

    With masks, one for all queries or for each, only of those that are marked.
    """
    return with_rows_beside(beam, state.long_entry_points, masks)


def is_bounded(state: State, width: int) -> bool:
    """Return whether codes tell of a beam what may be passed over, and save time."""
    return state.tells_bounds and width > SHORT_BEAM[state.codes.bits]


def known_bounds(
    state: State, queries: Vectors, coded: Codes | Queries, keys: Keys
) -> Distances | None:
    """Return what the candidates' distances are at least; None if nothing is known.

    The entry points outside a beam are read anyway.
    """
    if isinstance(coded, Codes) or not is_bounded(state, keys.shape[1]):
        return None
    mean = state.transform.mean
    told = state.codes, queries, coded, keys, state.metric, mean
    bounds = bounds_of_beams(*told)
    if not len(state.long_entry_points):
        return bounds
    others = np.tile(np.float32(-np.inf), (len(keys), len(state.long_entry_points)))
    return np.concatenate([bounds, others], axis=1)
