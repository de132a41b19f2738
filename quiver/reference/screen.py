"""Screen: read as many cache lines of a row as the decision needs.

A beam that is full takes no row beyond its last, and most rows that a walk measures lie
there. After the rotation the coordinates of one line are as good as those of another:
the part of the product that a few lines tell foretells the rest, with a known error. A
row whose distance, less that error, is beyond the bound is dropped: it is seen but
neither enters the beam nor is expanded, and its further lines are not read.

Source: the adaptive sampling of ADSampling (SIGMOD 2023), on codes and with a share
that is taken from the query. See docs/algorithm/search.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from quiver._typing import Bits, Distances, Ids
from quiver.reference.bounds import MEAN_SQUARE
from quiver.reference.codes import (
    CACHE_LINE,
    CORRECTION_BYTES,
    VALUES,
    Codes,
    Queries,
)
from quiver.reference.distance import asymmetric, coordinates_of
from quiver.reference.encode import unpack

SCREEN_SIGMAS = 2.0
"""Standard errors by which a foretold distance must be beyond the bound. Of 1, 1.5, 2
and 3 the least that costs no recall at any width of code: docs/algorithm/search.md."""

FIRST_LINES, LEAST_LINES = 2, 4
"""Lines that are read of every row, and of a row that is screened at all. To wait for
two lines and then for a third took longer than to read three, to wait for one and then
for others longer than to read two."""


def stops(lines: int) -> Iterator[int]:
    """Yield after how many of a row's lines it may be dropped: 2, 4, 8 and so on.

    Nearly as good as after each, with few times to wait for lines.
    """
    read = FIRST_LINES if lines >= LEAST_LINES else lines
    while read < lines:
        yield read
        read *= 2


def spread_factor(bits: Bits) -> np.float32:
    """Return the square of the error spared, by ‖r_q‖², scale² and the share unread.

    ``⟨v, w⟩`` has the error of a sum over as many random coordinates as are not read.
    """
    return np.float32((2 * SCREEN_SIGMAS) ** 2 * MEAN_SQUARE[bits])


def screened(
    codes: Codes, query: Queries, ids: Ids, bound: np.float32
) -> tuple[Distances, int]:
    """Return the distances of rows, +inf of those dropped, and the lines read.

    Parameters
    ----------
    codes : Codes
        The base, with corrections.
    query : Queries
        A batch of one.
    ids : ndarray of shape (m,), uint32
        Rows to measure.
    bound : float32
        Of the last in a full beam; +inf drops nothing.
    """
    lines = codes.rows.shape[1] // CACHE_LINE
    left, read, lines_read = np.arange(len(ids)), 0, 0
    for stop in stops(lines):
        lines_read += (stop - read) * len(left)
        read = stop
        foretold = least_distances(codes.take(ids[left]), query, stop)
        # A distance that is no number is not told.
        left = left[~(foretold > bound)]
    distances = np.full(len(ids), np.inf, dtype=np.float32)
    distances[left] = asymmetric(codes.take(ids[left]), query)
    return distances, lines_read + (lines - read) * len(left)


def least_distances(rows: Codes, query: Queries, lines: int) -> Distances:
    """Return what the distances of rows hardly fall below, told from their first lines.

    ``(‖r‖² + bias) - scale·(dot·(2·step·f) + spread)``, where f is the query's ‖v‖²
    over that of the part read, dot the product of that part, and
    ``spread² = ‖r‖²·(c·(f - 1))`` with c of `spread_factor`.
    """
    v = coordinates_of(query, rows.dim)
    n_bytes = rows.packed.shape[1]
    in_lines = np.arange(rows.dim) % n_bytes < CACHE_LINE * lines - CORRECTION_BYTES
    read = np.where(in_lines, v, 0)
    u = unpack(rows.packed, rows.dim, rows.bits).astype(np.int64)
    factor, offset = VALUES[rows.bits]
    dot = (factor * (u @ read) - offset * read.sum()).astype(np.float32)
    step, norm2 = query.corrections[0]
    scale, bias = rows.corrections.T
    # A query of zeros foretells nothing.
    with np.errstate(all="ignore"):
        f = np.float32(v @ v) / np.float32(read @ read)
        spread = np.sqrt(norm2 * (spread_factor(rows.bits) * (f - np.float32(1))))
        return (norm2 + bias) - scale * (dot * (np.float32(2) * step * f) + spread)
