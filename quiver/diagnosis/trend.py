"""Trend: recall at a few sizes of the base, continued to n rows.

A neighbour is lost when noise outweighs its lead over its strongest rivals; the extreme
of n normal variables grows like sqrt(2 ln n), so on the normal scale recall falls along
a straight line in that variable. ``docs/diagnosis.md`` shows how well this held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from quiver._typing import Lanes
from quiver.recall.intervals import (
    CONFIDENCE,
    Interval,
    effective_trials,
    normal_share,
    probit,
)


class Belief(NamedTuple):
    """What is believed of a line before the sample is asked, and beyond it.

    Attributes
    ----------
    slope, spread : float
        Loss on the normal scale per unit of sqrt(2 ln n), and its standard deviation
        over kinds of data.
    flattening : float
        How steep the line is beyond the sample, as a share of its slope within it.
    error : float
        Standard deviation of the slope beyond from that.
    """

    slope: float
    spread: float
    flattening: float
    error: float


BELIEF = Belief(slope=-1.0, spread=0.7, flattening=0.9, error=0.7)
"""Of those that ``tools/measure_forecast.py`` tries, one whose intervals hold as much
as they promise and are among the narrowest."""

OFF_CENTER = Belief(slope=-2.0, spread=1.0, flattening=0.9, error=1.0)
"""Where the same few rows answer nearly every query; see `Sample.most_trials`. Set by
hand, for two kinds of bytes whose recall falls twice as steeply as that of others."""

PERFECT_TRIALS = 6
"""Independent trials that a query for ten neighbours counts for where all find
everything, and nothing tells how the hits of one hang together. Where some miss, but
less than 3 %, it counts for more in nine of ten cases measured, in the median for 9."""

# In spreads around the likeliest; a perfect share leaves room above.
_STEPS = np.linspace(-12, 12, 121)


class Point(NamedTuple):
    """A share on the normal scale, and the inverse of its variance."""

    z: float
    known: float


class Line(NamedTuple):
    """Share on the normal scale over sqrt(2 ln rows), within a sample.

    Attributes
    ----------
    center, level, slope : float
        The line passes ``level`` at ``center``; it never rises.
    known, certainty : float
        Inverse variances of level and slope.
    """

    center: float
    level: float
    slope: float
    known: float
    certainty: float


def fit_line(
    rows: Sequence[int], points: Sequence[Point], belief: Belief = BELIEF
) -> Line:
    """Fit points at a few sizes by least squares, weighted by what is known of each.

    The slope is drawn towards what is believed.
    """
    x = np.sqrt(2 * np.log(rows))
    z, weights = np.array(points).T
    center, level = np.average(x, weights=weights), np.average(z, weights=weights)
    belief_weight = 1 / belief.spread**2
    certainty = belief_weight + float((weights * (x - center) ** 2).sum())
    slope = float((weights * (x - center) * (z - level)).sum())
    slope = min(0.0, (slope + belief_weight * belief.slope) / certainty)
    return Line(float(center), float(level), slope, float(weights.sum()), certainty)


def extrapolate(
    rows: Sequence[int],
    shares: Sequence[Lanes],
    n: int,
    *,
    shift: float = 0.0,
    most_trials: float = math.inf,
) -> Interval:
    """Return the share expected at n rows, from per-query shares at a few sizes.

    The line is raised by ``shift`` on the normal scale. Each size has ``most_trials``
    independent trials at most: queries that share their answers succeed or fail
    together, and lose more as rows are added.
    """
    points = [on_normal_scale(share, most_trials) for share in shares]
    return continued(rows, points, n, belief_for(most_trials), shift)


def belief_for(most_trials: float) -> Belief:
    """Return what to believe where there are so many independent trials at most."""
    return OFF_CENTER if most_trials < math.inf else BELIEF


def continued(
    rows: Sequence[int],
    points: Sequence[Point],
    n: int,
    belief: Belief = BELIEF,
    shift: float = 0.0,
) -> Interval:
    """Return the share expected at n rows, from points at a few sizes.

    The interval, of `CONFIDENCE`, joins the variances of level and slope with that of
    the slope beyond the sample.
    """
    line = fit_line(rows, points, belief)
    last = math.sqrt(2 * math.log(rows[-1]))
    within, beyond = last - line.center, math.sqrt(2 * math.log(n)) - last
    way = within + belief.flattening * beyond
    expected = line.level + line.slope * way + shift
    variance = 1 / line.known + way**2 / line.certainty + (belief.error * beyond) ** 2
    reach = probit((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    return Interval(
        normal_share(expected),
        normal_share(expected - reach),
        normal_share(expected + reach),
    )


def on_normal_scale(shares: Lanes, most_trials: float = math.inf) -> Point:
    """Return what queries know of a share on the normal scale.

    Mean and variance are of Jeffreys' posterior of a binomial share, integrated: they
    stay finite where every query finds all, and as wide as that leaves open.
    """
    is_perfect = bool(shares.min() == 1)
    trials = len(shares) * PERFECT_TRIALS if is_perfect else effective_trials(shares)
    trials = min(most_trials, trials)
    hits = float(shares.mean()) * trials
    p = (hits + 0.5) / (trials + 1)
    likeliest = probit(p)
    density = math.exp(-likeliest * likeliest / 2) / math.sqrt(2 * math.pi)
    z = likeliest + math.sqrt(p * (1 - p) / trials) / density * _STEPS
    # Not by NormalDist, whose far tail is rounded to 0.
    ends = [(math.erfc(-at), math.erfc(at)) for at in (z / math.sqrt(2)).tolist()]
    found, missed = np.array(ends).T
    weights = (hits - 0.5) * np.log(found) + (trials - hits - 0.5) * np.log(missed)
    weights -= z * z / 2
    weights = np.exp(weights - weights.max())
    mean = float(np.average(z, weights=weights))
    return Point(mean, 1 / float(np.average((z - mean) ** 2, weights=weights)))
