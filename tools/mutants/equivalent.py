"""Mutants that no test can kill, with the reason: they compute the same.

A name that no longer fits a mutant excuses nothing. The reason is for readers to check.
"""

from __future__ import annotations

_TWO_FOUR_EIGHT = "bits are 2, 4 or 8: the same for each"
_ROOM = "more memory than is needed"
_AHEAD = "what is asked for ahead changes no result"
_MEMORY = (
    "touches memory beside an array, where no result is: `make sanitize` sees that"
)
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
    "keys.py line 53: 1 -> 2": "the limit is no nearer, and what is too far is cut off",
    "transform.py line 63: "
    "np.maximum(norms, SHORTEST) -> np.maximum(SHORTEST, norms)": (
        "the larger of two numbers, neither of which is NaN"
    ),
    "transform.py line 208: 1 -> 0": "tells threads how much work a row is, no more",
    "walk.py line 114: 0 -> -1": _ONE_ROW,
    "beam.h line 65: > -> >= in "
    "`for (; place > 0 && keys[place - 1] > key; --place)`": (
        "no two keys are equal: ids are distinct"
    ),
    "beam.h line 19: / -> * in `return (ef + 63) / 64;`": _ROOM,
    "lanes.h line 77: 8 -> 9 in `for (; j + 8 <= dim; j += 8) {`": (
        "the last eight terms are then taken as a rest, in the same lanes"
    ),
    "merge.h line 129: < -> <= in "
    "`for (size_t i = count; i < lists->width; ++i)`": _MEMORY,
    "portable.h line 35: - -> + in "
    "`return (void *)(((uintptr_t)pointer + CACHE_LINE - 1) & "
    "~(uintptr_t)(CACHE_LINE - 1));`": _MEMORY,
    "portable.h line 73: < -> <= in "
    "`for (size_t offset = 0; offset < n_bytes; offset += CACHE_LINE)`": _AHEAD,
    "prune.h line 75: * -> + in "
    "`size_t n_kept = 0, n_struck = 0, row_bytes = CACHE_LINE * "
    "query->n_lines;`": _AHEAD,
    "rerank.h line 63: && -> || in "
    "`for (; next < width && next <= i + ahead; ++next)`": _AHEAD,
    "screen.h line 89: 4 -> 5 in "
    "`INLINE ints4 add_part4(const struct part *part, const uint8_t *const "
    "rows[4],`": _ROOM,
}
