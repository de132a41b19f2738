"""What searching returns: beams from a backend, results for a caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Counts, Distances, Keys


class Beams(NamedTuple):
    """The beams of a batch of walks, with their counters.

    Attributes
    ----------
    keys : ndarray of shape (q, ef), uint64
        Sorted; ``NO_KEY`` after the last entry.
    hops : ndarray of shape (q,), int64
        Expansions.
    distance_computations : ndarray of shape (q,), int64
        Code distances, the entry point's included.
    """

    keys: Keys
    hops: Counts
    distance_computations: Counts


@dataclass(frozen=True)
class SearchStats:
    """Deterministic cost of each query.

    Attributes
    ----------
    hops : ndarray of shape (q,), int64
        Nodes expanded.
    distance_computations : ndarray of shape (q,), int64
        Code distances computed.
    reranked : ndarray of shape (q,), int64
        Exact float32 distances computed.
    """

    hops: Counts
    distance_computations: Counts
    reranked: Counts


@dataclass(frozen=True)
class SearchResult:
    """Nearest neighbours, best first; all arrays have one row per query.

    For a single query vector the leading axis is absent.

    Attributes
    ----------
    ids : ndarray of shape (q, k), int64
        The caller's ids; -1 where fewer than k were found.
    distances : ndarray of shape (q, k), float32
        Ascending; +inf where fewer than k were found.
    counts : ndarray of shape (q,), int64
        How many were found.
    stats : SearchStats
        What the search cost.
    """

    ids: NDArray[np.int64]
    distances: Distances
    counts: Counts
    stats: SearchStats
