"""Evaluate: recall, speed and counters over ef, and the stage that loses recall.

A true neighbour is lost by the first stage that drops it: the codes, if it is not
among the best ``ef`` of *all* rows by code; the graph, if the walk's beam misses more
than that; the re-rank, if it stands in the beam but was not measured exactly. Long rows
that are measured whatever their codes say are lost by none. The three losses and the
recall add up to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from quiver._typing import Metric, Progress
from quiver.arithmetic import in_standard_arithmetic
from quiver.errors import InvalidArgumentError
from quiver.evaluation.report import Evaluation, Point, suggest
from quiver.evaluation.timing import fastest
from quiver.evaluation.truth import check_k, true_distances
from quiver.filters.given import as_filters
from quiver.index import Index
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import resolve_threads
from quiver.params import SearchParams
from quiver.recall.hits import Asked, Hits, scan_hits, walk_hits
from quiver.recall.intervals import CONFIDENCE, share_interval
from quiver.validation.arrays import checked_queries
from quiver.validation.checks import MAX_ROWS, check_int

BEAM_WIDTHS = (16, 32, 64, 128, 256)


@in_standard_arithmetic
@tells_progress("evaluating")
def evaluate(
    index: Index,
    queries: Any,
    ground_truth: Any = None,
    *,
    k: int = 10,
    ef: int | Sequence[int] = BEAM_WIDTHS,
    n_rerank: int | None = None,
    horizon: float | None = None,
    filter: Any = None,
    threads: int | None = None,
    progress: Progress | bool | None = None,
) -> Evaluation:
    """Measure an index and name the stage where recall is lost.

    Parameters
    ----------
    index : Index
        What to measure.
    queries : array_like of shape (q, dim), q >= 1
        As the index will be asked. Every query is also measured against every code.
    ground_truth : array_like of shape (q, >= k), optional
        Ids of the true neighbours, nearest first; computed exactly if not given.
    k : int, default 10
        Neighbours asked for, 1 … n.
    ef : int or sequence of int, default (16, 32, 64, 128, 256)
        Beam widths; those below k are left out.
    n_rerank : int, optional
        As for `Index.search`, at most ef.
    horizon : float, optional
        As for `Index.search`. What a walk misses that ends early, the graph loses.
    filter : optional
        As for `Index.search`. Where fewer than k rows may answer, recall is of those.
    threads : int, optional
        For all measuring, the queries per second included.
    progress : callable or bool, optional
        ``progress(done, total)`` in steps; return False to cancel. True shows a bar.

    Returns
    -------
    Evaluation

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule, every ef is below k, or the ground truth is
        proven wrong.
    CancelledError
        If ``progress`` returned False.

    Examples
    --------
    >>> import numpy as np
    >>> import quiver
    >>> vectors = np.random.default_rng(0).normal(size=(1200, 16))
    >>> index = quiver.Index.build(vectors[:1000])
    >>> evaluation = quiver.evaluate(index, vectors[1000:], ef=64)
    >>> evaluation.points[0].recall.mean > 0.9
    True
    """
    k = check_k(k, index)
    efforts = _efforts(k, ef, n_rerank, horizon, index.metric)
    queries = checked_queries(queries, index.metric, index.dim)
    n_threads = resolve_threads(threads)
    meter = ProgressMeter(progress, 2 + len(efforts))
    filters = as_filters(index.state, filter, len(queries))
    truth = true_distances(index, queries, ground_truth, k, n_threads, filters)
    meter.advance(1)
    kernels = index.state, index.backend
    asked = Asked(*kernels, queries, truth[:, -1], k, n_threads, filters)
    scan = scan_hits(asked, efforts[-1].ef)
    meter.advance(1)
    points = []
    for effort in efforts:
        points.append(_measure(index, asked, scan, effort))
        meter.advance(1)
    return Evaluation(k, len(queries), tuple(points), suggest(index, points))


def _efforts(
    k: int,
    ef: int | Sequence[int],
    n_rerank: int | None,
    horizon: float | None,
    metric: Metric,
) -> list[SearchParams]:
    widths = ef if isinstance(ef, Sequence) else [ef]
    checked = {check_int("ef", width, 1, MAX_ROWS) for width in widths}
    usable = sorted(width for width in checked if width >= k)
    if not usable:
        msg = f"ef must hold a width >= k, got ef={ef}, k={k}"
        raise InvalidArgumentError(msg)
    return [
        SearchParams.resolve(
            k, width, n_rerank and min(n_rerank, width), horizon, metric
        )
        for width in usable
    ]


def _measure(index: Index, asked: Asked, scan: Hits, effort: SearchParams) -> Point:
    walk = walk_hits(asked, effort.ef, effort.walk_horizon)
    ceiling = scan.shares(effort.ef).mean()
    reached = walk.hits.shares(effort.ef).mean()
    search = partial(
        index.search,
        asked.queries,
        k=effort.k,
        ef=effort.ef,
        n_rerank=effort.n_rerank,
        horizon=effort.horizon,
        filter=asked.filters,
        threads=asked.threads,
    )
    result, seconds = fastest(search)
    stats = result.stats
    shares = (result.distances <= asked.kth[:, None]).mean(axis=1)
    recall = share_interval(shares, CONFIDENCE)
    return Point(
        ef=effort.ef,
        n_rerank=effort.n_rerank,
        horizon=effort.horizon,
        recall=recall,
        code_loss=float(1 - ceiling),
        graph_loss=float(ceiling - reached),
        rerank_loss=float(reached - recall.mean),
        queries_per_second=len(asked.queries) / seconds,
        hops=float(stats.hops.mean()),
        distance_computations=float(stats.distance_computations.mean()),
        reranked=float(stats.reranked.mean()),
    )
