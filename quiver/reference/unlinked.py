"""Unlinked rows: those that no walk reaches, merged into answers by exact distance.

They are equal to a row that is reached, or zero vectors under cosine, at distance 1 by
definition. Source: quiver's own; see docs/algorithm/rerank.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Unlinked
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids, make_keys


def join_unlinked(
    rows: Ids,
    distances: Distances,
    unlinked: Unlinked,
    is_allowed: NDArray[np.bool_] | None = None,
) -> None:
    """Merge in the rows that no walk reaches, in place.

    Only the few answers that they belong to are written again. Rows that are not
    allowed go, when those equal to them are there.

    Parameters
    ----------
    rows : ndarray of shape (q, k), uint32
        Answers, best first; ``NO_ID`` where there are fewer.
    distances : ndarray of shape (q, k), float32
        Theirs.
    unlinked : ndarray of shape (m, 2), uint32
        Rows after the row each is equal to, which is ``NO_ID`` for a zero vector;
        ascending.
    is_allowed : ndarray of shape (n,), bool, optional
        Whether each row may answer; default all.
    """
    if not len(unlinked):
        return
    k = rows.shape[1]
    equal_to, copies = unlinked.T
    zeros = copies[np.searchsorted(equal_to, NO_ID) :][:k]
    is_row = rows != NO_ID
    starts = np.searchsorted(equal_to, rows)
    # `take` would copy the whole column.
    has_copies = (equal_to[np.minimum(starts, len(equal_to) - 1)] == rows) & is_row
    is_hidden = np.zeros(rows.shape, dtype=np.bool_)
    if is_allowed is not None:
        is_hidden = is_row & ~is_allowed[np.where(is_row, rows, 0)]
    has_zeros = (len(zeros) > 0) & (distances[:, -1] >= 1)
    for query in np.flatnonzero((has_copies | is_hidden).any(axis=1) | has_zeros):
        keys = [make_keys(distances[query], rows[query])]
        keys[0][is_hidden[query]] = NO_KEY
        for place in np.flatnonzero(has_copies[query]):
            first, row = starts[query, place], rows[query, place]
            equal = copies[first : np.searchsorted(equal_to, row, side="right")][:k]
            keys.append(make_keys(np.full(len(equal), distances[query, place]), equal))
        if has_zeros[query]:
            keys.append(make_keys(np.ones(len(zeros), dtype=np.float32), zeros))
        best = np.sort(np.concatenate(keys))[:k]
        rows[query], distances[query] = key_ids(best), key_distances(best)
