"""Diversity: of many near vectors some that are also unlike each other.

Source: maximal marginal relevance, Carbonell and Goldstein, SIGIR 1998.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Vectors


def diversified(
    query: AnyArray, vectors: Vectors, k: int, lambda_mult: float
) -> list[int]:
    """Return which vectors to take, the best first.

    Parameters
    ----------
    query : ndarray of shape (dim,)
        What they are near to.
    vectors : ndarray of shape (m, dim), float32
        Candidates, the nearest first.
    k : int
        How many at most.
    lambda_mult : float
        0 … 1: what nearness to the query counts, the rest being unlikeness to what
        was taken.

    Returns
    -------
    list of int
        Row numbers. Likeness is the cosine, whatever the metric of the index; of equals
        the first is taken.
    """
    units = _units(vectors)
    relevance = units @ _units(query[None])[0]
    taken: list[int] = []
    likeness = np.full(len(vectors), -np.inf)
    gain = relevance.copy()
    for _ in range(min(k, len(vectors))):
        gain[taken] = -np.inf
        best = int(np.argmax(gain))
        taken.append(best)
        likeness = np.maximum(likeness, units @ units[best])
        gain = lambda_mult * relevance - (1 - lambda_mult) * likeness
    return taken


def _units(vectors: AnyArray) -> NDArray[np.float64]:
    """Return rows of length 1 in double precision; rows of zeros stay."""
    rows = vectors.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)
