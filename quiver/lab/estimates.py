"""Estimates: what codes say of distances, beside what is true."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Metric, Vectors
from quiver.backends.protocol import Backend
from quiver.encoding import encode_queries
from quiver.recall.marks import exact_distances
from quiver.reference.transform import evenly_taken
from quiver.state import State

SAMPLED_ROWS, BINS = 4096, 32
"""Rows measured beside the nearest; squares along each side of the picture."""

Values = NDArray[np.float64]


def estimates(
    state: State, backend: Backend, query: Vectors, near: Ids
) -> dict[str, Any]:
    """Return code distances over true ones, counted in squares.

    Parameters
    ----------
    state : State
        What is searched.
    backend : Backend
        The kernels that measure.
    query : ndarray of shape (1, dim), float32
        Checked.
    near : ndarray of shape (m,), uint32
        Rows that are told one by one beside a sample of all.

    Returns
    -------
    dict
        ``true`` and ``code``: both ends of the axes; ``cells``: place on either and
        count of the squares that are not empty; ``near``: a pair for each of these
        rows that has a code; ``error``: mean and standard deviation of what estimates
        are off by, None where codes tell the order alone; ``correlation``: None where
        there is none. True distances are on the scale of the codes: twice the cosine
        distance or the negative product, the squared Euclidean distance.
    """
    nodes = state.nodes
    sample = nodes[evenly_taken(len(nodes), SAMPLED_ROWS)]
    rows = np.unique(np.concatenate([sample, near[state.is_node[near]]]))
    coded = encode_queries(state, backend, query)
    code = backend.distance(state.codes, coded, rows[None])[0].astype(np.float64)
    exact = exact_distances(backend, state.vectors, query, rows[None], state.metric)
    true = on_code_scale(exact[0], state.metric)
    ends = _ends(true), _ends(code)
    counts = np.histogram2d(true, code, bins=BINS, range=ends)[0].astype(np.int64)
    is_near = np.isin(rows, near)
    return {
        "rows": len(rows),
        "bins": BINS,
        "true": ends[0],
        "code": ends[1],
        "cells": [[*cell, int(counts[*cell])] for cell in np.argwhere(counts).tolist()],
        "near": np.column_stack([true, code])[is_near].tolist(),
        "error": _error(state, code - true),
        "correlation": _correlation(true, code),
    }


def on_code_scale(distances: Distances, metric: Metric) -> Values:
    """Return exact distances as codes estimate them, but for a constant."""
    exact = distances.astype(np.float64)
    return exact * exact if metric == "euclidean" else 2 * exact


def _ends(values: Values) -> tuple[float, float]:
    """Return the range of values, never empty."""
    low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _error(state: State, off: Values) -> list[float] | None:
    # Published codes have no scale, and those of inner product no origin.
    if state.encoding.weights == "published" or state.metric == "inner_product":
        return None
    return [float(off.mean()), float(off.std())]


def _correlation(true: Values, code: Values) -> float | None:
    if min(np.ptp(true), np.ptp(code)) == 0:
        return None
    return float(np.corrcoef(true, code)[0, 1])
