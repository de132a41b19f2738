"""Arrays of a call in the form that the kernels take."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Counts, Distances
from quiver.backends._numba import distance, rerank
from quiver.reference.answer import Searched
from quiver.reference.codes import Codes, Queries, Transform
from quiver.reference.distance import TYPICAL_COSINE, as_queries, inverse_length

METRIC_CODES = {
    "cosine": rerank.COSINE,
    "euclidean": rerank.EUCLIDEAN,
    "inner_product": rerank.INNER_PRODUCT,
}

Side: TypeAlias = tuple[NDArray[np.uint64], Distances]
Kind: TypeAlias = tuple[int, int, int, np.float32, np.float32]
"""See `quiver.backends._numba.distance`."""

_NO_LEAST = np.float32(-np.inf)


def unpacked(transform: Transform) -> tuple[int, Distances, Distances]:
    """Return a transform with its scaling as a number."""
    scaling, mean, signs = transform
    return METRIC_CODES[scaling], mean, signs


def kind_of(codes: Codes, queries: Codes | Queries) -> Kind:
    """Return mode, coordinates, bits, and what is the same for all rows."""
    if isinstance(queries, Queries):
        return linear_kind(codes)
    zero = np.float32(0)
    if codes.bits > 2:
        cosine = TYPICAL_COSINE[codes.bits]
        return distance.LINEAR, codes.dim, codes.bits, cosine, zero
    mode = distance.SYMMETRIC
    if codes.weights == "published":
        mode = distance.PUBLISHED
    return mode, codes.dim, codes.bits, inverse_length(codes.dim), zero


def linear_kind(codes: Codes) -> Kind:
    """Return the kind of distances between int8 queries and codes."""
    return distance.LINEAR, codes.dim, codes.bits, np.float32(1), _NO_LEAST


def side_of(rows: NDArray[np.uint8]) -> Side:
    """Return rows as words and as floats."""
    return rows.view(np.uint64), rows.view(np.float32)


def queries_of(codes: Codes, queries: Codes | Queries) -> tuple[Side, Counts]:
    """Return the query side and the sum of each int8 query's values."""
    if isinstance(queries, Codes):
        if codes.bits == 2:
            return side_of(queries.rows), np.empty(0, dtype=np.int64)
        queries = as_queries(queries)
    n_queries, n_planes, width = queries.values.shape
    flat = queries.values.reshape(n_queries, n_planes * width)
    sums = flat.sum(axis=1, dtype=np.int64)
    return (flat.view(np.uint64), queries.corrections), sums


def prepare(searched: Searched, name: str) -> tuple[Any, ...]:
    """Return what `answer_rows` takes of an index, and keep it there."""
    codes, allowed = searched.codes, searched.allowed
    if allowed is None:
        allowed = np.empty((0, 0), dtype=np.uint64)
    arguments = (
        linear_kind(codes),
        side_of(codes.rows),
        (searched.neighbors, searched.entry_points, allowed),
        unpacked(searched.transform),
        searched.vectors,
        METRIC_CODES[searched.metric],
        tuple(np.float32(term) for term in searched.terms),
        searched.mean[None],
        searched.ids,
        searched.beside,
        searched.unlinked,
        searched.screened,
    )
    searched.kept[name] = arguments
    return arguments
