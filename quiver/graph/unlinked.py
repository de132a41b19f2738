"""Unlinked rows: those that an answer finds without a walk.

Equal rows are one node: the first of them is linked and answers for all, since a
thousand copies would fill every beam they come near. Zero vectors under cosine are no
node at all: coded, they would lie in the middle of all others, although by definition
their distance to everything is 1.

Source: quiver's own; see docs/algorithm/build.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Metric, StoredVectors, Unlinked, Vectors
from quiver.reference.keys import NO_ID
from quiver.reference.transform import BLOCK_ROWS


def unlinked_rows(vectors: Vectors | StoredVectors, metric: Metric) -> Unlinked:
    """Return the rows to leave out of a graph, each with the row it is equal to.

    Returns
    -------
    ndarray of shape (m, 2), uint32
        (the row it is equal to, row), ascending; ``NO_ID`` for the first of a zero
        vector under cosine. Never all rows: where nothing but zeros is there, they are
        copies like any other.
    """
    hashes, is_zero = hash_rows(vectors)
    if metric != "cosine" or is_zero.all():
        is_zero[:] = False
    order = np.argsort(hashes, kind="stable")
    is_first = np.append(True, hashes[order][1:] != hashes[order][:-1])
    firsts = np.repeat(
        order[is_first], np.diff(np.append(np.flatnonzero(is_first), len(order)))
    )
    copies, originals = order[~is_first], firsts[~is_first]
    # Equal hashes prove nothing.
    same = np.empty(len(copies), dtype=bool)
    for start in range(0, len(copies), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        equal = vectors[copies[rows]] == vectors[originals[rows]]
        same[rows] = equal.all(axis=1)
    same &= ~is_zero[copies]
    zeros = np.flatnonzero(is_zero)
    unlinked = np.concatenate([copies[same], zeros]).astype(np.uint32)
    equal_to = np.concatenate(
        [originals[same].astype(np.uint32), np.full(len(zeros), NO_ID)]
    )
    return np.stack([equal_to, unlinked], axis=1)[np.lexsort((unlinked, equal_to))]


def hash_rows(
    vectors: Vectors | StoredVectors,
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return a hash of every row, equal where rows are, and which rows are zero."""
    raw = np.random.PCG64(0).random_raw(vectors.shape[1])
    factors = raw | np.uint64(1)
    hashes = np.empty(len(vectors), dtype=np.uint64)
    is_zero = np.empty(len(vectors), dtype=bool)
    for start in range(0, len(vectors), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        # -0.0 equals 0.0, so their bits must too.
        bits = (vectors[rows] + np.float32(0)).view(np.uint32)
        hashes[rows] = (bits * factors).sum(axis=1, dtype=np.uint64)
        is_zero[rows] = ~bits.any(axis=1)
    return hashes, is_zero
