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

from quiver._typing import AnyArray, AnyVectors, Ids, InChunks, Metric, Unlinked
from quiver.reference.keys import NO_ID
from quiver.reference.transform import BLOCK_ROWS, in_turn


def unlinked_rows(
    vectors: AnyVectors, metric: Metric, in_chunks: InChunks = in_turn
) -> Unlinked:
    """Return the rows to leave out of a graph, each with the row it is equal to.

    Returns
    -------
    ndarray of shape (m, 2), uint32
        (the row it is equal to, row), ascending; ``NO_ID`` for the first of a zero
        vector under cosine. Never all rows: where nothing but zeros is there, they are
        copies like any other.
    """
    is_zero = zero_rows(vectors, metric, in_chunks)
    if is_zero.all():
        is_zero[:] = False
    originals, copies = equal_rows(vectors, in_chunks).T
    is_copy = ~is_zero[copies]
    zeros = np.flatnonzero(is_zero).astype(np.uint32)
    return sorted_pairs(
        np.concatenate([originals[is_copy], np.full(len(zeros), NO_ID)]),
        np.concatenate([copies[is_copy], zeros]),
    )


def sorted_pairs(equal_to: Ids, rows: Ids) -> Unlinked:
    """Return rows beside those they are equal to, as a state holds them."""
    return np.stack([equal_to, rows], axis=1)[np.lexsort((rows, equal_to))]


def zero_rows(
    vectors: AnyVectors, metric: Metric, in_chunks: InChunks = in_turn
) -> NDArray[np.bool_]:
    """Return which rows are zero where a zero vector has a distance by definition."""
    is_zero = np.zeros(len(vectors), dtype=bool)

    def look(start: int, stop: int) -> None:
        is_zero[start:stop] = ~vectors[start:stop].any(axis=1)

    if metric == "cosine":
        in_chunks(look, len(vectors), **_cost_of(vectors))
    return is_zero


def equal_rows(vectors: AnyVectors, in_chunks: InChunks = in_turn) -> Unlinked:
    """Return (the first of equal rows, each other of them), shape (m, 2)."""
    hashes = np.empty(len(vectors), dtype=np.uint64)

    def hash_chunk(start: int, stop: int) -> None:
        # -0.0 equals 0.0, so their bits must too.
        hashes[start:stop] = hash_rows(vectors[start:stop] + np.float32(0))

    in_chunks(hash_chunk, len(vectors), **_cost_of(vectors))
    in_order = np.sort(hashes)
    if (in_order[1:] != in_order[:-1]).all():
        return np.empty((0, 2), dtype=np.uint32)
    order = np.argsort(hashes, kind="stable")
    is_first = np.append(True, hashes[order][1:] != hashes[order][:-1])
    firsts = np.repeat(
        order[is_first], np.diff(np.append(np.flatnonzero(is_first), len(order)))
    )
    pairs = np.stack([firsts, order], axis=1)[~is_first].astype(np.uint32)
    # Equal hashes prove nothing.
    same = np.empty(len(pairs), dtype=bool)
    for start in range(0, len(pairs), BLOCK_ROWS):
        originals, copies = pairs[start : start + BLOCK_ROWS].T
        same[start : start + BLOCK_ROWS] = (vectors[originals] == vectors[copies]).all(
            axis=1
        )
    return pairs[same]


def hash_rows(rows: AnyArray) -> NDArray[np.uint64]:
    """Return a hash of every row, equal where all of its bits are."""
    bits = rows.view(np.uint32)
    factors = np.random.PCG64(0).random_raw(bits.shape[1]) | np.uint64(1)
    return (bits * factors).sum(axis=1, dtype=np.uint64)


def _cost_of(vectors: AnyVectors) -> dict[str, int]:
    """Return the chunks in which rows are looked at; ten coordinates take 10 ns."""
    return {"chunk_rows": BLOCK_ROWS, "row_work": -(-vectors.shape[1] // 10)}
