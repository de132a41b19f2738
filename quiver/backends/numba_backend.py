"""The Numba backend: the five words, compiled by LLVM for the processor at hand.

This class only brings arrays into the form the kernels of ``_numba`` take; the
kernels hold the arithmetic.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from quiver._typing import (
    Distances,
    Ids,
    Keys,
    Metric,
    Neighbors,
    PruneRule,
    Vectors,
)
from quiver.backends._numba import distance as _distance
from quiver.backends._numba import encode as _encode
from quiver.backends._numba import prune as _prune
from quiver.backends._numba import rerank as _rerank
from quiver.backends._numba import search as _search
from quiver.reference.codes import (
    BLOCK_BYTES,
    BLOCK_DIMS,
    Codes,
    Queries,
    Transform,
    aligned_zeros,
    code_bytes,
    row_bytes,
)
from quiver.reference.search import Beams

_METRIC_CODES = {
    "cosine": _rerank.COSINE,
    "euclidean": _rerank.EUCLIDEAN,
    "inner_product": _rerank.INNER_PRODUCT,
}
_FLOAT32_BYTES = 4


Side: TypeAlias = tuple[NDArray[np.uint64], Distances, int]
"""One side of a distance; see `quiver.backends._numba.distance`."""


class NumbaBackend:
    """See `quiver.backends.protocol.Backend` for every method."""

    name = "numba"
    target = "llvm"

    def encode(self, vectors: Vectors, transform: Transform, strong: int) -> Codes:
        """See `Backend.encode`."""
        dim = len(transform.mean)
        rows = aligned_zeros((len(vectors), row_bytes(dim)), np.uint8)
        codes = Codes(rows, dim, strong)
        corrections = np.zeros((len(vectors), 2), dtype=np.float32)
        _encode.encode_rows(vectors, *_unpack(transform), strong, rows, corrections)
        codes.corrections[:] = corrections
        return codes

    def quantise(self, queries: Vectors, transform: Transform) -> Queries:
        """See `Backend.quantise`."""
        n, dim = len(queries), len(transform.mean)
        n_values = code_bytes(dim) // BLOCK_BYTES * BLOCK_DIMS
        values = np.zeros((n, n_values), dtype=np.int8)
        corrections = np.zeros((n, 2), dtype=np.float32)
        _encode.quantise_rows(queries, *_unpack(transform), values, corrections)
        return Queries(values, corrections)

    def distance(
        self, codes: Codes, queries: Codes | Queries, candidates: Ids | None = None
    ) -> Distances:
        """See `Backend.distance`."""
        if candidates is None:
            candidates = np.arange(codes.n_rows, dtype=np.uint32)[None]
        out = np.empty((len(queries[0]), candidates.shape[1]), dtype=np.float32)
        _distance.distances(
            _kind(codes, queries), _base(codes), *_query(queries), candidates, out
        )
        return out

    def prune(
        self,
        codes: Codes,
        candidates: Keys,
        max_degree: int,
        alpha: float,
        rule: PruneRule,
    ) -> Neighbors:
        """See `Backend.prune`."""
        neighbors = np.empty((len(candidates), max_degree), dtype=np.uint32)
        no_sums = np.empty(0, dtype=np.int64)
        _prune.prune_rows(
            _kind(codes, codes),
            _base(codes),
            no_sums,
            candidates,
            np.float32(alpha),
            rule == "published",
            neighbors,
        )
        return neighbors

    def search(
        self,
        codes: Codes,
        neighbors: Neighbors,
        queries: Codes | Queries,
        entry_point: int,
        ef: int,
    ) -> Beams:
        """See `Backend.search`."""
        n_queries = len(queries[0])
        keys = np.empty((n_queries, ef), dtype=np.uint64)
        hops = np.empty(n_queries, dtype=np.int64)
        distance_computations = np.empty(n_queries, dtype=np.int64)
        _search.search_rows(
            _kind(codes, queries),
            _base(codes),
            *_query(queries),
            neighbors,
            entry_point,
            keys,
            hops,
            distance_computations,
        )
        return Beams(keys, hops, distance_computations)

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
    metric, mean, signs = transform
    return _METRIC_CODES[metric], mean, signs


def _kind(codes: Codes, queries: Codes | Queries) -> tuple[int, int, np.float32]:
    """Return the mode of the distance, dim, and 1/‖w‖ of a constant-weight code."""
    n_strong = (codes.dim + 1) // 3
    inverse_length = np.float32(1.0 / np.sqrt(9 * n_strong + (codes.dim - n_strong)))
    if isinstance(queries, Queries):
        mode = _distance.ASYMMETRIC
    else:
        mode = _distance.PUBLISHED if codes.strong == 2 else _distance.SYMMETRIC
    return mode, codes.dim, inverse_length


def _base(codes: Codes) -> Side:
    column = code_bytes(codes.dim) // _FLOAT32_BYTES
    return codes.rows.view(np.uint64), codes.rows.view(np.float32), column


def _query(queries: Codes | Queries) -> tuple[Side, NDArray[np.int64]]:
    """Return the query side and the sum of each int8 query's values."""
    if isinstance(queries, Codes):
        return _base(queries), np.empty(0, dtype=np.int64)
    words = queries.values.view(np.uint64)
    sums = queries.values.sum(axis=1, dtype=np.int64)
    return (words, queries.corrections, 0), sums
