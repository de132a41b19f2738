"""Encode: vectors to 2-bit codes with corrections, queries to 8-bit coordinates.

Per dimension a code keeps the sign and whether the magnitude is strong, as
``u = 2·sign + [strong == sign]``, so that the default coordinate values are linear
in u: ``w = 2·u - 3`` gives -3, -1, 1, 3. The paper's values are -2, -1, 1, 2.

Source: QuIVer (arXiv 2605.02171), sign-magnitude encoding. Departures, absent
from ``Encoding.paper()``: a constant number of strong coordinates, and RaBitQ's
correction (SIGMOD 2024) per vector. See docs/algorithm/encode.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Lanes, Vectors
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
from quiver.reference.lanes import lane_sum, squared_norms
from quiver.reference.transform import apply_transform

QUERY_PEAK = np.float32(127)


def encode(vectors: Vectors, transform: Transform, strong: int) -> Codes:
    """Code every vector; see `quiver.backends.protocol.Backend.encode`."""
    coordinates = apply_transform(vectors, transform)
    n, dim = coordinates.shape
    sign = coordinates > 0
    if strong == 2:
        strong_plane = strong_by_mean(coordinates)
    else:
        strong_plane = strong_by_rank(coordinates)
    u = (2 * sign + (strong_plane == sign)).astype(np.uint8)

    rows = aligned_zeros((n, row_bytes(dim)), np.uint8)
    codes = Codes(rows, dim, strong)
    codes.codes[:] = pack(u)
    if strong == 3:
        codes.corrections[:] = corrections(coordinates, u)
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
    chosen = by_magnitude[:, : (dim + 1) // 3]
    np.put_along_axis(strong_plane, chosen, values=True, axis=1)
    return strong_plane


def pack(u: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack two bits per dimension; byte b holds dimensions b, 32+b, 64+b, 96+b."""
    n, dim = u.shape
    n_blocks = code_bytes(dim) // BLOCK_BYTES
    padded = np.zeros((n, n_blocks * BLOCK_DIMS), dtype=np.uint8)
    padded[:, :dim] = u
    quarters = padded.reshape(n, n_blocks, 4, BLOCK_BYTES)
    shifts = np.array([0, 2, 4, 6], dtype=np.uint8)[:, None]
    packed = np.bitwise_or.reduce(quarters << shifts, axis=2)
    return packed.reshape(n, n_blocks * BLOCK_BYTES)


def unpack(codes: NDArray[np.uint8], dim: int) -> NDArray[np.uint8]:
    """Invert `pack`: the u of every dimension, shape (n, dim)."""
    n, n_blocks = len(codes), codes.shape[1] // BLOCK_BYTES
    shifts = np.array([0, 2, 4, 6], dtype=np.uint8)[:, None]
    blocks = codes.reshape(n, n_blocks, 1, BLOCK_BYTES)
    u = (blocks >> shifts) & np.uint8(3)
    return u.reshape(n, n_blocks * BLOCK_DIMS)[:, :dim]


def corrections(coordinates: Vectors, u: NDArray[np.uint8]) -> Lanes:
    """Return (scale, bias) = (‖r‖² / ⟨w, r⟩, ‖r‖²) per row; a zero row gives (0, 0).

    ⟨w, r⟩ is a sum of |w_j|·|r_j|, so it is positive unless r is zero.
    """
    w = 2.0 * u - 3.0
    norms2 = squared_norms(coordinates)
    overlap = lane_sum(w * coordinates.astype(np.float64))
    scale = np.divide(norms2, overlap, out=np.zeros_like(norms2), where=overlap > 0)
    return np.stack([scale, norms2], axis=1)


def quantise(queries: Vectors, transform: Transform) -> Queries:
    """Round queries to int8; see `quiver.backends.protocol.Backend.quantise`."""
    coordinates = apply_transform(queries, transform)
    n, dim = coordinates.shape
    peak = np.abs(coordinates).max(axis=1)
    with np.errstate(divide="ignore", over="ignore"):
        inverse = QUERY_PEAK / peak
    usable = np.isfinite(inverse)
    inverse = np.where(usable, inverse, np.float32(0))
    step = np.where(usable, peak / QUERY_PEAK, np.float32(0))

    values = np.zeros((n, code_bytes(dim) // BLOCK_BYTES * BLOCK_DIMS), dtype=np.int8)
    values[:, :dim] = np.rint(coordinates * inverse[:, None])
    norms2 = squared_norms(coordinates).astype(np.float32)
    return Queries(values, stack_float32(step, norms2))


def stack_float32(*columns: AnyArray) -> NDArray[np.float32]:
    """Stack columns into one C-contiguous float32 matrix."""
    return np.stack(columns, axis=1).astype(np.float32)
