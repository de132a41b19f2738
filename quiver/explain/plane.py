"""A plane to draw a walk on: the two directions in which its vectors differ most.

A picture of many dimensions in two; what lies near there need not be near.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from quiver._typing import Lanes, Vectors
from quiver.reference.transform import evenly_taken, prepare
from quiver.state import State

BACKGROUND_ROWS = 500
"""Rows drawn beside those that matter, evenly taken from the whole."""

_DIGITS = 4

Point = tuple[int, float, float]


def project(
    state: State, query: Vectors, rows: Iterable[int]
) -> tuple[list[Point], tuple[float, float]]:
    """Return (row, x, y) of the rows named and a background, and the query's place.

    The plane is spanned by the two main components of the rows named, prepared as the
    metric asks. Each component's largest entry is positive, so that the picture does
    not depend on the sign a linear-algebra library happens to choose.
    """
    # Sorted, since rows of a mapped index are read in file order.
    named = sorted(set(rows))
    background = evenly_taken(state.n, BACKGROUND_ROWS)
    drawn = sorted(set(named).union(background.tolist()))
    prepared = _prepare(state, drawn)
    # The background must not turn the plane away from the walk.
    chosen = prepared[np.searchsorted(drawn, named)]
    mean = chosen.mean(axis=0)
    axes = _main_axes(chosen - mean)
    spots = ((prepared - mean) @ axes.T).round(_DIGITS).tolist()
    prepared_query = prepare(query, state.transform.scaling)[0]
    x, y = ((prepared_query - mean) @ axes.T).round(_DIGITS).tolist()
    return [(row, *spot) for row, spot in zip(drawn, spots, strict=True)], (x, y)


def _prepare(state: State, rows: list[int]) -> Lanes:
    vectors = np.ascontiguousarray(state.vectors[np.array(rows)])
    return prepare(vectors, state.transform.scaling).astype(np.float64)


def _main_axes(centered: Lanes) -> Lanes:
    """Return two orthonormal directions, zero where the data has fewer."""
    axes = np.zeros((2, centered.shape[1]))
    components = _components(centered)[:2]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    axes[: len(components)] = components * signs[:, None]
    return axes


def _components(centered: Lanes) -> Lanes:
    """Return the main components, the largest first."""
    n_rows, dim = centered.shape
    if n_rows < dim:
        return np.linalg.svd(centered, full_matrices=False)[2]
    # A third of the time of the decomposition above.
    return np.linalg.eigh(centered.T @ centered)[1].T[::-1]
