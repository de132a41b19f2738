"""What an evaluation found: points over ef, in words, as JSON and as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from quiver._typing import Bits
from quiver.index import Index
from quiver.pages.svg import Series, line_chart
from quiver.recall.intervals import Interval

_GOOD_RECALL = 0.95
# A smaller loss is no reason to change anything.
_NOTABLE_LOSS = 0.005


@dataclass(frozen=True)
class Point:
    """What a batch of queries found and cost at one effort.

    Attributes
    ----------
    ef : int
        The beam width.
    n_rerank : int or None
        As asked; None: as many as can matter.
    horizon : float or None
        As asked; None: walks end by ``ef`` alone.
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
    n_rerank: int | None
    horizon: float | None
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
            f"{p.ef:5d} {p.reranked:6.0f}  {p.recall!s:22s} {100 * p.code_loss:6.2f}"
            f" {100 * p.graph_loss:6.2f} {100 * p.rerank_loss:6.2f}"
            f" {p.queries_per_second:10.0f} {p.hops:6.0f}"
            f" {p.distance_computations:10.0f}"
            for p in self.points
        ]
        return "\n".join([*lines, *self.suggestions])


def suggest(index: Index, points: Sequence[Point]) -> tuple[str, ...]:
    """Return what would help at the first ef of good recall, or at the widest."""
    good = [point for point in points if point.recall.mean >= _GOOD_RECALL]
    point = good[0] if good else points[-1]
    losses = {
        "code": (point.code_loss, _code_advice(index)),
        "graph": (point.graph_loss, _graph_advice(index, point.horizon)),
        "rerank": (point.rerank_loss, "raise n_rerank, or leave it out"),
    }
    notable = sorted(
        ((loss, stage, advice) for stage, (loss, advice) in losses.items()),
        reverse=True,
    )
    found = f"recall {point.recall}"
    start = "is reached" if good else "is all that is reached"
    lines = [f"{found} {start} at ef={point.ef}."]
    lines += [
        f"The {stage} loses {100 * loss:.1f} points there: {advice}."
        for loss, stage, advice in notable
        if loss >= _NOTABLE_LOSS
    ]
    return tuple(lines)


def _code_advice(index: Index) -> str:
    # Of more rows by code none is a worse answer; what another code keeps is not known.
    bits = index.encoding.bits
    if index.encoding.weights == "corrected" and bits == max(get_args(Bits)):
        return "raise ef; there are no wider codes"
    return f"raise ef, or let Index.build measure whether {bits} bits are enough"


def _graph_advice(index: Index, horizon: float | None) -> str:
    params = index.params
    effort = "ef" if horizon is None else "horizon or ef"
    return (
        f"raise {effort}, or build with max_degree above {params.max_degree} "
        f"or ef_construction above {params.ef_construction}"
    )
