"""Encoding: a transform fitted to a base, then its rows and queries coded by it.

Base and query side stand together, so that they cannot diverge. What a transform
computes is in `quiver.reference.transform`; here its parts are drawn from the data and
the seed. See docs/algorithm/transform.md and docs/algorithm/encode.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import AnyVectors, Distances, InChunks, Lanes, Metric, Vectors
from quiver.backends.protocol import Backend
from quiver.parallel.workers import Workers
from quiver.params import Encoding
from quiver.reference.codes import (
    CACHE_LINE,
    Codes,
    Queries,
    Transform,
    aligned_zeros,
    least_lines,
)
from quiver.reference.transform import (
    in_turn,
    prepared_mean,
    query_transform,
    squared_distances_from,
)
from quiver.state import State

N_ROUNDS = 2

ENCODE_ROWS = 512
"""Rows encoded per kernel call; their float64 temporaries stay in the cache."""

OUTSIZE = 300.0
"""Times the usual norm, beyond which the graph of inner product cares for direction
alone. SIFT, 20 000 rows, 1 % of them 10 000 times as long, recall@10 at ef = 32: 78 %
with no bound, 97 % with 1000, 99 % with 300. Below 100 heavy tails lose: log-normal
norms of sigma 2 on the demo set 99.7 % with no bound, 99.8 % with 300, 93 % with 30."""


def fit(
    vectors: AnyVectors,
    scaling: Metric,
    encoding: Encoding,
    seed: int,
    in_chunks: InChunks = in_turn,
) -> Transform:
    """Return the transform of a base: its mean and its seeded sign flips."""
    dim = vectors.shape[1]
    coded_dim = encoding.coded_dim(dim)
    mean = np.zeros(dim, dtype=np.float32)
    signs = np.zeros((0, coded_dim), dtype=np.float32)
    if encoding.center:
        mean = prepared_mean(vectors, scaling, in_chunks)
    if encoding.rotate:
        signs = draw_signs(coded_dim, seed)
    return Transform(scaling, mean, signs)


def draw_signs(dim: int, seed: int) -> Distances:
    """Return the ±1 of both rounds, shape (2, dim), from the seed.

    The raw stream of a bit generator is the same in every NumPy release.
    """
    raw = np.random.PCG64(seed).random_raw(N_ROUNDS * dim).reshape(N_ROUNDS, dim)
    return np.where(raw >> np.uint64(63), np.float32(-1), np.float32(1))


def encode_rows(
    backend: Backend,
    vectors: AnyVectors,
    transform: Transform,
    encoding: Encoding,
    workers: Workers,
) -> Codes:
    """Encode every row into one aligned buffer."""
    bits, weights, dim = encoding.bits, encoding.weights, transform.coded_dim
    shape = len(vectors), CACHE_LINE * least_lines(dim, bits)
    rows = aligned_zeros(shape, np.uint8)

    def encode_chunk(start: int, stop: int) -> None:
        coded = backend.encode(vectors[start:stop], transform, bits, weights)
        rows[start:stop] = coded.rows

    # Two coordinates take about as long as one code distance.
    workers.map(
        encode_chunk, len(vectors), chunk_rows=ENCODE_ROWS, row_work=-(-dim // 2)
    )
    return Codes(rows, dim, bits, weights)


def outsize_length(vectors: AnyVectors, in_chunks: InChunks = in_turn) -> np.float32:
    """Return the norm from which on a row is outsize; that of no row if all are 0."""
    norms2 = _squared_norms(vectors, in_chunks)
    if not norms2.any():
        return np.finfo(np.float32).max
    return np.float32(OUTSIZE * np.sqrt(np.median(norms2[norms2 > 0])))


def _squared_norms(vectors: AnyVectors, in_chunks: InChunks) -> Lanes:
    return squared_distances_from(np.float32(0), vectors, "euclidean", in_chunks)


def shorten_outsize(
    codes: Codes,
    backend: Backend,
    vectors: AnyVectors,
    transform: Transform,
    length: np.float32,
    workers: Workers,
) -> None:
    """Code rows longer than a length, of `outsize_length`, anew as if just so long.

    For the graph of inner product only, whose preparation makes long rows short: those
    of a few outsize rows would all be the code of one point, the origin, and no edge
    would tell them apart, though they are the answer to nearly every query.
    """
    norms = np.sqrt(_squared_norms(vectors, workers.map))
    outsize = np.flatnonzero(norms > length)
    factors = float(length) / norms[outsize]

    def encode_chunk(start: int, stop: int) -> None:
        rows = outsize[start:stop]
        shorter = (vectors[rows] * factors[start:stop, None]).astype(np.float32)
        coded = backend.encode(shorter, transform, codes.bits, codes.weights)
        codes.rows[rows] = coded.rows

    workers.map(encode_chunk, len(outsize), chunk_rows=ENCODE_ROWS)


def encode_searched(
    backend: Backend,
    vectors: AnyVectors,
    metric: Metric,
    transform: Transform,
    encoding: Encoding,
    workers: Workers,
) -> Codes:
    """Encode rows as a search by the metric compares them with its queries.

    Under inner product they have no bias: distances rank by the product alone.
    """
    codes = encode_rows(backend, vectors, transform, encoding, workers)
    if metric == "inner_product":
        clear_bias(codes)
    return codes


def encode_queries(state: State, backend: Backend, queries: Vectors) -> Codes | Queries:
    """Return checked queries in the form the kernels compare with the codes."""
    transform = query_transform(state.transform, state.metric)
    return code_queries(backend, queries, transform, state.encoding)


def code_queries(
    backend: Backend, queries: Vectors, transform: Transform, encoding: Encoding
) -> Codes | Queries:
    """Return queries coded by their own transform; see `query_transform`."""
    if encoding.query == "asymmetric":
        return backend.quantize(queries, transform, encoding.bits)
    return backend.encode(queries, transform, encoding.bits, encoding.weights)


def clear_bias(codes: Codes) -> None:
    """Make distances to these codes rank by inner product alone, in place.

    Without the bias the asymmetric distance is a constant of the query less twice
    the estimated inner product.
    """
    codes.corrections[:, 1] = 0
