"""Planes: what the two bits of each coordinate carry, before and after the transform.

Source: sign entropy and the strong-bit rate of QuIVer (arXiv 2605.02171, Table 13),
where the rate was found to predict nothing alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quiver._typing import Lanes, Vectors
from quiver.diagnosis.sample import Sample
from quiver.reference.codes import Codes
from quiver.reference.encode import unpack
from quiver.reference.lanes import squared_norms

# Enough for the estimate; the work grows with its square.
_MOMENT_ROWS = 2000


class Planes(NamedTuple):
    """The planes of one way of coding.

    Attributes
    ----------
    sign_entropy : float
        Mean over coordinates of the bits a sign carries, 0 … 1.
    strong_share : float
        Share of strong coordinates.
    sign_density, strong_density : tuple of float
        Per coordinate the share of rows with that bit set.
    """

    sign_entropy: float
    strong_share: float
    sign_density: tuple[float, ...]
    strong_density: tuple[float, ...]


class Moments(NamedTuple):
    """Moments of the base in the Euclidean space of the task.

    Attributes
    ----------
    mean_norm : float
        Norm of the mean over the root mean square of the norms, 0 … 1.
    effective_dimension : float
        Participation ratio of the covariance: how many directions share the variance.
    """

    mean_norm: float
    effective_dimension: float


def measure_planes(codes: Codes) -> Planes:
    """Count the bits of codes, coordinate by coordinate."""
    u = unpack(codes.packed, codes.dim, codes.bits)
    sign, low = u >> 1, u & 1
    signs, strong = sign.mean(axis=0), (low == sign).mean(axis=0)
    return Planes(
        sign_entropy=float(_entropy(signs).mean()),
        strong_share=float(strong.mean()),
        sign_density=tuple(signs.tolist()),
        strong_density=tuple(strong.tolist()),
    )


def measure_moments(sample: Sample) -> Moments:
    """Measure mean and spread of a Euclidean sample."""
    base = sample.vectors
    mean = base.mean(axis=0, dtype=np.float64)
    scale = np.sqrt(squared_norms(base).mean())
    return Moments(
        mean_norm=float(np.sqrt(mean @ mean) / scale) if scale > 0 else 0.0,
        effective_dimension=_effective_dimension(base[:_MOMENT_ROWS]),
    )


def _effective_dimension(rows: Vectors) -> float:
    """Return tr(C)² / tr(C²), C the covariance.

    Products of different rows estimate tr(C²) without the bias that each row's
    product with itself would add. Squared, those of all rows and those of all columns
    have one sum: the fewer are taken.
    """
    centered = rows - rows.mean(axis=0, dtype=np.float64)
    m, squares = len(rows), squared_norms(centered)
    small = centered if m < rows.shape[1] else centered.T
    of_all = np.square(small @ small.T).sum()
    trace = squares.mean()
    trace_of_square = (of_all - np.square(squares).sum()) / (m * (m - 1))
    if trace_of_square <= 0:
        return 0.0
    return float(min(trace**2 / trace_of_square, rows.shape[1]))


def _entropy(share: Lanes) -> Lanes:
    inside = np.clip(share, 1e-12, 1 - 1e-12)
    return -(inside * np.log2(inside) + (1 - inside) * np.log2(1 - inside))
