"""Tune: the cheapest effort that holds a target recall with a stated confidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from quiver._typing import Lanes, Progress
from quiver.arithmetic import in_standard_arithmetic
from quiver.errors import InvalidArgumentError
from quiver.evaluation.truth import check_k, true_distances
from quiver.filters.given import as_filters
from quiver.index import Index
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import resolve_threads
from quiver.params import SearchParams
from quiver.recall.hits import Asked, Walk, walk_hits
from quiver.recall.intervals import CONFIDENCE, Interval, queries_needed, share_interval
from quiver.validation.arrays import checked_queries
from quiver.validation.checks import MAX_ROWS, check_flag, check_int, check_share

MAX_EF = 1024

# Beyond the least ef that will do: a wider beam may need fewer re-ranked.
_WIDER = (1.0, 1.1, 1.25, 1.5, 2.0)

# With a horizon, so much wider for the hardest queries.
_FAR_WIDER = (2.0, 4.0)
_HORIZONS = [1 + step / 200 for step in range(1, 101)]
_NEIGHBOR_BYTES = 4


@dataclass(frozen=True)
class TuneResult:
    """An effort that holds the target.

    Attributes
    ----------
    ef, n_rerank : int
        For `Index.search`.
    recall : Interval
        Measured; ``low`` is the one-sided bound at the confidence asked for.
    bytes_per_query : float
        Memory read per query, by which efforts were compared: code rows, neighbour
        lists and re-ranked vectors. Unlike seconds it is the same in every run.
    horizon : float or None
        For `Index.search`; None unless it was asked for and is cheaper.
    """

    ef: int
    n_rerank: int
    recall: Interval
    bytes_per_query: float
    horizon: float | None = None


@in_standard_arithmetic
@tells_progress("tuning")
def tune(
    index: Index,
    queries: Any,
    target_recall: float = 0.95,
    *,
    k: int = 10,
    ground_truth: Any = None,
    confidence: float = CONFIDENCE,
    max_ef: int = MAX_EF,
    horizon: bool = False,
    filter: Any = None,
    threads: int | None = None,
    progress: Progress | bool | None = None,
) -> TuneResult:
    """Find the cheapest ``(ef, n_rerank)`` whose recall@k is at least the target.

    Parameters
    ----------
    index : Index
        What will be searched.
    queries : array_like of shape (q, dim), q >= 1
        A sample of those to come; few queries prove little.
    target_recall : float, default 0.95
        Inside 0 … 1.
    k : int, default 10
        Neighbours asked for, 1 … n.
    ground_truth : array_like of shape (q, >= k), optional
        Ids of the true neighbours, nearest first; computed exactly if not given.
    confidence : float, default 0.95
        Inside 0 … 1: the one-sided lower bound of the recall must reach the target.
    max_ef : int, default 1024
        Widest beam allowed, >= k.
    horizon : bool, default False
        Whether to try wider beams that a horizon ends as well: for most data fewer
        distances at the same recall. Not under inner product.
    filter : optional
        As for `Index.search`. Where fewer than k rows may answer, recall is of those.
    threads : int, optional
        The answer does not depend on it.
    progress : callable or bool, optional
        ``progress(done, total)`` in steps; return False to cancel. True shows a bar.

    Returns
    -------
    Tuned

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule, the index is empty, the ground truth is proven
        wrong, or no effort within ``max_ef`` holds the target: the message says what
        was found, what that proves, and how many queries could prove the target.
    CancelledError
        If ``progress`` returned False.

    Examples
    --------
    >>> import numpy as np
    >>> import quiver
    >>> vectors = np.random.default_rng(0).normal(size=(1200, 16))
    >>> index = quiver.Index.build(vectors[:1000])
    >>> tuned = quiver.tune(index, vectors[1000:], 0.9)
    >>> tuned.recall.low >= 0.9
    True
    """
    k = check_k(k, index)
    max_ef = min(check_int("max_ef", max_ef, k, MAX_ROWS), max(k, index.n))
    target = check_share("target_recall", target_recall)
    confidence = check_share("confidence", confidence)
    queries = checked_queries(queries, index.metric, index.dim)
    n_threads = resolve_threads(threads)
    filters = as_filters(index.state, filter, len(queries))
    truth = true_distances(index, queries, ground_truth, k, n_threads, filters)
    check_flag("horizon", horizon)
    wider = _FAR_WIDER if horizon and index.metric != "inner_product" else ()
    n_steps = 1 + max_ef.bit_length() + len(_WIDER) + len(wider)
    meter = ProgressMeter(progress, n_steps)
    kernels = index.state, index.backend
    asked = Asked(*kernels, queries, truth[:, -1], k, n_threads, filters)
    trial = _Trial(asked, 2 * confidence - 1)
    least = _least_ef(trial, target, max_ef, meter)
    efforts = []
    for factor in _WIDER:
        ef = min(max_ef, round(least * factor))
        efforts.append(trial.cheapest(ef, target))
        meter.advance(1)
    for factor in wider:
        efforts.append(trial.to_horizon(min(max_ef, round(least * factor)), target))
        meter.advance(1)
    return min(
        (effort for effort in efforts if effort is not None),
        key=lambda effort: effort.bytes_per_query,
    )


@dataclass
class _Trial:
    """What stays the same from effort to effort."""

    asked: Asked
    # Of the two-sided interval whose lower end is the one-sided bound.
    confidence: float

    def walk(self, ef: int, horizon: float | None = None) -> Walk:
        effort = SearchParams(self.asked.k, ef, None, horizon)
        return walk_hits(self.asked, ef, effort.walk_horizon)

    def recall(self, walk: Walk, n_rerank: int) -> Interval:
        return share_interval(walk.hits.shares(n_rerank), self.confidence)

    def to_horizon(self, ef: int, target: float) -> TuneResult | None:
        """Return the same with the nearest horizon that holds the target."""

        def holds(place: int) -> bool:
            walk = self.walk(ef, _HORIZONS[place])
            return self.recall(walk, ef).low >= target

        place = _least(0, len(_HORIZONS) - 1, holds)
        return self.cheapest(ef, target, _HORIZONS[place])

    def cheapest(
        self, ef: int, target: float, horizon: float | None = None
    ) -> TuneResult | None:
        """Return the fewest re-ranked that hold the target; None if no number does."""
        walk = self.walk(ef, horizon)
        if self.recall(walk, ef).low < target:
            return None
        enough = _least(
            self.asked.k, ef, lambda depth: self.recall(walk, depth).low >= target
        )
        n_bytes = self._bytes_read(walk, enough)
        recall = self.recall(walk, enough)
        return TuneResult(ef, enough, recall, n_bytes, horizon)

    def _bytes_read(self, walk: Walk, n_rerank: int) -> float:
        state = self.asked.state
        return float(
            walk.distance_computations.mean() * state.codes.rows.shape[1]
            + walk.hops.mean() * state.neighbors.shape[1] * _NEIGHBOR_BYTES
            + n_rerank * state.vectors.nbytes / state.n
        )


def _least_ef(trial: _Trial, target: float, max_ef: int, meter: ProgressMeter) -> int:
    """Return the least ef that holds the target with the whole beam re-ranked."""
    widest = trial.walk(max_ef)
    best = trial.recall(widest, max_ef)
    if best.low < target:
        shares = widest.hits.shares(max_ef)
        msg = (
            f"target_recall must be proven with ef <= {max_ef}, got {target}: "
            f"{len(shares)} queries find {best.mean:.4f}, which proves no more than "
            f"{best.low:.4f}, its lower bound at confidence "
            f"{(1 + trial.confidence) / 2:g}; {_remedy(shares, target, trial)}"
        )
        raise InvalidArgumentError(msg)
    meter.advance(1)

    def holds(ef: int) -> bool:
        meter.advance(1)
        return trial.recall(trial.walk(ef), ef).low >= target

    return _least(trial.asked.k, max_ef, holds)


def _remedy(shares: Lanes, target: float, trial: _Trial) -> str:
    """Return what to do where these shares of the widest beam prove too little."""
    n_queries = len(shares)
    if shares.mean() > target:
        needed = queries_needed(shares, target, trial.confidence)
        return f"give about {needed} queries like these, or take a lower target"
    perfect = queries_needed(np.ones(n_queries), target, trial.confidence)
    build = "raise max_ef, or try a larger max_degree or ef_construction"
    if n_queries >= perfect:
        return build
    return f"{build}; even perfect answers would have to be {perfect} queries"


def _least(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the least number in ``low … high`` that holds; the last one does."""
    below = low - 1
    while high - below > 1:
        middle = (below + high) // 2
        if holds(middle):
            high = middle
        else:
            below = middle
    return high
