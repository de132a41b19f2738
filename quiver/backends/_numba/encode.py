"""Encode kernels; see `quiver.reference.encode`."""

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
from quiver.backends._numba.primitives import (
    bits_float,
    float_bits,
    kernel,
    writable,
)
from quiver.backends._numba.rerank import MATRIX
from quiver.backends._numba.transform import (
    BUFFER,
    VECTOR,
    spread_places,
    transform_row,
)
from quiver.reference.codes import CORRECTION_BYTES
from quiver.reference.encode import CLIPPING, LEAST_U, STEPS

CODE = writable(types.uint8, 1)

STEPS_4, STEPS_8 = STEPS[4], STEPS[8]
LEAST_4, LEAST_8 = LEAST_U[4], LEAST_U[8]


@kernel(types.uint32(types.float32), inline=True)
def magnitude_bits(value):
    """Return the bits of |x|: they sort like it, and unlike it make fast loops."""
    return float_bits(value) & np.uint32(0x7FFF_FFFF)


@kernel(types.uint32(BUFFER, types.int64))
def nth_magnitude(coordinates, n):
    """Return the bits of the n-th largest magnitude, built from the highest down."""
    threshold = np.uint32(0)
    for bit in range(30, -1, -1):
        trial, n_reaching = threshold | np.uint32(1 << bit), np.uint32(0)
        for j in range(coordinates.shape[1]):
            n_reaching += np.uint32(magnitude_bits(coordinates[0, j]) >= trial)
        if n_reaching >= n:
            threshold = trial
    return threshold


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
    threshold, n_ties = nth_magnitude(coordinates, n_marked), n_marked
    for j in range(dim):
        plane[j] = magnitude_bits(coordinates[0, j]) > threshold
        n_ties -= np.int64(plane[j])
    for j in range(dim):
        if n_ties > 0 and magnitude_bits(coordinates[0, j]) == threshold:
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
    peak = np.uint32(0)
    for j in range(coordinates.shape[1]):
        peak = max(peak, magnitude_bits(coordinates[0, j]))
    return bits_float(peak)


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
            for j in range(len(u)):
                u[j] = trial[j]
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
    places = spread_places(vectors.shape[1], coded_dim)
    prepared = np.empty((1, vectors.shape[1]), np.float32)
    coordinates = np.empty((1, coded_dim), np.float32)
    values = np.empty((1, coded_dim), np.float32)
    u = np.empty(coded_dim, np.uint8)
    for row in range(vectors.shape[0]):
        transform_row(vectors, row, metric, mean, signs, places, prepared, coordinates)
        if bits == 2:
            sign_and_strength(coordinates, published, u, values)
        else:
            in_steps(coordinates, bits, u, values)
        for plane in range(8 // bits):
            first = plane * n_bytes
            for j in range(first, min(coded_dim, first + n_bytes)):
                byte = CORRECTION_BYTES + j - first
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
    places = spread_places(queries.shape[1], coded_dim)
    prepared = np.empty((1, queries.shape[1]), np.float32)
    coordinates = np.empty((1, coded_dim), np.float32)
    for query in range(queries.shape[0]):
        transform_row(
            queries, query, metric, mean, signs, places, prepared, coordinates
        )
        peak = peak_of(coordinates)
        inverse = np.float32(127) / peak
        if np.isfinite(inverse):
            corrections[query, 0] = peak / np.float32(127)
            for plane in range(values.shape[1]):
                first = plane * n_bytes
                for j in range(first, min(coded_dim, first + n_bytes)):
                    v = np.int8(np.rint(coordinates[0, j] * inverse))
                    values[query, plane, CORRECTION_BYTES + j - first] = v
        norm2 = lane_dot(coordinates, 0, coordinates, 0)
        corrections[query, 1] = np.float32(norm2)
