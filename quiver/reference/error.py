"""Error: how far the estimate of a distance may lie from the truth.

With ``w·scale = r + e`` the estimate of ⟨q', r⟩ is off by ⟨q', e⟩. The scale makes e
orthogonal to r, and the rotation makes it point anywhere else, so that a squared
distance is off by ``2·‖q'‖·‖e‖ / sqrt(dim - 1)`` in the root mean square. A query
rounded to steps adds ``2·step·‖w·scale‖ / sqrt(12)``.

It is the error of `quiver.reference.bounds`, whose ‖e‖ is that of nearly normal
coordinates: there it is asked of every candidate, and holds for rotated codes only.
Here ‖e‖ is measured, once for a base, and may be of any codes.

Source: the error bound of RaBitQ (SIGMOD 2024), with ‖e‖ from the stored corrections
instead of its expectation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Lanes
from quiver.reference.bounds import CODE_ERROR, MEAN_SQUARE
from quiver.reference.codes import Codes
from quiver.reference.encode import unpack, values_of
from quiver.reference.lanes import lane_sum, squared_norms
from quiver.reference.transform import evenly_taken

ERROR_ROWS = 1024
"""Rows that say how large the errors of all are."""

MOST_ROWS = 0.99
"""Which share of rows has at most the length ``ErrorScale.most``."""

_TINY = float(np.finfo(np.float64).tiny)


class ErrorScale(NamedTuple):
    """How large the errors of a base are; by direction all rows are coded alike.

    Attributes
    ----------
    share : float
        ``‖e‖ / sqrt(dim - 1)`` of a row of length one.
    reach : float
        The length of its code, ``‖w·scale‖``.
    usual : float
        The mean length of a row.
    most : float
        What all but one row in a hundred stay below.
    """

    share: float
    reach: float
    usual: float
    most: float

    def of_queries(self, lengths: Lanes, steps: Lanes) -> Lanes:
        """Return the errors of squared distances to rows of length one.

        Parameters
        ----------
        lengths, steps : ndarray of shape (q,), float64
            ‖q'‖, and the step that each query was rounded to.
        """
        of_rows, of_rounding = self.share * lengths, self.reach * steps
        return 2 * np.sqrt(of_rows * of_rows + of_rounding * of_rounding / 12)


def error_scale(codes: Codes, rows: NDArray[np.integer]) -> ErrorScale:
    """Return the scale of the errors of some rows, from a few of them evenly taken."""
    few = rows[evenly_taken(len(rows), ERROR_ROWS)]
    errors, reaches, norms = code_errors(codes.take(few))
    total = max(float(lane_sum(norms)), _TINY)
    return ErrorScale(
        share=float(lane_sum(errors)) / total,
        reach=float(lane_sum(reaches)) / total,
        usual=total / len(norms),
        most=float(np.sort(norms)[int(MOST_ROWS * (len(norms) - 1))]),
    )


def code_errors(codes: Codes) -> tuple[Lanes, Lanes, Lanes]:
    """Return ``‖e‖ / sqrt(dim - 1)``, ``‖w·scale‖`` and ‖r‖ of every row, float64.

    Where the bias was cleared, as for inner product, ‖r‖ is what the code's length
    makes likely.
    """
    scale, bias = codes.corrections.astype(np.float64).T
    values = values_of(unpack(codes.packed, codes.dim, codes.bits), codes.bits)
    reach = squared_norms(values) * scale * scale
    # Of nearly normal coordinates: e is orthogonal to r.
    likely = 1 - CODE_ERROR[codes.bits] ** 2 / MEAN_SQUARE[codes.bits]
    norm2 = bias if bias.any() else reach * likely
    error2 = np.maximum(0, reach - norm2) / max(1, codes.dim - 1)
    return np.sqrt(error2), np.sqrt(reach), np.sqrt(norm2)
