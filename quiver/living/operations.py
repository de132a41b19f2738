"""Operations: each checks all it is given, then makes one next version or none.

A caller's ``progress`` has its last say before a version is returned, so that what it
refuses is not published.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from quiver._typing import Ids, Progress, UserIds, Vectors
from quiver.backends.protocol import Backend
from quiver.errors import InvalidArgumentError
from quiver.living.adding import added
from quiver.living.consolidating import consolidated
from quiver.living.fresh import rebuilt
from quiver.living.writer import Tools, Writer
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import Workers, resolve_threads
from quiver.reference.masks import make_mask, mark
from quiver.state import State
from quiver.storage.cold import without_origin
from quiver.storage.narrow import as_stored
from quiver.validation.arrays import as_ids, as_int64, as_vectors
from quiver.validation.checks import MAX_ROWS, check_choice

Consolidate = Literal["auto", "manual"]

DEAD_SHARE = 5
"""An operation that leaves more than a fifth of the rows removed consolidates: by then
a removed row takes fewer distances than a row of a build."""


class How(NamedTuple):
    """By what an operation is carried out; the state does not depend on it.

    Attributes
    ----------
    backend : Backend
        Kernels.
    writer : Writer
        Of the index.
    threads : int or None
        As the caller gave them.
    consolidate : {'auto', 'manual'}
        Whether removed rows go by themselves.
    """

    backend: Backend
    writer: Writer
    threads: int | None = None
    consolidate: Consolidate = "auto"


@tells_progress("adding")
def add(
    state: State,
    vectors: Any,
    ids: Any,
    how: How,
    *,
    progress: Progress | bool | None = None,
) -> tuple[State, UserIds]:
    """Return the next state and the ids of the new rows; see `quiver.Index.add`."""
    checked = _checked_vectors(state, vectors)
    own_ids = _new_ids(state, ids, len(checked))
    with _tools(how, progress, len(checked)) as tools:
        if not len(checked):
            return state, own_ids
        return _next(state, added(state, checked, own_ids, tools), tools, how), own_ids


@tells_progress("removing")
def remove(
    state: State, ids: Any, how: How, *, progress: Progress | bool | None = None
) -> State:
    """Return the next state; see `quiver.Index.remove`."""
    rows = _own_rows(state, ids)
    with _tools(how, progress, state.n) as tools:
        if not len(rows):
            return state
        return _next(state, _without(state, rows), tools, how)


@tells_progress("updating")
def update(
    state: State,
    ids: Any,
    vectors: Any,
    how: How,
    *,
    progress: Progress | bool | None = None,
) -> State:
    """Return the next state; see `quiver.Index.update`."""
    rows = _own_rows(state, ids)
    checked = _checked_vectors(state, vectors)
    own_ids = as_ids(np.atleast_1d(as_int64(ids, "ids")), len(checked))
    with _tools(how, progress, len(checked)) as tools:
        if not len(rows):
            return state
        without = _without(state, rows)
        return _next(state, added(without, checked, own_ids, tools), tools, how)


@tells_progress("consolidating")
def consolidate(
    state: State,
    how: How,
    *,
    refit: bool = False,
    progress: Progress | bool | None = None,
) -> State:
    """Return the next state; see `quiver.Index.consolidate`."""
    with _tools(how, progress, state.n) as tools:
        if state.is_tidy and not refit:
            return state
        new = consolidated(state, tools, refit=refit)
        return _published(state, new)


@tells_progress("repairing")
def repair(state: State, how: How, *, progress: Progress | bool | None = None) -> State:
    """Return the next state; see `quiver.Index.repair`."""
    with _tools(how, progress, state.n) as tools:
        if not state.has_graph:
            return state
        new = rebuilt(state, tools) if state.n_live else consolidated(state, tools)
        return _published(state, new)


@contextmanager
def _tools(how: How, progress: Progress | bool | None, n_rows: int) -> Iterator[Tools]:
    check_choice("consolidate", how.consolidate, get_args(Consolidate))
    threads = resolve_threads(how.threads)
    meter = ProgressMeter(progress, n_rows)
    with Workers(threads, between=meter.poll) as workers:
        yield Tools(how.backend, how.writer, workers, meter, threads, progress)


def _next(old: State, new: State, tools: Tools, how: How) -> State:
    """Return the next version, without removed rows if there are too many."""
    is_full = DEAD_SHARE * (new.n - new.n_live) > new.n
    if is_full and how.consolidate == "auto":
        new = consolidated(new, tools)
    return _published(old, new)


def _published(old: State, new: State) -> State:
    """Return the next version, which is no longer the one in a file."""
    vectors = without_origin(new.vectors)
    new = replace(new, vectors=vectors, version=old.version + 1)
    # Every search needs it: readers would all make it, in the first ones they ask.
    _ = new.answering
    return new


def _without(state: State, rows: Ids) -> State:
    everything = make_mask(np.ones(state.n, dtype=bool))
    live = everything if state.live is None else state.live.copy()
    mark(live, rows, marked=False)
    return replace(state, live=live)


def _checked_vectors(state: State, vectors: Any) -> Vectors:
    checked = as_vectors(vectors, "vectors", metric=state.metric, dim=state.dim)
    if state.is_rounded:
        # It will be saved as halves: what they cannot hold could never be saved.
        as_stored(checked, "float16", state.metric)
    return checked


def _own_rows(state: State, ids: Any) -> Ids:
    """Return the rows of ids, each of which must be there, and be given once."""
    numbers = np.atleast_1d(as_int64(ids, "ids"))
    return state.rows_by_id.rows(as_ids(numbers, numbers.size))


def _new_ids(state: State, ids: Any, n_new: int) -> UserIds:
    """Return the ids of new rows: those given, or the next after the largest."""
    if state.n + n_new > MAX_ROWS:
        msg = (
            f"vectors must leave the index at most {MAX_ROWS} rows, got {n_new} beside "
            f"{state.n}, {state.n - state.n_live} of them removed; consolidate first"
        )
        raise InvalidArgumentError(msg)
    if ids is not None:
        given = as_ids(ids, n_new)
        is_known = state.rows_by_id.find(given)[1]
        if is_known.any():
            msg = (
                f"ids must be new to the index, got {given[is_known][0]}; "
                "update() gives an id another vector"
            )
            raise InvalidArgumentError(msg)
        return given
    first = int(state.ids[state.live_rows].max(initial=-1)) + 1
    if first + n_new > 2**63:
        msg = f"ids must be given where the largest is {first - 1}: no more can follow"
        raise InvalidArgumentError(msg)
    return np.arange(first, first + n_new, dtype=np.int64)
