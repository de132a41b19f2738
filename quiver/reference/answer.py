"""Answer: from queries to the caller's ids, by the words of a search one after another.

What an index asks for nearly every search, in one word, so that a call costs little
above its kernels. The words that it is made of say all there is to know about it.

Source: quiver's own; see docs/algorithm/search.md and docs/algorithm/rerank.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import (
    Counts,
    Distances,
    Ids,
    KeptVectors,
    Mask,
    Metric,
    Neighbors,
    Unlinked,
    UserIds,
    Vectors,
)
from quiver.reference.bounds import Terms, terms_of
from quiver.reference.candidates import bounds_of_beams, with_rows_beside
from quiver.reference.codes import Codes, Transform
from quiver.reference.encode import quantize
from quiver.reference.horizon import Horizon
from quiver.reference.keys import NO_ID, NO_RESULT, key_ids
from quiver.reference.rerank import rerank
from quiver.reference.search import search
from quiver.reference.unlinked import join_unlinked

# Made once: a single query would notice that a type is looked up.
_INT64, _FLOAT32 = np.dtype(np.int64), np.dtype(np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Searched:
    """All that a search reads of one version of an index, whatever the query.

    Attributes
    ----------
    codes, neighbors, entry_points, vectors
        As `quiver.backends.protocol.Backend.search` and ``rerank`` take them.
    transform : Transform
        The map T of queries.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the distances returned.
    mean : ndarray of shape (dim,), float32
        That of the rows coded, which queries of inner product do not have.
    ids : ndarray of shape (n,), int64
        The id of each row.
    allowed : ndarray of shape (1, ceil(n / 64)), uint64, or None
        The rows that answer by the graph; None for all.
    beside : ndarray of shape (b,), uint32
        Rows measured exactly for every query, in its beam or not.
    unlinked : ndarray of shape (m, 2), uint32
        See `quiver.reference.unlinked`; none where some rows are not allowed.
    screened : bool
        Whether walks may drop rows by their first lines; see `quiver.reference.screen`.
    kept : dict
        What a backend derives from these once, by its name.
    """

    codes: Codes
    neighbors: Neighbors
    entry_points: Ids
    vectors: KeptVectors
    transform: Transform
    metric: Metric
    mean: Distances
    ids: UserIds
    allowed: Mask | None
    beside: Ids
    unlinked: Unlinked
    screened: bool = False
    kept: dict[str, Any] = field(default_factory=dict)

    def parts(self) -> dict[str, Any]:
        """Return what is read, by name."""
        parts = dict(vars(self))
        del parts["kept"]
        return parts

    @property
    def terms(self) -> Terms:
        """What bounds are told by."""
        return terms_of(self.codes.dim, self.codes.bits, self.metric)


class Answers(NamedTuple):
    """The nearest rows of a batch of queries, and what finding them cost.

    Attributes
    ----------
    ids : ndarray of shape (q, k), int64
        The caller's, best first by (distance, row); -1 where there are fewer.
    distances : ndarray of shape (q, k), float32
        Ascending; +inf where there are fewer.
    counters : ndarray of shape (5, q), int64
        How many were found; hops; code distances; exact distances; lines of codes.
    """

    ids: UserIds
    distances: Distances
    counters: Counts

    @classmethod
    def empty(cls, n_queries: int, k: int) -> Answers:
        """Return arrays for a kernel to fill."""
        return cls(
            np.empty((n_queries, k), _INT64),
            np.empty((n_queries, k), _FLOAT32),
            np.empty((5, n_queries), _INT64),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Answers]) -> Answers:
        """Return the answers of a batch from those of its consecutive parts."""
        if len(parts) == 1:
            return parts[0]
        ids, distances, counters = zip(*parts, strict=True)
        joined = np.concatenate(ids), np.concatenate(distances)
        return cls(*joined, np.concatenate(counters, axis=1))


def by_words(
    words: Any,
    searched: Searched,
    queries: Vectors,
    k: int,
    ef: int,
    depth: int,
    *,
    bounded: bool = False,
    horizon: Horizon | None = None,
) -> Answers:
    """Answer by a backend's words; see `quiver.backends.protocol.Backend.answer`."""
    codes, metric, allowed = searched.codes, searched.metric, searched.allowed
    coded = words.quantize(queries, searched.transform, codes.bits)
    graph = codes, searched.neighbors, coded, searched.entry_points
    how = {"screened": searched.screened, "horizon": horizon}
    beams = words.search(*graph, ef, allowed=allowed, **how)
    keys, bounds = beams.keys[:, :depth], None
    candidates = with_rows_beside(key_ids(keys), searched.beside, allowed)
    if bounded:
        bounds = np.full(candidates.shape, -np.inf, dtype=np.float32)
        told = bounds_of_beams(codes, queries, coded, keys, metric, searched.mean)
        bounds[:, : keys.shape[1]] = told
    asked = np.ascontiguousarray(candidates), k, metric, bounds
    rows, distances, reranked = words.rerank(searched.vectors, queries, *asked)
    join_unlinked(rows, distances, searched.unlinked)
    costs = beams.hops, beams.distance_computations, reranked, beams.lines_read
    return answers_of(rows, distances, searched.ids, *costs)


def answers_of(
    rows: Ids, distances: Distances, ids: UserIds, *costs: Counts
) -> Answers:
    """Return answers by the caller's ids; rows may be ``NO_ID``."""
    is_row = rows != NO_ID
    named = np.full(rows.shape, NO_RESULT, dtype=np.int64)
    named[is_row] = ids[rows[is_row]]
    found = np.count_nonzero(is_row, axis=1)
    return Answers(named, distances, np.stack([found, *costs]))


_WORDS = SimpleNamespace(quantize=quantize, search=search, rerank=rerank)


def answer(
    searched: Searched,
    queries: Vectors,
    k: int,
    ef: int,
    depth: int,
    *,
    bounded: bool = False,
    horizon: Horizon | None = None,
) -> Answers:
    """Answer by the oracle; see `quiver.backends.protocol.Backend.answer`."""
    asked = searched, queries, k, ef, depth
    return by_words(_WORDS, *asked, bounded=bounded, horizon=horizon)
