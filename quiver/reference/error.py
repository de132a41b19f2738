"""Error: how far the estimate of a distance may lie from the truth.

With ``w·scale = r + e`` the estimate of ⟨q', r⟩ is off by ⟨q', e⟩. The scale makes e
orthogonal to r, and the rotation makes it point anywhere else, so that a squared
distance is off by ``2·‖q'‖·‖e‖ / sqrt(dim - 1)`` in the root mean square.

Source: the error bound of RaBitQ (SIGMOD 2024), with ‖e‖ from the stored corrections
instead of its expectation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Lanes
from quiver.reference.codes import Codes
from quiver.reference.distance import TYPICAL_COSINE
from quiver.reference.encode import unpack, values_of
from quiver.reference.lanes import lane_sum, squared_norms
from quiver.reference.transform import evenly_taken

COSINES = {2: 0.9386, **{bits: float(c) for bits, c in TYPICAL_COSINE.items()}}
"""Mean cosine between r and its code, by bits, coordinates being nearly normal."""


ERROR_ROWS = 1024
"""Rows that say how large the errors of all are."""

MOST_ERRORS = 0.99
"""Which share of rows has an error of at most ``ErrorScale.most``."""

_TINY = float(np.finfo(np.float64).tiny)


class ErrorScale(NamedTuple):
    """How large the errors of a base are, for queries of length one half.

    Attributes
    ----------
    usual : float
        The mean over rows.
    share : float
        The same over the mean length of a row: by direction all rows are coded alike.
    most : float
        What all but one row in a hundred stay below.
    """

    usual: float
    share: float
    most: float


def error_scale(codes: Codes, rows: NDArray[np.integer]) -> ErrorScale:
    """Return the scale of the errors of some rows, from a few of them evenly taken."""
    few = rows[evenly_taken(len(rows), ERROR_ROWS)]
    errors, norms = code_errors(codes.take(few))
    total, most = float(lane_sum(errors)), int(MOST_ERRORS * (len(errors) - 1))
    return ErrorScale(
        usual=total / len(errors),
        share=total / max(float(lane_sum(norms)), _TINY),
        most=float(np.sort(errors)[most]),
    )


def code_errors(codes: Codes) -> tuple[Lanes, Lanes]:
    """Return ``‖e‖ / sqrt(dim - 1)`` and ‖r‖ of every row, float64.

    Where the bias was cleared, as for inner product, ‖r‖ is what the code's length
    makes likely.
    """
    scale, bias = codes.corrections.astype(np.float64).T
    values = values_of(unpack(codes.packed, codes.dim, codes.bits), codes.bits)
    reach = squared_norms(values) * scale * scale
    cosine = COSINES[codes.bits]
    norm2 = bias if bias.any() else reach * cosine * cosine
    error2 = np.maximum(0, reach - norm2) / max(1, codes.dim - 1)
    return np.sqrt(error2), np.sqrt(norm2)
