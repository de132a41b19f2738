"""Mutants that no test can kill, with the reason: they compute the same.

A name that no longer fits a mutant excuses nothing. The reason is for readers to check.
"""

from __future__ import annotations

_TWO_FOUR_EIGHT = "bits are 2, 4 or 8: the same for each"
_ONE_ROW = "of an array of one, the last is the first"

EQUIVALENT: dict[str, str] = {
    "distance.py line 68: symmetric(rows, query) -> symmetric(query, rows)": (
        "sums and products of floats commute, and so do the shapes"
    ),
    "distance.py line 117: 2 -> 3": _TWO_FOUR_EIGHT,
    "distance.py line 166: 0 -> -1": _ONE_ROW,
    "encode.py line 93: 1.0 -> 2.0": "a cosine is above -1 as it is above -2",
    "encode.py line 119: 8 -> 7": _TWO_FOUR_EIGHT,
    "encode.py line 133: 8 -> 9": _TWO_FOUR_EIGHT,
    "transform.py line 63: "
    "np.maximum(norms, SHORTEST) -> np.maximum(SHORTEST, norms)": (
        "the larger of two numbers, neither of which is NaN"
    ),
    "transform.py line 208: 1 -> 0": "tells threads how much work a row is, no more",
    "walk.py line 114: 0 -> -1": _ONE_ROW,
}
