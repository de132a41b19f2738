"""Lookup: from a caller's ids to row numbers."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Ids
from quiver.errors import InvalidArgumentError
from quiver.reference.keys import NO_RESULT

NAMED_IDS = 3
"""Unknown ids that a message names."""


class RowsById:
    """Rows by id, found by bisection in an order made on first use.

    Two threads may both make it, and make the same; no lock is needed. Ids that
    ascend, such as the default ones, need no order; others take 8 bytes a row.

    Parameters
    ----------
    ids : ndarray of shape (n,), int64
        Distinct ids in row order.
    live_rows : ndarray of shape (m,), uint32, optional
        The rows that have an id at all, ascending; default every row.
    """

    def __init__(self, ids: NDArray[np.int64], live_rows: Ids | None = None) -> None:
        self._ids = ids if live_rows is None else ids[live_rows]
        self._live_rows = live_rows

    def rows(self, ids: NDArray[np.int64]) -> Ids:
        """Return the row number of each id, in the shape given.

        Raises
        ------
        InvalidArgumentError
            If some are unknown; the message says how many and names the first three.
        """
        rows, is_known = self.find(ids)
        if not is_known.all():
            raise InvalidArgumentError(_not_in_the_index(ids[~is_known]))
        return rows

    def __contains__(self, number: int) -> bool:
        """Return whether an int64 is an id."""
        return bool(self.find(np.array(number))[1])

    def find(self, ids: NDArray[np.int64]) -> tuple[Ids, NDArray[np.bool_]]:
        """Return a row number for each id, in its shape, and whether it is right.

        Where no row has the id the number means nothing, but is in range.
        """
        if not len(self._ids):
            return np.zeros(ids.shape, np.uint32), np.zeros(ids.shape, bool)
        order = self._order
        positions = np.searchsorted(self._ids, ids, sorter=order)
        positions = np.minimum(positions, len(self._ids) - 1)
        rows = positions if order is None else order[positions]
        is_known = self._ids[rows] == ids
        if self._live_rows is not None:
            return self._live_rows[rows], is_known
        return rows.astype(np.uint32), is_known

    @cached_property
    def _order(self) -> NDArray[np.intp] | None:
        is_ascending = bool((self._ids[1:] > self._ids[:-1]).all())
        return None if is_ascending else np.argsort(self._ids, kind="stable")


def _not_in_the_index(unknown: NDArray[np.int64]) -> str:
    """Return a message that names the first ids, and says how many more there are."""
    got = ", ".join(map(str, unknown[:NAMED_IDS].tolist()))
    if len(unknown) > NAMED_IDS:
        got += f" and {len(unknown) - NAMED_IDS} more that are not"
    note = ", the mark of a place left empty" if unknown[0] == NO_RESULT else ""
    return f"ids must be in the index, got {got}{note}; `id in index` tells of one"
