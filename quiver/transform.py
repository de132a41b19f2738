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
    """Return the transform of a base: its norm bound, mean and seeded sign flips."""
    dim = vectors.shape[1] + (metric == "inner_product")
    plain = Transform(
        metric,
        np.zeros(dim, dtype=np.float32),
        np.zeros((0, dim), dtype=np.float32),
        _largest_norm(vectors) if metric == "inner_product" else 1.0,
    )
    signs = draw_signs(dim, seed) if encoding.rotate else plain.signs
    mean = prepared_mean(vectors, plain) if encoding.center else plain.mean
    return plain._replace(mean=mean, signs=signs)


def prepared_mean(vectors: Vectors, transform: Transform) -> Distances:
    """Return the mean of the prepared rows: lane k adds rows k, k + 8, … in order."""
    dim = len(transform.mean)
    lanes = np.zeros((N_LANES, dim), dtype=np.float64)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = vectors[start : start + _BLOCK_ROWS]
        prepared = prepare(block, transform, is_query=False)
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


def _largest_norm(vectors: Vectors) -> float:
    largest = 0.0
    for start in range(0, len(vectors), _BLOCK_ROWS):
        norms2 = squared_norms(vectors[start : start + _BLOCK_ROWS])
        largest = max(largest, float(norms2.max()))
    return float(np.sqrt(largest))
