"""Forecast: small indexes over parts of the sample, and what they foretell for n rows.

A sample flatters: fewer points are fewer rivals, for the codes and for the walk. So
an index is built on a quarter, a half and all of the sample, and `trend` follows the
loss to n rows.

Where that is too little, a float graph over the same rows is asked the same: what it
loses as well is not lost by codes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from quiver.build import Plan, build
from quiver.diagnosis.float_graph import FLOAT_ROWS, measure_float_graph
from quiver.diagnosis.sample import FEW_QUERIES, Sample
from quiver.diagnosis.trend import extrapolate, on_normal_scale
from quiver.params import DEFAULT_EF, BuildParams, Encoding
from quiver.recall.hits import Asked, Hits, scan_hits, walk_hits
from quiver.recall.intervals import Interval
from quiver.recall.marks import Truth

FORECAST_WIDTHS = (32, 64, 128, 256)

SIZES = (4, 2, 1)
"""The sample is divided by these; the largest index comes last."""


class Trial(NamedTuple):
    """One small index: what it found at every beam width.

    Attributes
    ----------
    rows : int
        Size of the index.
    walks : dict of int to Hits
        Of the walk's beam, by ef.
    scan : Hits
        Of the best by code among all its rows, of few queries.
    compared : float
        Codes that a walk at the default ef compares, mean.
    """

    rows: int
    walks: dict[int, Hits]
    scan: Hits
    compared: float


class Forecast(NamedTuple):
    """What to expect of an index over all n rows at one beam width.

    Attributes
    ----------
    ef : int
        The beam width.
    sample_recall : tuple of float
        Measured on the small indexes, the smallest first.
    recall : Interval
        Expected at n.
    ceiling : Interval
        Expected of the codes alone: true neighbours among the best ef of all n.
    float_graph : Interval or None
        Expected of the same graph over float32 vectors; None where ``recall`` is good
        already at the default ef.
    """

    ef: int
    sample_recall: tuple[float, ...]
    recall: Interval
    ceiling: Interval
    float_graph: Interval | None = None


class Part(NamedTuple):
    """Part of a sample, and the true neighbours of every query among its rows."""

    sample: Sample
    truth: Truth


def cut(sample: Sample, k: int) -> list[Part]:
    """Return the parts of a sample, the whole of it last."""
    parts = [sample.prefix(max(k, len(sample.vectors) // divisor)) for divisor in SIZES]
    return [Part(part, part.truth(k)) for part in parts]


def run_trials(
    parts: list[Part], k: int, encoding: Encoding, params: BuildParams, threads: int
) -> Iterator[Trial]:
    """Build and ask an index on each part of a sample."""
    for part, (kth, near) in parts:
        plan = Plan(part.metric, encoding, params, part.backend, threads)
        state = build(part.vectors, np.arange(len(part.vectors)), plan)
        asked = Asked(*(state, part.backend, part.queries, kth, k, threads), near=near)
        few = asked.first(FEW_QUERIES)
        walks = {ef: walk_hits(asked, ef) for ef in FORECAST_WIDTHS}
        yield Trial(
            rows=len(part.vectors),
            walks={ef: walk.hits for ef, walk in walks.items()},
            scan=scan_hits(few, FORECAST_WIDTHS[-1]),
            compared=float(walks[DEFAULT_EF].distance_computations.mean()),
        )


def forecast(
    trials: list[Trial], n: int, most_trials: float = math.inf
) -> tuple[Forecast, ...]:
    """Continue the trials to n rows, for every beam width; see `extrapolate`."""
    found = [_forecast(trials, n, ef, most_trials) for ef in FORECAST_WIDTHS]
    return _never_falling(found)


def with_float_graph(
    forecasts: tuple[Forecast, ...],
    trials: list[Trial],
    sample: Sample,
    k: int,
    params: BuildParams,
    most_trials: float = math.inf,
) -> tuple[tuple[Forecast, ...], int]:
    """Return the forecasts with those of a float graph, and the rows it was built on.

    On the largest trial of no more than ``FLOAT_ROWS`` rows both graphs are asked the
    same queries. By how much more the float graph finds there, on the normal scale,
    it is expected to find more at n: what errs in the line, errs in both.
    """
    small = [trial for trial in trials if trial.rows <= FLOAT_ROWS] or trials[:1]
    coded, few = small[-1], sample.fewer_queries()
    part = few.prefix(coded.rows)
    walks = measure_float_graph(part, k, params, FORECAST_WIDTHS)
    rows = [trial.rows for trial in trials]
    found = []
    for one in forecasts:
        ef = one.ef
        own, uncoded = (
            on_normal_scale(hits[ef].shares(ef)[: len(few.queries)])[0]
            for hits in (coded.walks, walks)
        )
        shares = [trial.walks[ef].shares(ef) for trial in trials]
        shift = uncoded - own
        line = extrapolate(rows, shares, sample.n, shift=shift, most_trials=most_trials)
        found.append(one._replace(float_graph=line))
    return _never_falling(found), coded.rows


def _never_falling(forecasts: list[Forecast]) -> tuple[Forecast, ...]:
    """Let no noise make a wider beam look worse."""
    risen = forecasts[:1]
    for found in forecasts[1:]:
        narrower = risen[-1]
        uncoded = found.float_graph
        if uncoded is not None and narrower.float_graph is not None:
            uncoded = max(uncoded, narrower.float_graph)
        risen.append(
            found._replace(
                recall=max(found.recall, narrower.recall),
                ceiling=max(found.ceiling, narrower.ceiling),
                float_graph=uncoded,
            )
        )
    return tuple(risen)


def _forecast(trials: list[Trial], n: int, ef: int, most_trials: float) -> Forecast:
    rows = [trial.rows for trial in trials]
    # A search loses nothing of its beam: it reads all of it that can matter.
    found = [trial.walks[ef].shares(ef) for trial in trials]
    recall = extrapolate(rows, found, n, most_trials=most_trials)
    scans = [trial.scan.shares(ef) for trial in trials]
    ceiling = extrapolate(rows, scans, n, most_trials=most_trials)
    return Forecast(
        ef=ef,
        sample_recall=tuple(float(shares.mean()) for shares in found),
        recall=recall,
        # Two lines, continued each on its own, may cross where the stages cannot.
        ceiling=max(ceiling, recall),
    )
