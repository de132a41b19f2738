"""Coding: the codes that the paper compares, made of the published ones.

A published code has two planes, sign and strong. A coordinate that is never strong is
worth -1 or 1, so by the published distance such codes differ by twice their Hamming
distance and a constant. One bit is a code of which only the sign is kept; Hamming over
both planes is a code of twice as many coordinates, one for each bit. So one distance
and its kernels serve all three.

Source: QuIVer (arXiv 2605.02171), Table 10, and its reference implementation, where a
query walks by plain Hamming over both planes while the graph is built by weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Bits, Vectors, Weights
from quiver.backends.protocol import Backend
from quiver.params import Encoding
from quiver.reference.codes import (
    CORRECTION_BYTES,
    Codes,
    Transform,
    aligned_zeros,
    code_bytes,
    least_lines,
)
from quiver.reference.encode import pack, unpack

Recode: TypeAlias = Callable[[Codes], Codes]


class Way(NamedTuple):
    """How rows are coded for a graph, and walked.

    Attributes
    ----------
    encoding : Encoding
        Of rows and queries.
    linked : callable, optional
        Makes of these codes those that the graph is built of, and walked by.
    """

    encoding: Encoding
    linked: Recode | None = None


def signs_only(codes: Codes) -> Codes:
    """Return one bit for each coordinate: its sign, never strong."""
    sign = unpack(codes.packed, codes.dim, 2) >> np.uint8(1)
    return _weak(sign, codes.weights)


def planes_apart(codes: Codes) -> Codes:
    """Return both bits of every coordinate as one bit of two."""
    u = unpack(codes.packed, codes.dim, 2)
    sign, low = u >> np.uint8(1), u & np.uint8(1)
    strong = (low == sign).astype(np.uint8)
    return _weak(np.concatenate([sign, strong], axis=1), codes.weights)


def _weak(bits: NDArray[np.uint8], weights: Weights) -> Codes:
    """Return published codes of coordinates that are worth 1 where a bit is set."""
    n, dim = bits.shape
    lines = least_lines(dim, 2)
    rows = aligned_zeros((n, CORRECTION_BYTES + code_bytes(lines)), np.uint8)
    codes = Codes(rows, dim, 2, weights)
    # -1 and 1 are the values of 1 and 2, see `quiver.reference.encode`.
    codes.packed[:] = pack(bits + np.uint8(1), 2, lines)
    return codes


class _Recoding:
    """Kernels that code rows another way, and do all else as they did."""

    def __init__(self, kernels: Backend, recode: Recode) -> None:
        self._kernels, self._recode = kernels, recode

    def __getattr__(self, part: str) -> Any:
        return getattr(self._kernels, part)

    def encode(
        self, vectors: Vectors, transform: Transform, bits: Bits, weights: Weights
    ) -> Codes:
        return self._recode(self._kernels.encode(vectors, transform, bits, weights))


def recoding(kernels: Backend, recode: Recode | None) -> Backend:
    """Return kernels whose `encode` goes through another function, if there is one."""
    return kernels if recode is None else cast("Backend", _Recoding(kernels, recode))


PUBLISHED = Way(Encoding.paper())

SIGNS = Way(Encoding.paper(), signs_only)

UNIFORM_LEVELS = Way(
    Encoding(center=False, rotate=False, query="symmetric", fill=False)
)
"""Two bits for the four values -3, -1, 1, 3, a third of the coordinates at the ends."""

WIDE = Way(Encoding(bits=8))
"""What a graph of the same shape finds where a code loses next to nothing."""

HAMMING, WEIGHTS = "Hamming", "weights"

WALKS: dict[str, Recode | None] = {HAMMING: planes_apart, WEIGHTS: None}
"""How a graph of published codes is walked: as the published program does, and by the
distance that the paper prints, by which the graph is built and quiver walks."""
