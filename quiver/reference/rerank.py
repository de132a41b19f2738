"""Rerank: order the last few candidates by the exact metric on float32 vectors.

The only step that touches the stored vectors. Sums follow the lane rule in float64,
the result is rounded to float32, and the order is by (distance, id).

Source: QuIVer (arXiv 2605.02171), cold re-rank. See docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Distances, Ids, Lanes, Metric, Vectors
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids, make_keys
from quiver.reference.lanes import lane_sum, squared_norms


def rerank(
    vectors: Vectors, queries: Vectors, candidates: Ids, k: int, metric: Metric
) -> tuple[Ids, Distances]:
    """Order candidates exactly; see `quiver.backends.protocol.Backend.rerank`."""
    keys = np.full((len(queries), k), NO_KEY, dtype=np.uint64)
    for row, query, ids in zip(keys, queries, candidates, strict=True):
        used = ids[ids != NO_ID]
        distances = exact_distance(vectors[used], query, metric)
        best = np.sort(make_keys(distances, used))[:k]
        row[: len(best)] = best
    return key_ids(keys), key_distances(keys)


def exact_distance(vectors: Vectors, query: Vectors, metric: Metric) -> Distances:
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
