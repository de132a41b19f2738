"""Candidates: the rows that may be measured exactly, and what is known of them.

They are the beam and, under inner product, the entry points. The longest rows are
among these: the sign of a long row's product, which alone decides whether it is an
answer, is told only roughly by its code, and a few such rows would fill or miss it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Keys, Mask, Vectors
from quiver.backends.protocol import Backend
from quiver.reference.bounds import LEAST_DIM, SHORT_BEAM, lower_bounds
from quiver.reference.codes import Codes, Queries
from quiver.reference.keys import NO_KEY, make_keys
from quiver.reference.lanes import lane_sum
from quiver.reference.masks import is_marked
from quiver.state import State


def reads_entry_points(state: State) -> bool:
    """Return whether the entry points are candidates; published codes are without."""
    is_published = state.encoding.weights == "published"
    return state.metric == "inner_product" and not is_published


def with_entry_points(
    state: State,
    backend: Backend,
    coded: Codes | Queries,
    beam: Keys,
    masks: Mask | None,
) -> Keys:
    """Return sorted keys: the beam's, then those of the entry points outside it.

    With masks, one for all queries or for each, only of those that are marked.
    """
    if not reads_entry_points(state):
        return beam
    rows = np.tile(state.entry_points, (len(beam), 1))
    keys = make_keys(backend.distance(state.codes, coded, rows), rows)
    # A beam holds the smallest keys of all seen, and the entry points are seen.
    keys[keys <= beam[:, -1:]] = NO_KEY
    if masks is not None:
        marks = np.stack([is_marked(mask, state.entry_points) for mask in masks])
        keys[~np.broadcast_to(marks, keys.shape)] = NO_KEY
    return np.concatenate([beam, np.sort(keys, axis=1)], axis=1)


def always_read(state: State, candidates: Ids) -> NDArray[np.bool_]:
    """Return which candidates are read however few of the beam are asked for."""
    if not reads_entry_points(state):
        return np.zeros(candidates.shape, dtype=np.bool_)
    return np.isin(candidates, state.entry_points)


def known_bounds(
    state: State, queries: Vectors, coded: Codes | Queries, keys: Keys
) -> Distances | None:
    """Return what the distances of candidates are at least; None if unknown."""
    has_known_error = state.encoding.rotate and state.dim >= LEAST_DIM
    is_short = keys.shape[1] <= SHORT_BEAM[state.codes.bits]
    if isinstance(coded, Codes) or is_short or not has_known_error:
        return None
    # The codes are those of the rows before they were rounded.
    if not isinstance(state.vectors, np.ndarray) and state.vectors.is_rounded:
        return None
    shifts = np.zeros(len(queries))
    if state.metric == "inner_product":
        shifts = lane_sum(queries.astype(np.float64) * state.transform.mean)
    bounds = lower_bounds(state.codes, coded, keys, state.metric, shifts)
    bounds[(queries != 0).sum(axis=1) < LEAST_DIM] = -np.inf
    return bounds
