"""Encode kernels; see `quiver.reference.encode` and ``transform``."""

from __future__ import annotations

import numpy as np
from numba.core import types

from quiver.backends._numba.distance import (
    FACTOR_2,
    FACTOR_4,
    FACTOR_8,
    OFFSET_2,
    OFFSET_4,
    OFFSET_8,
)
from quiver.backends._numba.lanes import lane_dot
from quiver.backends._numba.primitives import kernel, readonly, writable
from quiver.backends._numba.rerank import COSINE, EUCLIDEAN, MATRIX
from quiver.reference.codes import CORRECTION_BYTES
from quiver.reference.encode import CLIPPING, LEAST_U, STEPS
from quiver.reference.transform import SHORTEST

VECTOR = readonly(types.float32, 1)
BUFFER = writable(types.float32, 2)
CODE = writable(types.uint8, 1)

STEPS_4, STEPS_8 = STEPS[4], STEPS[8]
LEAST_4, LEAST_8 = LEAST_U[4], LEAST_U[8]


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


@kernel(types.void(MATRIX, types.int64, types.int64, VECTOR, MATRIX, BUFFER, BUFFER))
def transform_row(vectors, row, metric, mean, signs, prepared, out):
    """Write ``T(x)`` of one row into ``out[0]``; ``prepared`` is scratch."""
    prepare(vectors, row, metric, prepared)
    dim, coded_dim = prepared.shape[1], out.shape[1]
    out[:] = np.float32(0)
    for j in range(dim):
        out[0, j * coded_dim // dim] = prepared[0, j] - mean[j]
    rotate(out, signs)


@kernel(types.void(BUFFER, types.boolean, writable(types.boolean, 1)))
def mark_strong(coordinates, published, plane):
    """Mark the strong coordinates of one row by the rule of its encoding."""
    dim = coordinates.shape[1]
    if published:
        ones = np.ones((1, dim), np.float32)
        mean_abs = lane_dot(np.abs(coordinates), 0, ones, 0) / dim
        for j in range(dim):
            plane[j] = np.float64(abs(coordinates[0, j])) > mean_abs
        return
    n_marked = (dim + 1) // 3
    plane[:] = False
    if n_marked == 0:
        return
    magnitudes = np.abs(coordinates[0])
    threshold = np.partition(magnitudes, dim - n_marked)[dim - n_marked]
    n_ties = n_marked - np.sum(magnitudes > threshold)
    for j in range(dim):
        if magnitudes[j] > threshold:
            plane[j] = True
        elif magnitudes[j] == threshold and n_ties > 0:
            plane[j] = True
            n_ties -= 1


@kernel(types.void(BUFFER, types.boolean, CODE, BUFFER))
def sign_and_strength(coordinates, published, u, values):
    """Write the 2-bit u of one row, and its values as floats."""
    plane = np.empty(len(u), np.bool_)
    mark_strong(coordinates, published, plane)
    for j in range(len(u)):
        sign = coordinates[0, j] > 0
        u[j] = np.uint8(2 * np.int64(sign) + np.int64(plane[j] == sign))
        values[0, j] = np.float32(FACTOR_2 * np.int64(u[j]) - OFFSET_2)


@kernel(types.float32(BUFFER))
def peak_of(coordinates):
    """Return the largest magnitude of one row."""
    peak = np.float32(0)
    for j in range(coordinates.shape[1]):
        peak = max(peak, abs(coordinates[0, j]))
    return peak


@kernel(types.void(BUFFER, types.int64, CODE, BUFFER))
def in_steps(coordinates, bits, u, values):
    """Write the u of a wide code of one row, and its values as floats."""
    factor, offset = (FACTOR_4, OFFSET_4) if bits == 4 else (FACTOR_8, OFFSET_8)
    reach = np.float32(STEPS_4 if bits == 4 else STEPS_8)
    least = np.float32(LEAST_4 if bits == 4 else LEAST_8)
    middle, most = np.float32(offset / factor), np.float32((1 << bits) - 1)
    peak, best_cosine = peak_of(coordinates), -1.0
    trial = np.empty(len(u), np.uint8)
    for share in CLIPPING:
        inverse = reach / (peak * np.float32(share))
        if not np.isfinite(inverse):
            inverse = np.float32(0)
        for j in range(len(u)):
            step = coordinates[0, j] * inverse + middle
            trial[j] = np.uint8(np.rint(min(max(step, least), most)))
            values[0, j] = np.float32(factor * np.int64(trial[j]) - offset)
        length = np.sqrt(lane_dot(values, 0, values, 0))
        overlap = lane_dot(values, 0, coordinates, 0)
        cosine = overlap / length if length > 0 else 0.0
        if cosine > best_cosine:
            best_cosine = cosine
            u[:] = trial
    for j in range(len(u)):
        values[0, j] = np.float32(factor * np.int64(u[j]) - offset)


@kernel(
    types.void(
        MATRIX,
        types.int64,
        VECTOR,
        MATRIX,
        types.int64,
        types.boolean,
        writable(types.uint8, 2),
        writable(types.float32, 2),
    )
)
def encode_rows(vectors, metric, mean, signs, bits, published, rows, corrections):
    """Fill the zeroed code rows, and the corrections of corrected weights."""
    coded_dim = signs.shape[1]
    n_bytes = rows.shape[1] - CORRECTION_BYTES
    prepared = np.empty((1, vectors.shape[1]), np.float32)
    coordinates = np.empty((1, coded_dim), np.float32)
    values = np.empty((1, coded_dim), np.float32)
    u = np.empty(coded_dim, np.uint8)
    for row in range(vectors.shape[0]):
        transform_row(vectors, row, metric, mean, signs, prepared, coordinates)
        if bits == 2:
            sign_and_strength(coordinates, published, u, values)
        else:
            in_steps(coordinates, bits, u, values)
        for j in range(coded_dim):
            byte, plane = CORRECTION_BYTES + j % n_bytes, j // n_bytes
            rows[row, byte] |= np.uint8(u[j] << (bits * plane))
        if not published:
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
        writable(types.int8, 3),
        writable(types.float32, 2),
    )
)
def quantize_rows(queries, metric, mean, signs, values, corrections):
    """Fill the zeroed int8 planes and (step, squared norm)."""
    coded_dim = signs.shape[1]
    n_bytes = values.shape[2] - CORRECTION_BYTES
    prepared = np.empty((1, queries.shape[1]), np.float32)
    coordinates = np.empty((1, coded_dim), np.float32)
    for query in range(queries.shape[0]):
        transform_row(queries, query, metric, mean, signs, prepared, coordinates)
        peak = peak_of(coordinates)
        inverse = np.float32(127) / peak
        if np.isfinite(inverse):
            corrections[query, 0] = peak / np.float32(127)
            for j in range(coded_dim):
                byte, plane = CORRECTION_BYTES + j % n_bytes, j // n_bytes
                v = np.int8(np.rint(coordinates[0, j] * inverse))
                values[query, plane, byte] = v
        norm2 = lane_dot(coordinates, 0, coordinates, 0)
        corrections[query, 1] = np.float32(norm2)
