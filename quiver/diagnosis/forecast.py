"""Forecast: small indexes over parts of the sample, and what they foretell for n rows.

A sample flatters: fewer points are fewer rivals, for the codes and for the walk. So
an index is built on a quarter, a half and all of the sample, and the loss is followed
as it grows. A neighbour is lost when noise outweighs its lead over its strongest
rivals; the extreme of n normal variables grows like sqrt(2 ln n), so on the normal
scale recall falls along a straight line in that variable, which is continued to n.
``docs/diagnosis.md`` shows how well this held.

Where that is too little, a float graph is followed in the same way: what it loses as
well is not lost by the code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from quiver._typing import Lanes
from quiver.diagnosis.float_graph import FLOAT_ROWS, measure_float_graph
from quiver.diagnosis.sample import Sample
from quiver.hits import Hits, scan_hits, walk_hits
from quiver.index import Index
from quiver.intervals import (
    CONFIDENCE,
    Interval,
    effective_trials,
    normal_share,
    probit,
)
from quiver.params import BuildParams, Encoding, SearchParams

BEAM_WIDTHS = (32, 64, 128, 256)

SIZES = (4, 2, 1)
"""The sample is divided by these; the largest index comes last."""

USUAL_SLOPE, SLOPE_SPREAD = -1.3, 0.5
"""Loss on the normal scale per unit of sqrt(2 ln n), and its spread: what is believed
of a slope where the sample itself says little. Nine kinds of data lost 0.8 to 2.1."""

FLATTENING = 0.85
"""How steep the line is beyond the sample, as a share of its slope within it."""

MODEL_ERROR = 0.35
"""Standard deviation of the slope beyond the sample from that, on eight of the nine."""


class Trial(NamedTuple):
    """One small index: what it found at every beam width.

    Attributes
    ----------
    rows : int
        Size of the index.
    walks : dict of int to Hits
        Of the walk's beam, by ef.
    scan : Hits
        Of the best by code among all its rows.
    """

    rows: int
    walks: dict[int, Hits]
    scan: Hits


class Forecast(NamedTuple):
    """What to expect of an index over all n rows at one beam width.

    Attributes
    ----------
    ef, n_rerank : int
        The effort; ``n_rerank`` is `Index.search`'s own default.
    sample_recall : tuple of float
        Measured on the small indexes, the smallest first.
    recall : Interval
        Expected at n.
    whole_beam : Interval
        The same with ``n_rerank=ef``.
    ceiling : Interval
        Expected of the codes alone: true neighbours among the best ef of all n.
    float_graph : Interval or None
        Expected of the same graph over float32 vectors; None where ``recall`` is good
        already at the default ef.
    """

    ef: int
    n_rerank: int
    sample_recall: tuple[float, ...]
    recall: Interval
    whole_beam: Interval
    ceiling: Interval
    float_graph: Interval | None = None


class FloatTrial(NamedTuple):
    """One small float graph: its rows, and the hits of its beams by ef."""

    rows: int
    walks: dict[int, Hits]


def run_trials(
    sample: Sample, k: int, encoding: Encoding, params: BuildParams, threads: int
) -> Iterator[Trial]:
    """Build and ask an index on each part of the sample."""
    for divisor in SIZES:
        part = sample.prefix(part_rows(sample, k, divisor))
        index = Index.build(
            part.vectors,
            metric=sample.metric,
            params=params,
            encoding=encoding,
            backend=sample.backend.name,
            threads=threads,
        )
        kth = part.neighbours(k)[1][:, -1]
        walks = {
            ef: walk_hits(index, part.queries, kth, k, ef, threads).hits
            for ef in BEAM_WIDTHS
        }
        scan = scan_hits(index, part.queries, kth, k, BEAM_WIDTHS[-1], threads)
        yield Trial(len(part.vectors), walks, scan)


def run_float_trials(sample: Sample, k: int, params: BuildParams) -> list[FloatTrial]:
    """Build and ask a float graph on each part of the first ``FLOAT_ROWS`` rows."""
    base = sample.fewer_queries().prefix(FLOAT_ROWS)
    parts = [base.prefix(part_rows(base, k, divisor)) for divisor in SIZES]
    return [
        FloatTrial(len(part.vectors), measure_float_graph(part, k, params, BEAM_WIDTHS))
        for part in parts
    ]


def part_rows(sample: Sample, k: int, divisor: int) -> int:
    """Return the rows of one part of a sample."""
    return max(k, len(sample.vectors) // divisor)


def forecast(trials: list[Trial], n: int, k: int) -> tuple[Forecast, ...]:
    """Continue the trials to n rows, for every beam width."""
    return _never_falling([_forecast(trials, n, k, ef) for ef in BEAM_WIDTHS])


def with_float_graph(
    forecasts: tuple[Forecast, ...], trials: list[FloatTrial], n: int
) -> tuple[Forecast, ...]:
    """Return the forecasts with what float graphs foretell for n rows."""
    rows = [trial.rows for trial in trials]
    found = []
    for one in forecasts:
        shares = [trial.walks[one.ef].shares(one.ef) for trial in trials]
        found.append(one._replace(float_graph=extrapolate(rows, shares, n)))
    return _never_falling(found)


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
                whole_beam=max(found.whole_beam, narrower.whole_beam),
                ceiling=max(found.ceiling, narrower.ceiling),
                float_graph=uncoded,
            )
        )
    return tuple(risen)


def _forecast(trials: list[Trial], n: int, k: int, ef: int) -> Forecast:
    n_rerank = SearchParams.resolve(k, ef, None).n_rerank
    rows = [trial.rows for trial in trials]
    reranked = [trial.walks[ef].shares(n_rerank) for trial in trials]
    return Forecast(
        ef=ef,
        n_rerank=n_rerank,
        sample_recall=tuple(float(shares.mean()) for shares in reranked),
        recall=extrapolate(rows, reranked, n),
        whole_beam=extrapolate(rows, [t.walks[ef].shares(ef) for t in trials], n),
        ceiling=extrapolate(rows, [t.scan.shares(ef) for t in trials], n),
    )


def extrapolate(rows: list[int], shares: list[Lanes], n: int) -> Interval:
    """Return the share expected at n rows, from per-query shares at a few sizes.

    Notes
    -----
    A weighted least-squares line of probit(share) over sqrt(2 ln rows). Each size
    weighs by what its queries know, half a miss is added so that a perfect share stays
    finite, and the slope is drawn towards ``USUAL_SLOPE``. Beyond the sample the line
    goes on ``FLATTENING`` times as steep; it never rises. The interval joins the
    variances of level and slope with ``MODEL_ERROR``.
    """
    x = np.sqrt(2 * np.log(rows))
    z, weights = np.array([_on_normal_scale(share) for share in shares]).T
    center, level = np.average(x, weights=weights), np.average(z, weights=weights)
    belief = 1 / SLOPE_SPREAD**2
    certainty = belief + float((weights * (x - center) ** 2).sum())
    slope = float((weights * (x - center) * (z - level)).sum())
    slope = min(0.0, (slope + belief * USUAL_SLOPE) / certainty)
    within, beyond = float(x[-1] - center), math.sqrt(2 * math.log(n)) - float(x[-1])
    expected = float(level) + slope * (within + FLATTENING * beyond)
    variance = (
        1 / float(weights.sum())
        + (within + FLATTENING * beyond) ** 2 / certainty
        + (MODEL_ERROR * beyond) ** 2
    )
    reach = probit((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    return Interval(
        normal_share(expected),
        normal_share(expected - reach),
        normal_share(expected + reach),
    )


def _on_normal_scale(shares: Lanes) -> tuple[float, float]:
    """Return probit(mean share) and the inverse of its variance."""
    trials = effective_trials(shares)
    p = (float(shares.mean()) * trials + 0.5) / (trials + 1)
    z = probit(p)
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return z, trials * density**2 / (p * (1 - p))
