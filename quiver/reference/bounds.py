"""Bounds: what the exact distance of a candidate is at least, told from its code.

The estimate that a walk goes by has a known error. A candidate whose estimate, less
all the error it can be expected to have, lies beyond the k-th exact distance cannot
belong to the answer, and its vector need not be read.

Source: RaBitQ (SIGMOD 2024), the bound on its estimate's error; the constants are
measured, see docs/algorithm/rerank.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quiver._typing import Bits, Distances, Keys, Lanes, Metric
from quiver.reference.codes import Codes, Queries
from quiver.reference.keys import key_distances, key_ids

SIGMAS = 4.0
"""Standard errors by which an estimate may exceed the truth before it is missed."""

CODE_ERROR = {2: 0.66, 4: 0.63, 8: 0.31}
"""Root mean square of r_j / scale - w_j, the error of one coordinate of a code. Values
of wide codes are 2 and 1 apart, and rounding alone gives 2/√12 and 1/√12; the rest is
clipping. Coordinates are nearly normal, so that it does not depend on the data."""

MEAN_SQUARE = {2: 3.67, 4: 36.0, 8: 1700.0}
"""Mean of w_j² of a code: 11/3, and what normal coordinates give."""

ROUNDING = 2.0**-17
"""Relative error of a float32 estimate, with room to spare."""

LEAST_DIM = 32
"""Of fewer dimensions the coded coordinates depend on each other, and so do their
errors: uniform rows of 8 and 16 lost up to 8 answers in 10 000. Such vectors are
hardly longer than their codes anyway. Coordinates that are zero count for nothing:
of three others in 384, up to 81 were lost."""

SHORT_BEAM = {2: 32, 4: 16, 8: 16}
"""A beam no wider is read whole, by bits: telling what cannot matter would take longer
than it saves. Of 64 rows it saves half of 1 536 dimensions at two bits, a third of 384,
none of 128; at four bits three quarters of 384, and of 32 the half."""


class Terms(NamedTuple):
    """What bounds are made of beside the corrections of queries and rows.

    Attributes
    ----------
    estimate : float
        Times a code distance.
    rounding : float
        Times the squared norm of the query: what rounding may take away.
    per_norm, per_step : float
        Times the squared norm of the query and the square of its step: the square of
        what its estimates may be off, in a row's scale.
    """

    estimate: float
    rounding: float
    per_norm: float
    per_step: float


def terms_of(dim: int, bits: Bits, metric: Metric) -> Terms:
    """Return the terms for codes of so many coordinates."""
    # Code distances are squared; half of one, less a constant, serves the others.
    share = 1.0 if metric == "euclidean" else 0.5
    spared2 = (2 * SIGMAS * share) ** 2
    return Terms(
        estimate=share * (1 - ROUNDING),
        rounding=share * ROUNDING,
        per_norm=spared2 * CODE_ERROR[bits] ** 2,
        per_step=spared2 * dim * MEAN_SQUARE[bits] / 12,
    )


def lower_bounds(
    codes: Codes, coded: Queries, keys: Keys, metric: Metric, shifts: Lanes
) -> Distances:
    """Return a lower bound of every key's exact distance, shape (q, m), float32.

    Parameters
    ----------
    codes : Codes
        The base, with corrections, and rotated.
    coded : Queries
        The queries that were measured.
    keys : ndarray of shape (q, m), uint64
        Estimates and rows, ended by ``NO_KEY``.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the distances bounded.
    shifts : ndarray of shape (q,), float64
        ⟨q, mean⟩, which the codes for inner product leave out; else unused.

    Notes
    -----
    An estimate errs by ``2·scale·⟨r_q, e⟩``, with e the error of the code, which after
    the rotation has no direction of its own, and by the rounding of the query.
    """
    step, norm2 = coded.corrections.T[:, :, None]
    terms = terms_of(codes.dim, codes.bits, metric)
    less = norm2 * terms.rounding
    if metric == "inner_product":
        shift = shifts[:, None].astype(np.float32)
        less += norm2 / 2 + shift + ROUNDING * np.abs(shift)
    # The end mark may take any row's scale: what it marks is never read.
    rows = np.minimum(key_ids(keys), codes.n_rows - 1)
    scales = codes.corrections[:, 0][rows]
    # A bound too low for float32 is none.
    with np.errstate(over="ignore", invalid="ignore"):
        scales *= np.sqrt(norm2 * terms.per_norm + step * step * terms.per_step)
        bounds = key_distances(keys) * np.float32(terms.estimate)
        bounds -= scales + less
    return np.sqrt(np.maximum(bounds, 0)) if metric == "euclidean" else bounds
