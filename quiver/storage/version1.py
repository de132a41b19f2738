"""Version 1 of the format: rows of 32-byte blocks, laid out anew when they are read.

Quiver 0.1.0 wrote codes in blocks of 128 dimensions, 32 bytes each, byte b of a block
holding dimensions b, 32 + b, 64 + b and 96 + b; then the corrections, then zeros up to
a whole cache line. The codes themselves are today's of ``Encoding(fill=False)``, so an
old file answers as it did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Weights
from quiver.reference.codes import (
    CACHE_LINE,
    CORRECTION_BYTES,
    Codes,
    aligned_zeros,
    least_lines,
)
from quiver.reference.encode import pack

BLOCK_DIMS, BLOCK_BYTES = 128, 32
_SHIFTS = np.array([0, 2, 4, 6], dtype=np.uint8)[:, None]


def row_bytes(dim: int) -> int:
    """Return the bytes of a row of version 1."""
    used = _code_bytes(dim) + CORRECTION_BYTES
    return CACHE_LINE * -(-used // CACHE_LINE)


def to_lines(rows: NDArray[np.uint8], dim: int, weights: Weights) -> Codes:
    """Return the codes of rows of version 1 in today's layout."""
    width, lines = _code_bytes(dim), least_lines(dim, 2)
    laid_out = aligned_zeros((len(rows), CACHE_LINE * lines), np.uint8)
    codes = Codes(laid_out, dim, 2, weights)
    codes.packed[:] = pack(_unpack(rows[:, :width])[:, :dim], 2, lines)
    laid_out[:, :CORRECTION_BYTES] = rows[:, width : width + CORRECTION_BYTES]
    return codes


def first_stray(rows: NDArray[np.uint8], dim: int) -> tuple[int, int] | None:
    """Return row and byte of the first bit set where a row holds nothing."""
    width = _code_bytes(dim)
    used = np.zeros(rows.shape[1], dtype=np.uint8)
    u = np.zeros((1, width // BLOCK_BYTES * BLOCK_DIMS), dtype=np.uint8)
    u[:, :dim] = 3
    quarters = u.reshape(-1, 4, BLOCK_BYTES)
    used[:width] = np.bitwise_or.reduce(quarters << _SHIFTS, axis=1).reshape(-1)
    used[width : width + CORRECTION_BYTES] = 255
    stray = (rows & ~used) != 0
    if not stray.any():
        return None
    row, column = np.unravel_index(int(np.argmax(stray)), stray.shape)
    return int(row), int(column)


def _code_bytes(dim: int) -> int:
    return BLOCK_BYTES * -(-dim // BLOCK_DIMS)


def _unpack(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    blocks = codes.reshape(len(codes), -1, 1, BLOCK_BYTES)
    return ((blocks >> _SHIFTS) & np.uint8(3)).reshape(len(codes), -1)
