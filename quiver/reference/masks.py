"""Masks: which rows may answer, a bit for each.

Row r is bit ``r % 64`` of word ``r // 64``; bits past the last row are zero.
Source: quiver's own; see docs/algorithm/search.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Ids, Mask

WORD_BITS = 64


def make_mask(is_allowed: NDArray[np.bool_]) -> Mask:
    """Return the mask of rows marked true, shape (ceil(n / 64),)."""
    n_bytes = 8 * n_words(len(is_allowed))
    packed = np.zeros(n_bytes, dtype=np.uint8)
    marked = np.packbits(is_allowed, bitorder="little")
    packed[: len(marked)] = marked
    return packed.view("<u8").astype(np.uint64, copy=False)


def marked_rows(mask: Mask, n: int) -> NDArray[np.bool_]:
    """Return the mark of each of n rows: `make_mask` backwards."""
    packed = mask.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(packed, count=n, bitorder="little").view(np.bool_)


def n_words(n: int) -> int:
    """Return the words of a mask of n rows."""
    return -(-n // WORD_BITS)


def is_marked(mask: Mask, rows: Ids) -> NDArray[np.bool_]:
    """Return the mark of some rows, in their shape; ``NO_ID`` has none."""
    places = rows // np.uint32(WORD_BITS)
    words = np.zeros(rows.shape, dtype=np.uint64)
    # NO_ID lies past the last word, and past the end there is no mark.
    is_inside = places < len(mask)
    words[is_inside] = mask[places[is_inside]]
    bits = words >> (rows % np.uint32(WORD_BITS)).astype(np.uint64)
    return (bits & np.uint64(1)).astype(bool)


def mark(mask: Mask, rows: Ids, *, marked: bool = True) -> None:
    """Mark some rows, in place, or take their mark away."""
    words = rows // np.uint32(WORD_BITS)
    bits = np.uint64(1) << (rows % np.uint32(WORD_BITS)).astype(np.uint64)
    if marked:
        np.bitwise_or.at(mask, words, bits)
    else:
        np.bitwise_and.at(mask, words, ~bits)


def count_marked(mask: Mask) -> int:
    """Return how many rows are marked."""
    return int(np.bitwise_count(mask).sum())
