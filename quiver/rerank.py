"""Re-rank by stored vectors, wherever they are: in memory, mapped, or as halves.

A kernel reads rows where they are, if it can. Those that it cannot read, and those that
would make it wait for the disk one by one, are copied first: of the first k candidates,
then of those that can still matter. Ids keep their order when renumbered, so that ties
fall as they would in memory.

Source: QuIVer (arXiv 2605.02171), re-rank on the cold part; see
docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import (
    AnyVectors,
    Distances,
    Ids,
    Metric,
    StoredVectors,
    Vectors,
)
from quiver.backends.protocol import Backend
from quiver.reference.keys import NO_ID
from quiver.reference.rerank import Ranking, unbounded

GATHER_BYTES = 1 << 22
"""Most bytes of rows held at once, however many queries and candidates there are."""


def rerank(
    backend: Backend,
    vectors: Vectors | StoredVectors,
    queries: Vectors,
    candidates: Ids,
    k: int,
    metric: Metric,
    bounds: Distances | None = None,
) -> Ranking:
    """Re-rank by vectors in memory or cold; the same answer and count from either.

    Parameters and returns are those of `quiver.backends.protocol.Backend.rerank`.
    """
    if isinstance(vectors, np.ndarray):
        return backend.rerank(vectors, queries, candidates, k, metric, bounds)
    if is_lent(vectors):
        with vectors.in_place() as rows:
            return backend.rerank(rows, queries, candidates, k, metric, bounds)
    least = unbounded(candidates) if bounds is None else bounds
    query_bytes = 4 * vectors.shape[1] * max(1, candidates.shape[1])
    step = max(1, GATHER_BYTES // query_bytes)
    ranking = Ranking.empty(len(queries), k)
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        asked = queries[part], candidates[part], k, metric, least[part]
        found = _rerank_copies(backend, vectors, *asked)
        ranking.ids[part], ranking.distances[part], ranking.reranked[part] = found
    return ranking


def is_lent(vectors: AnyVectors) -> bool:
    """Return whether a kernel reads vectors where they are, for now.

    It hides the latency of cached rows better than a copy does.
    """
    return isinstance(vectors, np.ndarray) or not vectors.needs_copy


def _rerank_copies(
    backend: Backend,
    vectors: StoredVectors,
    queries: Vectors,
    candidates: Ids,
    k: int,
    metric: Metric,
    bounds: Distances,
) -> Ranking:
    """Re-rank by copies of the rows that can matter, once the first k are known."""
    if np.isfinite(bounds[:, k:]).any():
        least = unbounded(candidates[:, :k])
        nearest = _rerank_copies(
            backend, vectors, queries, candidates[:, :k], k, metric, least
        )
        # What comes later is held against k rows at least as near as these.
        passed_over = bounds > nearest.distances[:, -1:]
        passed_over[:, :k] = False
        candidates = np.where(passed_over, NO_ID, candidates)
    needed = np.unique(candidates[candidates != NO_ID])
    # The end mark renumbers to the position past the last row and back.
    positions = np.append(needed, NO_ID)
    local = np.searchsorted(needed, candidates).astype(np.uint32)
    local[candidates == NO_ID] = NO_ID
    rows = vectors.gather(needed)
    found = backend.rerank(rows, queries, local, k, metric, bounds)
    return found._replace(ids=positions[np.minimum(found.ids, len(needed))])
