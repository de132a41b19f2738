"""Narrow: rows in the dtype of a file, refused where it cannot hold them."""

from __future__ import annotations

import numpy as np

from quiver._typing import AnyArray, ColdDtype, Metric, Vectors
from quiver.errors import InvalidArgumentError
from quiver.storage.invariants import vectors_fault

LEAST_NORMAL = float(np.finfo(np.float16).smallest_normal)
"""Smaller numbers lose digits in float16."""


def as_stored(
    block: Vectors, cold_dtype: ColdDtype, metric: Metric, first_row: int = 0
) -> AnyArray:
    """Return rows as a file stores them.

    Raises
    ------
    InvalidArgumentError
        If a row does not fit the dtype; the message names it, counted from the number
        of the first.
    """
    # What a narrow dtype cannot hold becomes something else, which is reported.
    with np.errstate(over="ignore", invalid="ignore"):
        stored = block.astype(cold_dtype, copy=False)
    if fault := vectors_fault(stored, metric):
        value = block[fault.row, fault.column]
        msg = (
            f"vectors must be {fault.expected} as {cold_dtype}, got {value} "
            f"in row {first_row + fault.row}, column {fault.column}; scale the "
            "vectors before the build, or keep float32"
        )
        raise InvalidArgumentError(msg)
    if cold_dtype == "float16":
        _refuse_faint(block, first_row)
    elif cold_dtype != "float32":
        _refuse_inexact(block, stored, first_row)
    return np.ascontiguousarray(stored)


def _refuse_faint(block: Vectors, start: int) -> None:
    """Raise if a whole row is so small that float16 loses its digits."""
    peaks = np.abs(block).max(axis=1)
    faint = np.flatnonzero((peaks > 0) & (peaks < LEAST_NORMAL))
    if faint.size:
        row = int(faint[0])
        msg = (
            f"vectors must reach {LEAST_NORMAL:.2g} in every row as float16, got at "
            f"most {peaks[row]:.3g} in row {start + row}: its digits would vanish; "
            "scale the vectors before the build, or keep float32"
        )
        raise InvalidArgumentError(msg)


def _refuse_inexact(block: Vectors, stored: AnyArray, start: int) -> None:
    """Raise if a value is no whole number of the bytes it is to be stored in."""
    places = np.argwhere(stored != block)
    if len(places):
        row, column = places[0]
        least, most = np.iinfo(stored.dtype).min, np.iinfo(stored.dtype).max
        msg = (
            f"vectors must be whole numbers in {least} … {most} as {stored.dtype}, got "
            f"{block[row, column]!s} in row {start + row}, column {column}; keep "
            "float32, or round the vectors before the build"
        )
        raise InvalidArgumentError(msg)
