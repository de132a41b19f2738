"""Given: what a caller passes as a filter, made one `Filter` for each query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Ids, UserIds
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.filters.filter import Filter
from quiver.lookup import RowsById
from quiver.state import State
from quiver.validation.arrays import as_int64
from quiver.validation.foreign import as_array, as_column

M = TypeVar("M")


class Rows(Protocol):
    """What a filter chooses from: a `State`, or the rows of several."""

    @property
    def n(self) -> int:
        """Number of rows, removed ones included."""

    @property
    def n_live(self) -> int:
        """Number of rows that may answer."""

    @property
    def live_rows(self) -> Ids:
        """Rows that may answer, ascending."""

    @property
    def live_ids(self) -> UserIds:
        """Their ids."""

    @property
    def rows_by_id(self) -> RowsById:
        """Their numbers by id."""


_of_live_rows: WeakKeyDictionary[State, Filter] = WeakKeyDictionary()
"""Made on first use, for it takes a look at every row; two threads make the same."""


def as_filter(state: State, given: Any) -> Filter:
    """Return a filter of a state from what a caller gave; see `quiver.Index.search`.

    Raises
    ------
    InvalidTypeError
        If it is neither integers nor bools.
    InvalidArgumentError
        If it has a wrong shape or is the filter of another version.
    """
    if isinstance(given, Filter):
        if not given.is_of(state):
            msg = (
                "filter must be of this version of the index, got one of another; "
                "make it again by index.filter(...)"
            )
            raise InvalidArgumentError(msg)
        return given
    return Filter(state, marks_given(state, given))


def marks_given(rows: Rows, given: Any) -> NDArray[np.bool_]:
    """Return the mark of every row from what a caller gave, other than a `Filter`.

    Errors are those of `as_filter`.
    """
    if callable(given):
        marks = as_array(given(_without_writing(rows.live_ids)), "filter")
        if marks.dtype != np.bool_:
            msg = (
                "filter must return bools, one for each id that it is given, got dtype "
                f"{marks.dtype}; of a list of ids return np.isin(ids, list)"
            )
            raise InvalidTypeError(msg)
        return _checked_marks(rows, marks)
    array = as_column(given, "filter")
    if array.dtype == object:
        _refuse_none(array)
    if array.dtype == np.bool_:
        return _checked_marks(rows, array)
    # A stream can be read once; of a list NumPy may have made floats.
    ids = given if isinstance(given, (list, tuple)) else array
    return _marks_of(rows, ids, array)


def as_filters(state: State, given: Any, n_queries: int) -> Sequence[Filter] | None:
    """Return a filter for each query, which may be one for all; None for no filter.

    Errors are those of `as_filter`.
    """
    if given is None:
        return None
    return each_made(given, n_queries, lambda one: as_filter(state, one))


def each_made(given: Any, n_queries: int, make: Callable[[Any], M]) -> list[M]:
    """Return what is made of the filter of each query, from one for all or one each.

    Raises
    ------
    InvalidArgumentError
        If there are not as many as queries.
    """
    if not _is_one_each(given):
        return [make(given)] * n_queries
    given = list(given)
    if len(given) != n_queries:
        msg = f"filter must be one, or one a query: {n_queries}, got {len(given)}"
        raise InvalidArgumentError(msg)
    # The same object for several queries is one filter, and a callable is called once.
    distinct = {id(one): one for one in given}
    made = {key: make(one) for key, one in distinct.items()}
    return [made[id(one)] for one in given]


def of_live_rows(state: State) -> Filter | None:
    """Return what walks that look for more than k rows need: None where all answer.

    Where rows were removed, or there is no graph, it is a filter of all others.
    """
    if state.live is None and state.has_graph:
        return None
    if state not in _of_live_rows:
        _of_live_rows[state] = Filter(state, state.is_live)
    return _of_live_rows[state]


def _is_one_each(given: Any) -> bool:
    """Return whether these are filters and not one: a sequence, but not of numbers."""
    if isinstance(given, np.ndarray):
        return given.ndim == 2
    if not isinstance(given, (list, tuple)) or not given:
        return False
    return any(callable(one) or hasattr(one, "__len__") for one in given)


def _marks_of(among: Rows, given: Any, array: AnyArray) -> NDArray[np.bool_]:
    """Mark the rows of ids; those that no row has are passed over."""
    # An empty list is of floats, but names nothing.
    ids = as_int64(given, "filter") if array.size else array.astype(np.int64)
    if ids.ndim != 1:
        got = f"shape {ids.shape}; give one list of them, or a list a query"
        if not ids.ndim:
            got = f"the number {ids}; to let one row answer give [{ids}]"
        msg = f"filter must be ids of shape (m,), got {got}"
        raise InvalidArgumentError(msg)
    rows, is_known = among.rows_by_id.find(ids)
    marks = np.zeros(among.n, dtype=np.bool_)
    marks[rows[is_known]] = True
    return marks


def _refuse_none(array: AnyArray) -> None:
    """Raise if one among several filters or ids is None, which names no rows."""
    places = np.flatnonzero([one is None for one in array.ravel()])
    if len(places):
        where = f" in place {places[0]}" if array.ndim else ""
        msg = (
            f"filter must say which rows may answer, got None{where}; for a query that "
            "all may answer give np.ones(len(index.ids), dtype=bool)"
        )
        raise InvalidTypeError(msg)


def _checked_marks(rows: Rows, marks: AnyArray) -> NDArray[np.bool_]:
    """Return the mark of every row, from those of the rows that were not removed."""
    if marks.shape != (rows.n_live,):
        msg = (
            f"filter must have a bool for each row of index.ids, shape "
            f"({rows.n_live},), got shape {marks.shape}; fewer rows are named by ids"
        )
        raise InvalidArgumentError(msg)
    is_allowed = np.zeros(rows.n, dtype=np.bool_)
    is_allowed[rows.live_rows] = marks
    return is_allowed


def _without_writing(ids: AnyArray) -> AnyArray:
    view = ids.view()
    view.flags.writeable = False
    return view
