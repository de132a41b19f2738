"""Encode kernels; see `quiver.reference.encode` and ``transform``."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.lanes import lane_dot
from quiver.backends._numba.primitives import kernel, readonly, writable
from quiver.backends._numba.rerank import COSINE, EUCLIDEAN, MATRIX
from quiver.reference.transform import SHORTEST

VECTOR = readonly(types.float32, 1)
BUFFER = writable(types.float32, 2)


@kernel(types.void(MATRIX, types.int64, types.int64, BUFFER))
def prepare(vectors, row, metric, out):
    """Write the prepared vector into ``out[0]``."""
    factor = 1.0
    if metric != EUCLIDEAN:
        norm = np.sqrt(lane_dot(vectors, row, vectors, row))
        if metric == COSINE:
            factor = 1.0 / norm if norm > 0 else 0.0
        else:
            norm = max(norm, SHORTEST)
            factor = 1.0 / (norm * np.sqrt(norm))
    for j in range(vectors.shape[1]):
        out[0, j] = np.float32(np.float64(vectors[row, j]) * factor)


@kernel(types.void(BUFFER, readonly(types.float32, 2)))
def rotate(buffer, signs):
    """Rotate ``buffer[0]`` in place."""
    dim = buffer.shape[1]
    p = 1
    while 2 * p <= dim:
        p *= 2
    scale = np.float32(1.0 / np.sqrt(p))
    for round_number in range(signs.shape[0]):
        for j in range(dim):
            buffer[0, j] *= signs[round_number, j]
        first = 0 if round_number == 0 else dim - p
        h = 1
        while h < p:
            for start in range(first, first + p, 2 * h):
                for j in range(start, start + h):
                    a, b = buffer[0, j], buffer[0, j + h]
                    buffer[0, j] = a + b
                    buffer[0, j + h] = a - b
            h *= 2
        for j in range(first, first + p):
            buffer[0, j] *= scale


@kernel(
    types.void(
        MATRIX,
        types.int64,
        types.int64,
        VECTOR,
        MATRIX,
        BUFFER,
    )
)
def transform_row(vectors, row, metric, mean, signs, out):
    """Write ``T(x)`` of one row into ``out[0]``."""
    prepare(vectors, row, metric, out)
    for j in range(out.shape[1]):
        out[0, j] -= mean[j]
    rotate(out, signs)


@kernel(types.void(BUFFER, types.int64, writable(types.boolean, 1)))
def mark_strong(coordinates, strong, plane):
    """Mark the strong coordinates of one row by the rule of its encoding."""
    dim = coordinates.shape[1]
    if strong == 2:
        ones = np.ones((1, dim), np.float32)
        mean_abs = lane_dot(np.abs(coordinates), 0, ones, 0) / dim
        for j in range(dim):
            plane[j] = np.float64(abs(coordinates[0, j])) > mean_abs
        return
    n_strong = (dim + 1) // 3
    plane[:] = False
    if n_strong == 0:
        return
    magnitudes = np.abs(coordinates[0])
    threshold = np.partition(magnitudes, dim - n_strong)[dim - n_strong]
    n_ties = n_strong - np.sum(magnitudes > threshold)
    for j in range(dim):
        if magnitudes[j] > threshold:
            plane[j] = True
        elif magnitudes[j] == threshold and n_ties > 0:
            plane[j] = True
            n_ties -= 1


@kernel(
    types.void(
        MATRIX,
        types.int64,
        VECTOR,
        MATRIX,
        types.int64,
        writable(types.uint8, 2),
        writable(types.float32, 2),
    )
)
def encode_rows(vectors, metric, mean, signs, strong, rows, corrections):
    """Fill the zeroed code rows, and the corrections of corrected weights."""
    dim = len(mean)
    coordinates = np.empty((1, dim), np.float32)
    values = np.empty((1, dim), np.float32)
    plane = np.empty(dim, np.bool_)
    for row in range(vectors.shape[0]):
        transform_row(vectors, row, metric, mean, signs, coordinates)
        mark_strong(coordinates, strong, plane)
        for j in range(dim):
            sign = coordinates[0, j] > 0
            u = 2 * np.int64(sign) + np.int64(plane[j] == sign)
            byte = (j >> 7 << 5) + (j & 31)
            rows[row, byte] |= np.uint8(u << ((j >> 5 & 3) << 1))
            values[0, j] = np.float32(2 * u - 3)
        if strong == 3:
            norm2 = lane_dot(coordinates, 0, coordinates, 0)
            overlap = lane_dot(values, 0, coordinates, 0)
            corrections[row, 0] = np.float32(norm2 / overlap if overlap > 0 else 0.0)
            corrections[row, 1] = np.float32(norm2)


@kernel(
    types.void(
        MATRIX,
        types.int64,
        VECTOR,
        MATRIX,
        writable(types.int8, 2),
        writable(types.float32, 2),
    )
)
def quantise_rows(queries, metric, mean, signs, values, corrections):
    """Fill the zeroed int8 values and (step, squared norm)."""
    dim = len(mean)
    coordinates = np.empty((1, dim), np.float32)
    for query in range(queries.shape[0]):
        transform_row(queries, query, metric, mean, signs, coordinates)
        peak = np.float32(0)
        for j in range(dim):
            peak = max(peak, abs(coordinates[0, j]))
        inverse = np.float32(127) / peak
        if np.isfinite(inverse):
            corrections[query, 0] = peak / np.float32(127)
            for j in range(dim):
                values[query, j] = np.int8(np.rint(coordinates[0, j] * inverse))
        norm2 = lane_dot(coordinates, 0, coordinates, 0)
        corrections[query, 1] = np.float32(norm2)
