"""Rerank: order the last few candidates by the exact metric on stored vectors.

The only step that touches the stored vectors. Sums follow the lane rule in float64,
the result is rounded to float32, and the order is by (distance, id).

Source: QuIVer (arXiv 2605.02171), cold re-rank. See docs/algorithm/rerank.md.
"""

from __future__ import annotations

from bisect import insort
from typing import NamedTuple

import numpy as np

from quiver._typing import (
    Counts,
    Distances,
    Ids,
    KeptVectors,
    Keys,
    Lanes,
    Metric,
    Vectors,
)
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids, make_keys
from quiver.reference.lanes import lane_sum, squared_norms


class Ranking(NamedTuple):
    """The best candidates of a batch of queries, and what finding them cost.

    Attributes
    ----------
    ids : ndarray of shape (q, k), uint32
        Best first by (distance, id); ``NO_ID`` where there are fewer.
    distances : ndarray of shape (q, k), float32
        Ascending, never -0.0; +inf where there are fewer.
    reranked : ndarray of shape (q,), int64
        Exact distances computed.
    """

    ids: Ids
    distances: Distances
    reranked: Counts

    @classmethod
    def empty(cls, n_queries: int, k: int) -> Ranking:
        """Return arrays for a kernel to fill."""
        return cls(
            np.empty((n_queries, k), dtype=np.uint32),
            np.empty((n_queries, k), dtype=np.float32),
            np.empty(n_queries, dtype=np.int64),
        )


def rerank(
    vectors: KeptVectors,
    queries: Vectors,
    candidates: Ids,
    k: int,
    metric: Metric,
    bounds: Distances | None = None,
) -> Ranking:
    """Order candidates exactly; see `quiver.backends.protocol.Backend.rerank`."""
    least = unbounded(candidates) if bounds is None else bounds
    keys = np.full((len(queries), k), NO_KEY, dtype=np.uint64)
    reranked = np.zeros(len(queries), dtype=np.int64)
    for number, ids in enumerate(candidates):
        used = ids != NO_ID
        # All at once, for NumPy's sake; those that nobody would read go unused.
        distances = exact_distance(vectors[ids[used]], queries[number], metric)
        found = make_keys(distances, ids[used])
        best, reranked[number] = read_while_it_matters(found, least[number, used], k)
        keys[number, : len(best)] = best
    return Ranking(key_ids(keys), key_distances(keys), reranked)


def read_while_it_matters(
    keys: Keys, bounds: Distances, k: int
) -> tuple[list[int], int]:
    """Return the k best keys read, ascending, and how many were read.

    One is passed over if k are held and its bound is above the last one's distance.
    """
    best: list[tuple[int, float]] = []
    n_read = 0
    parts = keys.tolist(), key_distances(keys).tolist(), bounds.tolist()
    for key, distance, bound in zip(*parts, strict=True):
        if len(best) == k and bound > best[-1][1]:
            continue
        n_read += 1
        insort(best, (key, distance))
        del best[k:]
    return [key for key, _ in best], n_read


def unbounded(candidates: Ids) -> Distances:
    """Return the bounds of candidates of which nothing is known."""
    return np.full(candidates.shape, -np.inf, dtype=np.float32)


def exact_distance(vectors: KeptVectors, query: Vectors, metric: Metric) -> Distances:
    """Return the metric between one query and every row, shape (n,), float32.

    cosine: ``max(0, 1 - ⟨q, x⟩ / (‖q‖·‖x‖))``, 1 if either is zero; euclidean:
    ``‖q - x‖``; inner_product: ``-⟨q, x⟩``.
    """
    wide_query, wide = query.astype(np.float64), vectors.astype(np.float64)
    if metric == "euclidean":
        return np.sqrt(squared_norms(wide - wide_query)).astype(np.float32)
    dots = lane_sum(wide * wide_query)
    if metric == "inner_product":
        return (-dots).astype(np.float32)
    return cosine_distance(dots, squared_norms(wide), squared_norms(wide_query))


def cosine_distance(dots: Lanes, norms2: Lanes, query_norm2: Lanes) -> Distances:
    """Return ``max(0, 1 - dot / (sqrt(qq)·sqrt(xx)))``; zero vectors are at 1."""
    lengths = np.sqrt(query_norm2) * np.sqrt(norms2)
    cosines = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
    return np.maximum(0.0, 1.0 - cosines).astype(np.float32)
