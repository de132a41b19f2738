"""Walks and scans of filtered queries, as each one's filter asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Counts, Mask
from quiver.backends.protocol import Backend
from quiver.filters.filter import Filter
from quiver.reference.codes import Codes, Queries
from quiver.reference.horizon import Horizon
from quiver.reference.keys import NO_KEY
from quiver.reference.search import Beams
from quiver.state import State


def walk_filtered(
    state: State,
    backend: Backend,
    coded: Codes | Queries,
    ef: int,
    filters: Sequence[Filter],
    horizon: Horizon | None = None,
) -> Beams:
    """Return the beams of coded queries, a filter each: complete, from walk or scan.

    They hold linked rows that may answer, or that are equal to one that may. The
    distances of a walk given up count.
    """
    hops, computed, lines = np.zeros((3, len(filters)), dtype=np.int64)
    keys = np.full((len(filters), ef), NO_KEY, dtype=np.uint64)
    is_scanned = np.array([one.is_scanned(ef) for one in filters], dtype=np.bool_)
    walked = np.flatnonzero(~is_scanned)
    if len(walked):
        asked = [filters[number] for number in walked.tolist()]
        graph = state.codes, state.neighbors, coded.take(walked), state.entry_points
        beams = backend.search(
            *graph,
            ef,
            allowed=stack_masks(asked),
            budget=budgets(asked),
            screened=state.is_screened,
            horizon=horizon,
        )
        keys[walked], hops[walked], computed[walked], lines[walked], complete = beams
        is_scanned[walked] = ~complete
    for one, numbers in by_filter(filters, np.flatnonzero(is_scanned)):
        beams = backend.scan(state.codes, coded.take(numbers), one.nodes, ef)
        keys[numbers] = beams.keys
        computed[numbers] += beams.distance_computations
        lines[numbers] += beams.lines_read
    return Beams(keys, hops, computed, lines, np.ones(len(filters), dtype=np.bool_))


def stack_masks(filters: Sequence[Filter]) -> Mask:
    """Return the masks as a backend takes them: one for all, or one a query."""
    if all(one is filters[0] for one in filters):
        return filters[0].mask[None]
    return np.stack([one.mask for one in filters])


def answering_masks(state: State, filters: Sequence[Filter] | None) -> Mask | None:
    """Return the masks of rows that answer by the graph; None where all do."""
    return stack_masks(filters) if filters else state.answering


def budgets(filters: Sequence[Filter]) -> Counts:
    """Return after how many distances each walk is given up."""
    return np.array([one.budget for one in filters], dtype=np.int64)


def by_filter(
    filters: Sequence[Filter], numbers: NDArray[np.intp]
) -> Iterator[tuple[Filter, NDArray[np.intp]]]:
    """Yield each filter of the queries named, with those of them that it filters."""
    groups: dict[int, list[int]] = {}
    for number in numbers.tolist():
        groups.setdefault(id(filters[number]), []).append(number)
    for group in groups.values():
        yield filters[group[0]], np.array(group)
