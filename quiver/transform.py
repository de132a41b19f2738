"""The transform of one index: fitted to its base, then applied to every row.

What the transform computes is in `quiver.reference.transform`; here its parts are
drawn from the data and the seed. Source: section 2 of the specification.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Distances, Metric, Vectors
from quiver.backends.protocol import Backend
from quiver.codes import Codes, Transform, aligned_zeros, row_bytes
from quiver.parallel import map_chunks
from quiver.params import Encoding
from quiver.reference.lanes import N_LANES, fold_lanes, squared_norms
from quiver.reference.transform import prepare

N_ROUNDS = 2

ENCODE_ROWS = 512
"""Rows encoded per kernel call; their float64 temporaries stay in the cache."""

_BLOCK_ROWS = 1 << 12  # A multiple of the lanes, so blocks do not shift them.


def fit_transform(
    vectors: Vectors, metric: Metric, encoding: Encoding, seed: int
) -> Transform:
    """Return the transform of a base: its mean and its seeded sign flips."""
    dim = vectors.shape[1]
    mean = np.zeros(dim, dtype=np.float32)
    signs = np.zeros((0, dim), dtype=np.float32)
    if encoding.center:
        mean = prepared_mean(vectors, metric)
    if encoding.rotate:
        signs = draw_signs(dim, seed)
    return Transform(metric, mean, signs)


def searched_metric(metric: Metric) -> Metric:
    """Return the metric whose codes a search compares with its queries.

    Inner product walks codes of the vectors as they are; only its graph was built
    on those of the scaled ones.
    """
    return "euclidean" if metric == "inner_product" else metric


def query_transform(transform: Transform, metric: Metric) -> Transform:
    """Return the transform of queries: that of the rows, but for inner product.

    ⟨q, x - mean⟩ ranks like ⟨q, x⟩, but (q - mean) would not.
    """
    if metric != "inner_product":
        return transform
    return transform._replace(mean=np.zeros_like(transform.mean))


def prepared_mean(vectors: Vectors, metric: Metric) -> Distances:
    """Return the mean of the prepared rows: lane k adds rows k, k + 8, … in order."""
    lanes = np.zeros((N_LANES, vectors.shape[1]), dtype=np.float64)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        prepared = prepare(vectors[start : start + _BLOCK_ROWS], metric)
        for first in range(0, len(prepared), N_LANES):
            rows = prepared[first : first + N_LANES]
            lanes[: len(rows)] += rows
    return (fold_lanes(lanes) / max(1, len(vectors))).astype(np.float32)


def draw_signs(dim: int, seed: int) -> Distances:
    """Return the ±1 of both rounds, shape (2, dim), from the seed.

    The raw stream of a bit generator is the same in every NumPy release.
    """
    raw = np.random.PCG64(seed).random_raw(N_ROUNDS * dim).reshape(N_ROUNDS, dim)
    return np.where(raw >> np.uint64(63), np.float32(-1), np.float32(1))


def encode_rows(
    backend: Backend, vectors: Vectors, transform: Transform, strong: int, threads: int
) -> Codes:
    """Encode every row, on all threads, into one aligned buffer."""
    dim = len(transform.mean)
    rows = aligned_zeros((len(vectors), row_bytes(dim)), np.uint8)

    def encode_chunk(start: int, stop: int) -> None:
        coded = backend.encode(vectors[start:stop], transform, strong)
        rows[start:stop] = coded.rows

    map_chunks(encode_chunk, len(vectors), chunk_rows=ENCODE_ROWS, threads=threads)
    return Codes(rows, dim, strong)


def choose_entry_point(vectors: Vectors, codes: Codes, transform: Transform) -> int:
    """Return the row nearest the mean of the prepared base, ties by id.

    Centred corrected codes carry that distance as their bias; otherwise it is
    computed from the vectors.
    """
    if codes.strong == 3 and transform.mean.any():
        return int(np.argmin(codes.corrections[:, 1]))
    mean = prepared_mean(vectors, transform.metric).astype(np.float64)
    best, best_distance = 0, np.inf
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = prepare(vectors[start : start + _BLOCK_ROWS], transform.metric)
        distances = squared_norms(block - mean)
        row = int(np.argmin(distances))
        if distances[row] < best_distance:
            best, best_distance = start + row, float(distances[row])
    return best


def drop_norms(codes: Codes) -> None:
    """Make distances to these codes rank by inner product alone, in place.

    Without the bias the asymmetric distance is a constant of the query less twice
    the estimated inner product.
    """
    codes.corrections[:, 1] = 0
