"""Precision: what float32 takes from the rows given, told before an index is built.

An index keeps float32 rows. Timestamps in milliseconds, earth-centred metres or small
changes of a large number differ in digits that float32 does not have; tiny values have
squares that it does not have. Answers would be wrong without a word, and a shift or a
factor cures it.

Source: quiver's own; the bounds are measured in docs/limits.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Lanes, Metric, Vectors
from quiver.errors import PrecisionWarning
from quiver.reference.transform import MEDIAN_ROWS, evenly_taken

LOST = 2.0**-10
"""Of a row's distance from the middle: when rounding moves it so far, about one of 300
neighbours is no longer the right one from three dimensions on, more in fewer."""

EQUAL = 0.01
"""Share of rows that only rounding made equal to another: in one or two dimensions and
in tight clusters this shows before anything else."""

OFF_CENTER = 2.0**-20
"""Rounding that moves rows less than this comes from no shift: 2**-24 is usual."""

LEAST_SPREAD = 2.0**-60
"""Smaller distances from the middle have squares near the end of float32: edges differ
from here on, and answers collapse near 2**-70."""

_BLOCK_VALUES = 1 << 16


class _Peaks(NamedTuple):
    """The largest coordinate of each row: of it, from the middle, and as rounded off.

    Largest coordinates neither overflow nor vanish, as squares would.
    """

    own: Lanes
    from_middle: Lanes
    moved: Lanes


def warn_of_lost_precision(given: AnyArray, kept: Vectors, metric: Metric) -> None:
    """Warn where float32 cannot tell rows apart; parameters as for `lost_precision`.

    Warns
    -----
    PrecisionWarning
    """
    if lost := lost_precision(given, kept, metric):
        # At the caller of `Index.build`.
        warnings.warn(lost, PrecisionWarning, stacklevel=8)


def lost_precision(given: AnyArray, kept: Vectors, metric: Metric) -> str | None:
    """Return why float32 cannot tell rows apart, with the share and the remedy.

    Every row is measured, a block at a time, and medians decide, which no few rows
    can move.

    Parameters
    ----------
    given : ndarray of shape (n, dim)
        Finite, of any real dtype.
    kept : ndarray of shape (n, dim), float32
        The same, rounded.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Cosine does not mind how small values are, unless rounding took digits.

    Returns
    -------
    str or None
        None where it can.
    """
    is_exact = np.can_cast(given.dtype, np.float32)
    if not len(given) or (is_exact and metric == "cosine"):
        return None
    peaks = _measured(given, kept)
    finding = None
    if metric == "cosine":
        finding = _faint_rows(peaks)
    elif spread := _usual(peaks.from_middle, peaks):
        finding = _vanishing_squares(spread)
    if finding is None and not is_exact:
        finding = _rounding(given, kept, peaks, metric)
    return finding


def _measured(given: AnyArray, kept: Vectors) -> _Peaks:
    few = given[evenly_taken(len(given), MEDIAN_ROWS)]
    middle = np.median(few.astype(np.float64), axis=0)
    peaks = _Peaks(*np.empty((3, len(given))))
    for rows in _blocks(*given.shape):
        wide = given[rows].astype(np.float64)
        parts = wide, wide - middle, wide - kept[rows]
        for peak, part in zip(peaks, parts, strict=True):
            np.abs(part).max(axis=1, out=peak[rows])
    return peaks


def _became_equal(given: AnyArray, kept: Vectors) -> int:
    """Return how many rows are equal to another as float32 only."""
    return len(np.unique(_hashes(given))) - len(np.unique(_hashes(kept)))


def _hashes(matrix: AnyArray) -> NDArray[np.uint64]:
    """Return a hash of every row: equal for equal rows, and hardly for others."""
    factors = np.random.PCG64(0).random_raw(matrix.shape[1]) | np.uint64(1)
    hashes = np.empty(len(matrix), dtype=np.uint64)
    for rows in _blocks(*matrix.shape):
        # -0.0 equals 0.0, so their bits must too.
        bits = (matrix[rows].astype(np.float64) + 0.0).view(np.uint64)
        # The low bits of what was float32 are zero, and would stay so.
        bits ^= bits >> np.uint64(32)
        hashes[rows] = (bits * factors).sum(axis=1, dtype=np.uint64)
    return hashes


def _blocks(n: int, dim: int) -> Iterator[slice]:
    step = max(1, _BLOCK_VALUES // dim)
    return (slice(start, start + step) for start in range(0, n, step))


def _usual(values: Lanes, peaks: _Peaks) -> float:
    """Return the median over all rows that are not the middle; 0 if there are none."""
    of_apart = values[peaks.from_middle > 0]
    return float(np.median(of_apart)) if len(of_apart) else 0.0


def _vanishing_squares(spread: float) -> str | None:
    if spread >= LEAST_SPREAD:
        return None
    power = -int(np.frexp(spread)[1])
    return (
        f"vectors lie about {spread:.2g} from their middle, and squares of so little "
        "vanish in float32, so searches go astray; scale vectors and queries alike, "
        f"which is exact: np.ldexp(vectors, {power}); distances grow with them"
    )


def _faint_rows(peaks: _Peaks) -> str | None:
    rows = np.flatnonzero(peaks.moved > LOST * peaks.own)
    if not len(rows):
        return None
    return (
        f"{len(rows)} of {len(peaks.own)} vectors, the first in row {rows[0]}, are so "
        "small that float32 loses their digits; cosine does not mind a factor: vectors "
        "/ np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-300)"
    )


def _rounding(
    given: AnyArray, kept: Vectors, peaks: _Peaks, metric: Metric
) -> str | None:
    if not peaks.moved.any():
        return None
    lost = _usual(peaks.moved, peaks) / (_usual(peaks.from_middle, peaks) or 1.0)
    n_equal = _became_equal(given, kept)
    if lost <= LOST and n_equal <= EQUAL * len(given):
        return None
    remedy = "no shift or factor helps: they are that close together"
    if lost > OFF_CENTER:
        remedy = _REMEDIES[metric]
    return (
        f"float32 blurs these vectors: rounding makes {n_equal} of {len(given)} rows "
        f"equal to another, and moves the usual row by {lost:.2g} of its distance from "
        f"the middle; {remedy}"
    )


_SHIFT = "center = np.median(vectors, axis=0); Index.build(vectors - center, …)"
_REMEDIES: dict[Metric, str] = {
    "euclidean": f"subtract the middle before, from queries too: {_SHIFT} and "
    "search(queries - center, …) give the same distances",
    "inner_product": "subtract the middle before, but not from queries: "
    f"{_SHIFT} gives the same order, and distances - (queries @ center)[:, None] the "
    "same distances",
    "cosine": "their directions are that close together; if their differences count, "
    f"take the Euclidean distance after a shift: {_SHIFT}",
}
