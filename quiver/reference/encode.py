"""Encode: vectors to codes with corrections, queries to 8-bit coordinates.

Per coordinate a code keeps u, and the value w is linear in it (`codes.VALUES`). With
two bits u is the sign and whether the magnitude is strong, ``2·sign + [strong ==
sign]``, so ``w = 2·u - 3`` gives -3, -1, 1, 3; the paper's values for the same u are
-2, -1, 1, 2. With four or eight bits u counts steps.

Source: QuIVer (arXiv 2605.02171), sign-magnitude encoding; docs/algorithm/encode.md.
Departures, absent from ``Encoding.paper()``: a constant number of strong coordinates,
RaBitQ's correction (SIGMOD 2024) per vector, and wider codes (as its multi-bit form).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Bits, Lanes, Vectors, Weights
from quiver.reference.codes import (
    CORRECTION_BYTES,
    VALUES,
    Codes,
    Queries,
    Transform,
    aligned_zeros,
    code_bytes,
    least_lines,
    n_strong,
)
from quiver.reference.lanes import lane_sum, squared_norms
from quiver.reference.transform import apply_transform

QUERY_PEAK = np.float32(127)

STEPS, LEAST_U = {4: 8, 8: 127}, {4: 0, 8: 1}
"""Steps from the middle of a wide code to its end, and the least u in use."""

CLIPPING = (1.0, 0.85, 0.7)
"""Wide codes spend their steps on this share of a row's peak, whichever gives the least
angle: the largest coordinates may be cut so that all others are finer."""


def encode(
    vectors: Vectors, transform: Transform, bits: Bits, weights: Weights
) -> Codes:
    """Code every vector; see `quiver.backends.protocol.Backend.encode`."""
    coordinates = apply_transform(vectors, transform)
    n, dim = coordinates.shape
    if bits > 2:
        u = in_steps(coordinates, bits)
    else:
        by_rule = strong_by_mean if weights == "published" else strong_by_rank
        sign = coordinates > 0
        u = (2 * sign + (by_rule(coordinates) == sign)).astype(np.uint8)

    lines = least_lines(dim, bits)
    rows = aligned_zeros((n, CORRECTION_BYTES + code_bytes(lines)), np.uint8)
    codes = Codes(rows, dim, bits, weights)
    codes.packed[:] = pack(u, bits, lines)
    if weights == "corrected":
        codes.corrections[:] = corrections(coordinates, u, bits)
    return codes


def strong_by_mean(coordinates: Vectors) -> NDArray[np.bool_]:
    """Paper: a coordinate is strong when its magnitude exceeds the row's mean."""
    magnitudes = np.abs(coordinates).astype(np.float64)
    mean_abs = lane_sum(magnitudes) / coordinates.shape[1]
    return magnitudes > mean_abs[:, None]


def strong_by_rank(coordinates: Vectors) -> NDArray[np.bool_]:
    """Default: the ``(dim + 1) // 3`` largest magnitudes; equal ones: lower j first."""
    n, dim = coordinates.shape
    by_magnitude = np.argsort(-np.abs(coordinates), axis=1, kind="stable")
    strong_plane = np.zeros((n, dim), dtype=bool)
    chosen = by_magnitude[:, : n_strong(dim)]
    np.put_along_axis(strong_plane, chosen, values=True, axis=1)
    return strong_plane


def in_steps(coordinates: Vectors, bits: Bits) -> NDArray[np.uint8]:
    """Return u of a wide code: every coordinate in equal steps, the middle at 0.

    Of the step sizes that ``CLIPPING`` offers, each row takes the one whose code
    makes the least angle with it; equal ones: the first. Every float32 operation is
    rounded on its own, and halves to even.
    """
    factor, offset = VALUES[bits]
    middle, reach = np.float32(offset / factor), np.float32(STEPS[bits])
    peaks = np.abs(coordinates).max(axis=1)
    best = np.zeros(coordinates.shape, dtype=np.uint8)
    best_cosine = np.full(len(coordinates), -1.0)
    for share in CLIPPING:
        with np.errstate(divide="ignore", over="ignore"):
            inverse = reach / (peaks * np.float32(share))
        inverse = np.where(np.isfinite(inverse), inverse, np.float32(0))
        steps = coordinates * inverse[:, None] + middle
        u = np.rint(np.clip(steps, LEAST_U[bits], (1 << bits) - 1)).astype(np.uint8)
        w = values_of(u, bits)
        overlap, length = lane_sum(w * coordinates), np.sqrt(squared_norms(w))
        # Only the code of a zero row can have no length.
        zeros = np.zeros_like(length)
        cosine = np.divide(overlap, length, out=zeros, where=length > 0)
        better = cosine > best_cosine
        best[better], best_cosine[better] = u[better], cosine[better]
    return best


def values_of(u: NDArray[np.uint8], bits: Bits) -> Lanes:
    """Return the coordinate values w of a corrected code, as float64."""
    factor, offset = VALUES[bits]
    return factor * u.astype(np.float64) - offset


def pack(u: NDArray[np.uint8], bits: Bits, lines: int) -> NDArray[np.uint8]:
    """Pack coordinates b, C + b, 2C + b, … into byte b of C, lowest bits first."""
    planes = to_planes(u, bits, lines)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)[:, None]
    return np.bitwise_or.reduce(planes << shifts, axis=1)


def unpack(packed: NDArray[np.uint8], dim: int, bits: Bits) -> NDArray[np.uint8]:
    """Invert `pack`: the u of every coordinate, shape (n, dim)."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)[:, None]
    u = (packed[:, None, :] >> shifts) & np.uint8((1 << bits) - 1)
    return u.reshape(len(packed), 8 // bits * packed.shape[1])[:, :dim]


def to_planes(values: AnyArray, bits: Bits, lines: int) -> AnyArray:
    """Lay coordinates out as in a row: shape (n, 8 // bits, C), zeros at the end."""
    n, dim = values.shape
    n_planes, width = 8 // bits, code_bytes(lines)
    planes = np.zeros((n, n_planes * width), dtype=values.dtype)
    planes[:, :dim] = values
    return planes.reshape(n, n_planes, width)


def corrections(coordinates: Vectors, u: NDArray[np.uint8], bits: Bits) -> Lanes:
    """Return (scale, bias) = (‖r‖² / ⟨w, r⟩, ‖r‖²) per row; a zero row gives (0, 0).

    ⟨w, r⟩ is a sum of |w_j|·|r_j|, so it is positive unless r is zero.
    """
    w = values_of(u, bits)
    norms2 = squared_norms(coordinates)
    overlap = lane_sum(w * coordinates.astype(np.float64))
    scale = np.divide(norms2, overlap, out=np.zeros_like(norms2), where=overlap > 0)
    return np.stack([scale, norms2], axis=1)


def quantize(queries: Vectors, transform: Transform, bits: Bits) -> Queries:
    """Round queries to int8; see `quiver.backends.protocol.Backend.quantize`."""
    coordinates = apply_transform(queries, transform)
    peak = np.abs(coordinates).max(axis=1)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = QUERY_PEAK / peak
    usable = np.isfinite(inverse)
    inverse = np.where(usable, inverse, np.float32(0))
    step = np.where(usable, peak / QUERY_PEAK, np.float32(0))

    v = np.rint(coordinates * inverse[:, None]).astype(np.int8)
    planes = to_planes(v, bits, least_lines(transform.coded_dim, bits))
    values = np.pad(planes, ((0, 0), (0, 0), (CORRECTION_BYTES, 0)))
    norms2 = squared_norms(coordinates).astype(np.float32)
    return Queries(values, stack_float32(step, norms2))


def stack_float32(*columns: AnyArray) -> NDArray[np.float32]:
    """Stack columns into one C-contiguous float32 matrix."""
    return np.stack(columns, axis=1).astype(np.float32)
