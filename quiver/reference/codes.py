"""Coded vectors in memory: the row layout, the query form and the transform.

A row is whole cache lines with nothing empty: the two float32 corrections, then the
code. ``lines`` cache lines leave ``64·lines - 8`` bytes of code, and byte b of them
holds coordinates ``b, C + b, 2C + b, …`` (C the number of code bytes) from its lowest
bits up. So one load and a few shifts line up whole registers of any width, and a
query's bytes lie in the same order. These tuples are all that passes between the index
and a backend.

Source: docs/algorithm/encode.md; Table 2 of QuIVer (arXiv 2605.02171) for the hot and
cold split.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Bits, Distances, Metric, Weights

T = TypeVar("T", bound=np.generic)

VALUES = {2: (2, 3), 4: (2, 15), 8: (1, 128)}
"""The coordinate values of a corrected code are ``factor·u - offset``: the odd numbers
-3 … 3 and -15 … 15, and -127 … 127."""

CORRECTION_BYTES = 8
CACHE_LINE = 64


def least_lines(dim: int, bits: int) -> int:
    """Return the fewest cache lines that hold the corrections and ``dim`` values."""
    return -(-(dim * bits + 8 * CORRECTION_BYTES) // (8 * CACHE_LINE))


def code_bytes(lines: int) -> int:
    """Return the bytes of one code in a row of so many cache lines."""
    return CACHE_LINE * lines - CORRECTION_BYTES


def capacity(lines: int, bits: int) -> int:
    """Return how many coordinates a row of so many cache lines holds."""
    return code_bytes(lines) * 8 // bits


def n_strong(dim: int) -> int:
    """Return how many coordinates of a corrected 2-bit code are strong: a third."""
    return (dim + 1) // 3


def aligned_zeros(shape: tuple[int, int], dtype: type[T]) -> NDArray[T]:
    """Return a zeroed C-contiguous matrix whose first byte starts a cache line."""
    n_bytes = shape[0] * shape[1] * np.dtype(dtype).itemsize
    raw = np.zeros(n_bytes + CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + n_bytes].view(dtype).reshape(shape)


class Codes(NamedTuple):
    """Coded vectors, as stored and as symmetric queries.

    Attributes
    ----------
    rows : ndarray of shape (n, 64 * lines), uint8, C-contiguous
        (scale, bias) as float32, then the code.
    dim : int
        Number of coded coordinates; bits past the last are zero.
    bits : {2, 4, 8}
        Bits per coordinate.
    weights : {'corrected', 'published'}
        What a code's coordinates are worth: odd numbers, or the paper's ±1 and ±2.
    """

    rows: NDArray[np.uint8]
    dim: int
    bits: Bits
    weights: Weights

    @property
    def n_rows(self) -> int:
        """Number of coded vectors; ``len()`` of the tuple is its field count."""
        return len(self.rows)

    @property
    def corrections(self) -> Distances:
        """View of (scale, bias), shape (n, 2), float32."""
        return self.rows[:, :CORRECTION_BYTES].view(np.float32)

    @property
    def packed(self) -> NDArray[np.uint8]:
        """View of the codes alone, shape (n, 64 * lines - 8)."""
        return self.rows[:, CORRECTION_BYTES:]

    def take(self, ids: NDArray[np.integer]) -> Codes:
        """Return a copy of the rows named by ``ids``, in that order."""
        return self._replace(rows=self.rows[ids])


class Queries(NamedTuple):
    """Queries at 8 bits per coordinate, for asymmetric distances.

    Attributes
    ----------
    values : ndarray of shape (q, 8 // bits, 64 * lines), int8, C-contiguous
        The rounded coordinates v_j where the rows have u_j: plane p holds those whose
        code lies p-th from below in its byte. Zero beside the corrections and past
        the last coordinate, so a dot product may run over whole rows.
    corrections : ndarray of shape (q, 2), float32
        (step, squared norm) of each transformed query.
    """

    values: NDArray[np.int8]
    corrections: Distances

    def take(self, numbers: NDArray[np.integer]) -> Queries:
        """Return a copy of the queries named by ``numbers``, in that order."""
        return Queries(self.values[numbers], self.corrections[numbers])


class Transform(NamedTuple):
    """The map T from a caller's vector to the coordinates that are coded.

    Attributes
    ----------
    scaling : {'cosine', 'euclidean', 'inner_product'}
        Decides the preparation; see `quiver.reference.transform.prepare`.
    mean : ndarray of shape (dim,), float32
        Subtracted after the preparation; zeros when not centring.
    signs : ndarray of shape (0, coded_dim) or (2, coded_dim), float32
        The +1 and -1 of each rotation round; no rounds when not rotating. The
        ``dim`` coordinates are spread over ``coded_dim`` before the rotation.
    """

    scaling: Metric
    mean: Distances
    signs: Distances

    @property
    def coded_dim(self) -> int:
        """Number of coordinates that are coded."""
        return self.signs.shape[1]
