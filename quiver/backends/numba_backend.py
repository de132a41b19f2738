"""The Numba backend: the five words, compiled by LLVM for the processor at hand.

This class only brings arrays into the form the kernels of ``_numba`` take; the
kernels hold the arithmetic.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from quiver import reference
from quiver._typing import (
    Bits,
    Counts,
    Distances,
    Ids,
    Keys,
    Mask,
    Metric,
    Neighbors,
    PruneRule,
    Vectors,
    Weights,
)
from quiver.backends._numba import distance as _distance
from quiver.backends._numba import encode as _encode
from quiver.backends._numba import prune as _prune
from quiver.backends._numba import rerank as _rerank
from quiver.backends._numba import search as _search
from quiver.reference.codes import (
    CACHE_LINE,
    Codes,
    Queries,
    Transform,
    aligned_zeros,
    least_lines,
)
from quiver.reference.distance import TYPICAL_COSINE, as_queries, inverse_length
from quiver.reference.search import Beams

_METRIC_CODES = {
    "cosine": _rerank.COSINE,
    "euclidean": _rerank.EUCLIDEAN,
    "inner_product": _rerank.INNER_PRODUCT,
}

Side: TypeAlias = tuple[NDArray[np.uint64], Distances]
Kind: TypeAlias = tuple[int, int, int, np.float32, np.float32]
"""See `quiver.backends._numba.distance`."""

_NO_LEAST = np.float32(-np.inf)


class NumbaBackend:
    """See `quiver.backends.protocol.Backend` for every method."""

    name = "numba"
    target = "llvm"

    def encode(
        self, vectors: Vectors, transform: Transform, bits: Bits, weights: Weights
    ) -> Codes:
        """See `Backend.encode`."""
        dim = transform.coded_dim
        lines = least_lines(dim, bits)
        rows = aligned_zeros((len(vectors), CACHE_LINE * lines), np.uint8)
        codes = Codes(rows, dim, bits, weights)
        corrections = np.zeros((len(vectors), 2), dtype=np.float32)
        published = weights == "published"
        _encode.encode_rows(
            vectors, *_unpack(transform), bits, published, rows, corrections
        )
        codes.corrections[:] = corrections
        return codes

    def quantize(self, queries: Vectors, transform: Transform, bits: Bits) -> Queries:
        """See `Backend.quantize`."""
        lines = least_lines(transform.coded_dim, bits)
        values = np.zeros((len(queries), 8 // bits, CACHE_LINE * lines), np.int8)
        corrections = np.zeros((len(queries), 2), dtype=np.float32)
        _encode.quantize_rows(queries, *_unpack(transform), values, corrections)
        return Queries(values, corrections)

    def distance(
        self, codes: Codes, queries: Codes | Queries, candidates: Ids | None = None
    ) -> Distances:
        """See `Backend.distance`."""
        if candidates is None:
            candidates = np.arange(codes.n_rows, dtype=np.uint32)[None]
        out = np.empty((len(queries[0]), candidates.shape[1]), dtype=np.float32)
        _distance.distances(
            _kind(codes, queries),
            _side(codes.rows),
            *_queries(codes, queries),
            candidates,
            out,
        )
        return out

    def prune(
        self,
        codes: Codes,
        candidates: Keys,
        max_degree: int,
        alpha: float,
        beta: float,
        rule: PruneRule,
    ) -> Neighbors:
        """See `Backend.prune`."""
        neighbors = np.empty((len(candidates), max_degree), dtype=np.uint32)
        scratch = np.zeros((1, 8 // codes.bits, codes.rows.shape[1]), dtype=np.int8)
        _prune.prune_rows(
            _kind(codes, codes),
            _side(codes.rows),
            codes.rows,
            candidates,
            np.float32(alpha),
            np.float32(beta),
            rule == "published",
            scratch,
            neighbors,
        )
        return neighbors

    def search(
        self,
        codes: Codes,
        neighbors: Neighbors,
        queries: Codes | Queries,
        entry_points: Ids,
        ef: int,
        *,
        allowed: Mask | None = None,
        budget: Counts | None = None,
    ) -> Beams:
        """See `Backend.search`."""
        if allowed is not None or budget is not None:
            graph = codes, neighbors, queries, entry_points
            return reference.search(*graph, ef, allowed=allowed, budget=budget)
        n_queries = len(queries[0])
        keys = np.empty((n_queries, ef), dtype=np.uint64)
        hops = np.empty(n_queries, dtype=np.int64)
        distance_computations = np.empty(n_queries, dtype=np.int64)
        _search.search_rows(
            _kind(codes, queries),
            _side(codes.rows),
            *_queries(codes, queries),
            neighbors,
            entry_points,
            keys,
            hops,
            distance_computations,
        )
        everywhere = np.ones(n_queries, dtype=np.bool_)
        return Beams(keys, hops, distance_computations, everywhere)

    search_radius = staticmethod(reference.search_radius)
    scan = staticmethod(reference.scan)

    def rerank(
        self,
        vectors: Vectors,
        queries: Vectors,
        candidates: Ids,
        k: int,
        metric: Metric,
    ) -> tuple[Ids, Distances]:
        """See `Backend.rerank`."""
        ids = np.empty((len(queries), k), dtype=np.uint32)
        distances = np.empty((len(queries), k), dtype=np.float32)
        _rerank.rerank_rows(
            vectors, queries, candidates, _METRIC_CODES[metric], ids, distances
        )
        return ids, distances


def _unpack(transform: Transform) -> tuple[int, Distances, Distances]:
    scaling, mean, signs = transform
    return _METRIC_CODES[scaling], mean, signs


def _kind(codes: Codes, queries: Codes | Queries) -> Kind:
    """Return mode, coordinates, bits, and what is the same for all rows."""
    if isinstance(queries, Queries):
        return _distance.LINEAR, codes.dim, codes.bits, np.float32(1), _NO_LEAST
    zero = np.float32(0)
    if codes.bits > 2:
        cosine = TYPICAL_COSINE[codes.bits]
        return _distance.LINEAR, codes.dim, codes.bits, cosine, zero
    mode = _distance.SYMMETRIC
    if codes.weights == "published":
        mode = _distance.PUBLISHED
    return mode, codes.dim, codes.bits, inverse_length(codes.dim), zero


def _side(rows: NDArray[np.uint8]) -> Side:
    return rows.view(np.uint64), rows.view(np.float32)


def _queries(codes: Codes, queries: Codes | Queries) -> tuple[Side, Counts]:
    """Return the query side and the sum of each int8 query's values."""
    if isinstance(queries, Codes):
        if codes.bits == 2:
            return _side(queries.rows), np.empty(0, dtype=np.int64)
        queries = as_queries(queries)
    n_queries, n_planes, width = queries.values.shape
    flat = queries.values.reshape(n_queries, n_planes * width)
    sums = flat.sum(axis=1, dtype=np.int64)
    return (flat.view(np.uint64), queries.corrections), sums
