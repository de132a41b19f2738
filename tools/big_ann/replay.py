"""Play a runbook as the harness's runner does, with recall and cost of each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from big_ann.runbook import (
    NONE,
    Delete,
    Insert,
    Replace,
    Runbook,
    Search,
    Step,
    n_changed,
    walk,
    word_of,
)
from big_ann.truth import Truth, recall
from quiver._typing import Vectors


class Outcome(NamedTuple):
    """One step, carried out.

    Attributes
    ----------
    number : int
        Of the step, from 1 on.
    operation : str
        The word for it.
    n_changed : int
        Tags inserted, deleted or given another vector; the queries of a search.
    n_live : int
        Vectors in the index afterwards.
    distances : int
        Distances between codes that the step computed.
    recall : float or None
        Of a search.
    """

    number: int
    operation: str
    n_changed: int
    n_live: int
    distances: int
    recall: float | None


def replay(
    algorithm: Any,
    runbook: Runbook,
    base: Vectors,
    queries: Vectors,
    truth: Truth,
    *,
    effort: dict[str, Any],
    k: int = 10,
    spent: Callable[[], int] = lambda: 0,
) -> Iterator[Outcome]:
    """Drive an algorithm of the harness through a runbook, and yield each outcome.

    Parameters
    ----------
    algorithm : BaseStreamingANN
        Of the harness; `adapter` has ours.
    runbook, base, queries, truth
        What to do, with which vectors, and what is right.
    effort : dict
        Its query arguments.
    k : int, default 10
        Neighbors to ask for.
    spent : callable, optional
        Returns the distances computed since it was called last.
    """
    algorithm.setup(base.dtype.name, runbook.max_pts, base.shape[1])
    algorithm.set_query_arguments(effort)
    for number, vector_of in walk(runbook, len(base)):
        step = runbook.steps[number - 1]
        spent()
        _carry_out(algorithm, step, base, queries, k)
        cost, share, count = spent(), None, n_changed(step)
        if isinstance(step, Search):
            share = recall(algorithm.get_results(), truth.at(number, vector_of), k)
            count = len(queries)
        n_live = int(np.count_nonzero(vector_of != NONE))
        yield Outcome(number, word_of(step), count, n_live, cost, share)


def _carry_out(
    algorithm: Any, step: Step, base: Vectors, queries: Vectors, k: int
) -> None:
    match step:
        case Insert(start, end):
            algorithm.insert(base[start:end], np.arange(start, end, dtype=np.uint32))
        case Delete(start, end):
            algorithm.delete(np.arange(start, end, dtype=np.uint32))
        case Replace(tags_start, tags_end, ids_start, ids_end):
            tags = np.arange(tags_start, tags_end, dtype=np.uint32)
            algorithm.replace(base[ids_start:ids_end], tags)
        case Search():
            algorithm.query(queries, k)


def average_recall(outcomes: list[Outcome]) -> float:
    """Return what the harness ranks by: the mean over all searches."""
    shares = [outcome.recall for outcome in outcomes if outcome.recall is not None]
    return float(np.mean(shares))


def distances_per_row(outcomes: list[Outcome], operation: str) -> float | None:
    """Return the distances for each tag changed, or query, in steps of one kind."""
    chosen = [outcome for outcome in outcomes if outcome.operation == operation]
    if not chosen:
        return None
    total = sum(outcome.distances for outcome in chosen)
    return total / sum(outcome.n_changed for outcome in chosen)
