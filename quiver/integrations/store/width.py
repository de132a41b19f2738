"""Width: when the index of a store takes wider codes than it began with.

An index that starts empty cannot look at its rows, and two bits that rank a thousand of
them may not rank ten thousand: clusters fill up. So a store looks whenever its vectors
have doubled, and builds its index anew where the codes are too narrow.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import UserIds, Vectors
from quiver.build import Plan
from quiver.diagnosis.probe import rows_to_look_at
from quiver.diagnosis.width import choose_width
from quiver.index import Index

FIRST_LOOK = 1000
"""Vectors from which on there is a graph; before, none is searched by code."""


def is_due(before: int, after: int) -> bool:
    """Return whether so many vectors are the first, or twice those of the last look.

    Examples
    --------
    >>> is_due(0, 999), is_due(999, 1000), is_due(1000, 1999), is_due(1999, 2000)
    (False, True, False, True)
    """
    return (after // FIRST_LOOK).bit_length() > (before // FIRST_LOOK).bit_length()


def widened(index: Index, vectors: Vectors, ids: UserIds) -> Index | None:
    """Return an index of all rows and new ones, if it needs wider codes; else None.

    Parameters
    ----------
    index : Index
        Not changed.
    vectors : ndarray of shape (n, dim), float32
        New rows.
    ids : ndarray of shape (n,), int64
        Theirs.

    Warns
    -----
    UserWarning
        Where even the widest codes rank poorly; see `quiver.Index.build`.
    """
    old = index.ids
    rows = np.concatenate([index.get(old), vectors])
    # Nobody else has them, so the index need not copy them once more.
    rows.flags.writeable = False
    plan = Plan(index.metric, index.encoding, index.params, index.backend)
    sample, base = rows_to_look_at(rows)
    encoding, _ = choose_width(sample, plan, base)
    if encoding.bits <= index.encoding.bits:
        return None
    return Index.build(
        rows,
        metric=index.metric,
        ids=np.concatenate([old, ids]),
        params=index.params,
        backend=index.backend,
    )
