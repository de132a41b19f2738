"""Evaluate: recall, speed and counters over ef, and the stage that loses recall.

A true neighbour is lost by the first stage that drops it: the codes, if it is not
among the best ``ef`` of *all* rows by code; the graph, if the walk's beam misses more
than that; the re-rank, if it stands in the beam beyond ``n_rerank``. The three losses
and the recall add up to 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from quiver._typing import Distances, Progress, Vectors
from quiver.errors import InvalidArgumentError
from quiver.hits import Hits, checked_queries, scan_hits, true_distances, walk_hits
from quiver.index import Index
from quiver.intervals import CONFIDENCE, Interval, share_interval
from quiver.parallel import ProgressMeter, resolve_threads
from quiver.params import Encoding, SearchParams, check_int
from quiver.results import SearchStats
from quiver.svg import Series, line_chart

BEAM_WIDTHS = (16, 32, 64, 128, 256)

_TIMING_SECONDS = 0.2
_GOOD_RECALL = 0.95
# A smaller loss is no reason to change anything.
_NOTABLE_LOSS = 0.005


@dataclass(frozen=True)
class Point:
    """What a batch of queries found and cost at one effort.

    Attributes
    ----------
    ef, n_rerank : int
        The effort.
    recall : Interval
        Share of the true k found, ties counted as hits.
    code_loss, graph_loss, rerank_loss : float
        Share each stage lost; with the recall they sum to 1. The graph's may be
        slightly negative: a walk that misses rivals keeps a neighbour they would
        have pushed out.
    queries_per_second : float
        Of the fastest repetition of the whole batch.
    hops, distance_computations, reranked : float
        Means per query.
    """

    ef: int
    n_rerank: int
    recall: Interval
    code_loss: float
    graph_loss: float
    rerank_loss: float
    queries_per_second: float
    hops: float
    distance_computations: float
    reranked: float


@dataclass(frozen=True)
class Evaluation:
    """The points of one index, one per ef, and what follows from them.

    Attributes
    ----------
    k, n_queries : int
        What was asked.
    points : tuple of Point
        By ascending ef.
    suggestions : tuple of str
        What to change, most gain first.
    """

    k: int
    n_queries: int
    points: tuple[Point, ...]
    suggestions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and lists, ready for JSON."""
        document = asdict(self)
        for point, plain in zip(self.points, document["points"], strict=True):
            plain["recall"] = point.recall._asdict()
        return document

    def to_svg(self) -> str:
        """Return recall over ef as an SVG drawing, with the ceiling of the codes."""
        efs = [float(point.ef) for point in self.points]
        series = [
            Series("best by code", efs, [1 - p.code_loss for p in self.points]),
            Series(
                "walk, whole beam re-ranked",
                efs,
                [p.recall.mean + p.rerank_loss for p in self.points],
            ),
            Series("recall", efs, [p.recall.mean for p in self.points]),
        ]
        title = f"recall@{self.k} over ef, {self.n_queries} queries"
        return line_chart(title, "ef", "share of the true neighbours", series)

    def __str__(self) -> str:
        """Return a table a person can read."""
        lines = [
            f"recall@{self.k} of {self.n_queries} queries, losses in points",
            "   ef rerank  recall (95 %)           code  graph rerank"
            "        q/s   hops  distances",
        ]
        lines += [
            f"{p.ef:5d} {p.n_rerank:6d}  {p.recall!s:22s} {100 * p.code_loss:6.2f}"
            f" {100 * p.graph_loss:6.2f} {100 * p.rerank_loss:6.2f}"
            f" {p.queries_per_second:10.0f} {p.hops:6.0f}"
            f" {p.distance_computations:10.0f}"
            for p in self.points
        ]
        return "\n".join([*lines, *self.suggestions])


def evaluate(
    index: Index,
    queries: Any,
    ground_truth: Any = None,
    *,
    k: int = 10,
    ef: int | Sequence[int] = BEAM_WIDTHS,
    n_rerank: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure an index and name the stage where recall is lost.

    Parameters
    ----------
    index : Index
        What to measure.
    queries : array_like of shape (q, dim), q >= 1
        As the index will be asked. Every query is also measured against every code.
    ground_truth : array_like of shape (q, >= k), optional
        Ids of the true neighbours; computed exactly if not given.
    k : int, default 10
        Neighbours asked for, 1 … n.
    ef : int or sequence of int, default (16, 32, 64, 128, 256)
        Beam widths; those below k are left out.
    n_rerank : int, optional
        As for `Index.search`; its default if not given, at most ef.
    threads : int, optional
        For all measuring, the queries per second included.
    progress : callable, optional
        ``progress(done, total)`` in steps; return False to cancel.

    Returns
    -------
    Evaluation

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule, or every ef is below k.
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
    k = check_int("k", k, 1, index.n)
    efforts = _efforts(k, ef, n_rerank)
    wanted = checked_queries(index, queries)
    n_threads = resolve_threads(threads)
    meter = ProgressMeter(progress, 2 + len(efforts))
    truth = true_distances(index, wanted, ground_truth, k)
    meter.advance(1)
    kth = truth[:, -1]
    scan = scan_hits(index, wanted, kth, k, efforts[-1].ef, n_threads)
    meter.advance(1)
    points = []
    for effort in efforts:
        points.append(_measure(index, wanted, kth, scan, effort, n_threads))
        meter.advance(1)
    return Evaluation(k, len(wanted), tuple(points), _suggestions(index, points))


def _efforts(
    k: int, ef: int | Sequence[int], n_rerank: int | None
) -> list[SearchParams]:
    widths = ef if isinstance(ef, Sequence) else [ef]
    checked = {check_int("ef", width, 1, 2**32 - 2) for width in widths}
    usable = sorted(width for width in checked if width >= k)
    if not usable:
        msg = f"ef must hold a width >= k, got ef={ef}, k={k}"
        raise InvalidArgumentError(msg)
    return [
        SearchParams.resolve(k, width, n_rerank and min(n_rerank, width))
        for width in usable
    ]


def _measure(
    index: Index,
    queries: Vectors,
    kth: Distances,
    scan: Hits,
    effort: SearchParams,
    threads: int,
) -> Point:
    walk = walk_hits(index, queries, kth, effort.k, effort.ef, threads)
    ceiling = scan.shares(effort.ef).mean()
    reached = walk.hits.shares(effort.ef).mean()
    recall = share_interval(walk.hits.shares(effort.n_rerank), CONFIDENCE)
    search = partial(
        index.search,
        queries,
        k=effort.k,
        ef=effort.ef,
        n_rerank=effort.n_rerank,
        threads=threads,
    )
    seconds, stats = _fastest(lambda: search().stats)
    return Point(
        ef=effort.ef,
        n_rerank=effort.n_rerank,
        recall=recall,
        code_loss=float(1 - ceiling),
        graph_loss=float(ceiling - reached),
        rerank_loss=float(reached - recall.mean),
        queries_per_second=len(queries) / seconds,
        hops=float(stats.hops.mean()),
        distance_computations=float(stats.distance_computations.mean()),
        reranked=float(stats.reranked.mean()),
    )


def _fastest(search: Callable[[], SearchStats]) -> tuple[float, SearchStats]:
    """Return the seconds of the fastest of several runs, and the counters of one."""
    seconds: list[float] = []
    while sum(seconds) < _TIMING_SECONDS:
        start = time.perf_counter()
        stats = search()
        seconds.append(time.perf_counter() - start)
    return min(seconds), stats


def _suggestions(index: Index, points: Sequence[Point]) -> tuple[str, ...]:
    """Return what would help at the first ef of good recall, or at the widest."""
    good = [point for point in points if point.recall.mean >= _GOOD_RECALL]
    point = good[0] if good else points[-1]
    losses = {
        "code": (point.code_loss, _code_advice(index)),
        "graph": (point.graph_loss, _graph_advice(index)),
        "rerank": (point.rerank_loss, f"raise n_rerank above {point.n_rerank}"),
    }
    notable = sorted(
        ((loss, stage, advice) for stage, (loss, advice) in losses.items()),
        reverse=True,
    )
    found = f"recall {point.recall}"
    start = "is reached" if good else "is all that is reached"
    lines = [f"{found} {start} at ef={point.ef}, n_rerank={point.n_rerank}."]
    lines += [
        f"The {stage} loses {100 * loss:.1f} points there: {advice}."
        for loss, stage, advice in notable
        if loss >= _NOTABLE_LOSS
    ]
    return tuple(lines)


def _code_advice(index: Index) -> str:
    if index.encoding == Encoding():
        return "only a larger ef helps; quiver.diagnose tells whether it can suffice"
    return "build with the default Encoding(), or raise ef"


def _graph_advice(index: Index) -> str:
    params = index.params
    return (
        f"raise ef, or build with max_degree above {params.max_degree} "
        f"or ef_construction above {params.ef_construction}"
    )
