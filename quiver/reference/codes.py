"""Coded vectors in memory: the row layout, the query form and the transform.

A row holds the code, then the two float32 corrections, then zero bytes up to a
multiple of 64, so that one row is a whole number of cache lines: 128 bytes at
384-d. These tuples are all that passes between the index and a backend.

See docs/algorithm/encode.md. Source: Table 2 of QuIVer (arXiv 2605.02171) for the
hot and cold split.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Metric

T = TypeVar("T", bound=np.generic)

BLOCK_DIMS = 128
BLOCK_BYTES = 32
CORRECTION_BYTES = 8
CACHE_LINE = 64


def code_bytes(dim: int) -> int:
    """Return the bytes of one code: 32 for every started block of 128 dimensions."""
    return BLOCK_BYTES * -(-dim // BLOCK_DIMS)


def row_bytes(dim: int) -> int:
    """Return the bytes of one row: code, corrections and padding to a cache line."""
    return CACHE_LINE * -(-(code_bytes(dim) + CORRECTION_BYTES) // CACHE_LINE)


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
    rows : ndarray of shape (n, row_bytes(dim)), uint8, C-contiguous
        Code, (scale, bias) as float32 and zero padding.
    dim : int
        Number of coded coordinates; bits past it are zero.
    strong : int
        Value of a strong coordinate: 3 (default encoding) or 2 (paper).
    """

    rows: NDArray[np.uint8]
    dim: int
    strong: int

    @property
    def n_rows(self) -> int:
        """Number of coded vectors; ``len()`` of the tuple is its field count."""
        return len(self.rows)

    @property
    def codes(self) -> NDArray[np.uint8]:
        """View of the codes alone, shape (n, code_bytes(dim))."""
        return self.rows[:, : code_bytes(self.dim)]

    @property
    def corrections(self) -> Distances:
        """View of (scale, bias), shape (n, 2), float32."""
        start = code_bytes(self.dim)
        return self.rows[:, start : start + CORRECTION_BYTES].view(np.float32)

    def take(self, ids: NDArray[np.integer]) -> Codes:
        """Return a copy of the rows named by ``ids``, in that order."""
        return Codes(self.rows[ids], self.dim, self.strong)


class Queries(NamedTuple):
    """Queries at 8 bits per dimension, for asymmetric distances.

    Attributes
    ----------
    values : ndarray of shape (q, 128 * ceil(dim / 128)), int8, C-contiguous
        The rounded coordinates v_j, zero past ``dim``.
    corrections : ndarray of shape (q, 2), float32
        (step, squared norm) of each transformed query.
    """

    values: NDArray[np.int8]
    corrections: Distances


class Transform(NamedTuple):
    """The map T from a caller's vector to the coordinates that are coded.

    Attributes
    ----------
    metric : {'cosine', 'euclidean', 'inner_product'}
        Decides the preparation; see `quiver.reference.transform.prepare`.
    mean : ndarray of shape (dim,), float32
        Subtracted after the preparation; zeros when not centring.
    signs : ndarray of shape (0, dim) or (2, dim), float32
        The +1 and -1 of each rotation round; no rounds when not rotating.
    """

    metric: Metric
    mean: Distances
    signs: Distances
