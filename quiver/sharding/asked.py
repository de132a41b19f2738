"""Asked: which rows may answer, cut into what each shard is told of them.

A shard is sent the distinct filters once, and the number of its own for each query. A
filter goes as the ids of its rows or as a bool for each row, whichever is shorter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Ids, UserIds
from quiver.errors import InvalidArgumentError
from quiver.filters.filter import Filter
from quiver.filters.given import each_made, marks_given
from quiver.lookup import RowsById
from quiver.validation.checks import MAX_ROWS


class AllRows:
    """The vectors of all shards, one shard after the other.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n,), int64
        The ids of each shard.

    Attributes
    ----------
    live_ids : ndarray of shape (n,), int64
        All ids.
    bounds : ndarray of shape (shards + 1,), int64
        Shard i has the rows from ``bounds[i]`` up to ``bounds[i + 1]``.
    n, n_live, live_rows, rows_by_id
        As of a `State`.
    """

    def __init__(self, parts: Sequence[UserIds]) -> None:
        self.live_ids: UserIds = np.concatenate(parts)
        self.bounds = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        self.n = self.n_live = len(self.live_ids)
        if self.n > MAX_ROWS:
            msg = f"shards must have at most {MAX_ROWS} rows to be told apart by id"
            raise InvalidArgumentError(msg)

    @cached_property
    def live_rows(self) -> Ids:
        """All rows."""
        return np.arange(self.n, dtype=np.uint32)

    @cached_property
    def rows_by_id(self) -> RowsById:
        """Rows by id."""
        return RowsById(self.live_ids)

    def shards_of(self, rows: Ids) -> NDArray[np.intp]:
        """Return the number of the shard that has each row."""
        return np.searchsorted(self.bounds, rows, side="right") - 1


def cut_filters(rows: AllRows, given: Any, n_queries: int) -> list[list[AnyArray]]:
    """Return what each shard is sent of the filters of a search.

    Errors are those of `quiver.filters.given.as_filters`.
    """
    marks = each_made(given, n_queries, lambda one: _marks(rows, one))
    places: dict[int, int] = {}
    of_query = [places.setdefault(id(one), len(places)) for one in marks]
    distinct = {id(one): one for one in marks}
    spans = zip(rows.bounds[:-1].tolist(), rows.bounds[1:].tolist(), strict=True)
    number = np.array(of_query, dtype=np.int64)
    return [
        [number, *(_cut(rows, one, *span) for one in distinct.values())]
        for span in spans
    ]


def _marks(rows: AllRows, given: Any) -> NDArray[np.bool_]:
    if isinstance(given, Filter):
        msg = (
            f"filter must be ids, bools or a function of ids, got {given!r}, which is "
            "of one index and not of all shards"
        )
        raise InvalidArgumentError(msg)
    return marks_given(rows, given)


def _cut(rows: AllRows, marks: NDArray[np.bool_], start: int, stop: int) -> AnyArray:
    part = marks[start:stop]
    if np.count_nonzero(part) * rows.live_ids.itemsize < len(part):
        return rows.live_ids[start:stop][part]
    return part
