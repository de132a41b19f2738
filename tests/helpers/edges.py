"""Floats at the edges of rounding, each made to lie there.

Halves between two steps and the floats beside them; the subnormal and the largest; the
last float whose reciprocal overflows and the first whose does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEAST = np.float32(2.0**-149)
LARGEST = np.finfo(np.float32).max
NORMAL = np.finfo(np.float32).tiny


def beside(values: np.ndarray) -> np.ndarray:
    """Return each value between the float below it and the one above, in rows."""
    centre = np.asarray(values, dtype=np.float32)
    below = np.nextafter(centre, np.float32(-np.inf))
    return np.stack([below, centre, np.nextafter(centre, np.float32(np.inf))])


def turning_point(is_small: Callable[[np.float32], bool]) -> np.float32:
    """Return the largest positive float that still is small."""
    low, high = 1, int(LARGEST.view(np.uint32))
    while high - low > 1:
        middle = (low + high) // 2
        if is_small(np.uint32(middle).view(np.float32)):
            low = middle
        else:
            high = middle
    return np.uint32(low).view(np.float32)


def has_no_inverse(reach: float, share: float = 1.0) -> Callable[[np.float32], bool]:
    """Return whether ``reach / (peak·share)`` overflows, for any peak."""

    def overflows(peak: np.float32) -> bool:
        with np.errstate(over="ignore", divide="ignore"):
            return bool(np.isinf(np.float32(reach) / (peak * np.float32(share))))

    return overflows


def small_peaks() -> np.ndarray:
    """Return peaks around all that decide whether a row or query has steps at all."""
    turns = [turning_point(has_no_inverse(127.0))]
    for reach in (8.0, 127.0):
        turns += [turning_point(has_no_inverse(reach, x)) for x in (1.0, 0.85, 0.7)]
    return beside(np.array([*turns, 3 * LEAST, NORMAL])).ravel()


def rows_of_peaks(peaks: np.ndarray) -> np.ndarray:
    """Return a row for every peak: itself, parts of it, both zeros and the least."""
    shares = np.array([1, -0.5, 0.25, -1, 0.0, -0.0, 1 / 3, -0.75], dtype=np.float32)
    rows = peaks[:, None].astype(np.float32) * shares
    rows[:, 4] = np.minimum(LEAST, peaks)
    return rows


def halves_of_queries() -> np.ndarray:
    """Return rows whose every coordinate is half-way between two int8, or beside it.

    With a peak of 127 the factor is 1; with 254 and 63.5 it is a half and two.
    """
    halves = np.arange(-127, 127) + 0.5
    rows = np.insert(beside(halves), 0, 127, axis=1)
    return np.concatenate([rows, 2 * rows, rows / 2]).astype(np.float32)


def halves_of_steps(bits: int) -> np.ndarray:
    """Return rows with a coordinate half-way between two steps of any share, or beside.

    The peak is 1; seven equal coordinates decide which share a row takes.
    """
    reach, middle, n_steps = {4: (8, 7.5, 15), 8: (127, 128, 255)}[bits]
    found = []
    for share in (1.0, 0.85, 0.7):
        inverse = np.float32(reach) / (np.float32(1) * np.float32(share))
        targets = np.arange(n_steps) + np.float32(0.5)
        guesses = ((targets - np.float32(middle)) / inverse).astype(np.float32)
        for guess in [guesses, *beside(guesses)[::2]]:
            steps = guess * inverse + np.float32(middle)
            found.append(guess[(steps == targets) & (np.abs(guess) <= 1)])
    others = beside(np.unique(np.concatenate(found))).ravel()
    rows = np.repeat(others[np.abs(others) <= 1, None], 8, axis=1)
    rows[:, 0] = 1
    return rows


def plain_edges() -> np.ndarray:
    """Return rows of eight coordinates that are large, small, tied or zero."""
    peaks = [1e16, 1.0, 2.0**24, 2.0**-20, NORMAL, 2 * NORMAL, LEAST, 5 * LEAST]
    rows = [
        *rows_of_peaks(np.array(peaks)),
        np.zeros(8),
        -np.zeros(8),
        *np.repeat([[3.0], [-LEAST]], 8, axis=1),
        # The mean magnitude is a coordinate, and so not strong.
        np.array([1, -1, 2, -2, 3, -3, 2, -2]),
        2.0 ** np.arange(-40, 40, 10),
    ]
    return np.array(rows, dtype=np.float32)
