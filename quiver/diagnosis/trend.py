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

# Beside each constant what ``tools/measure_forecast.py`` finds, for kinds of data with
# and without norms that vary; docs/diagnosis.md shows its table.
FLATTENING = 0.85
"""How steep the line is beyond the sample, as a share of its slope within it.
Found: 0.9 by least squares in graphs pruned in one round; 0.64 in today's, most of
which lose too little to tell."""


class Belief(NamedTuple):
    """What is believed of a slope, before and beyond what the sample says.

    Attributes
    ----------
    slope, spread : float
        Loss on the normal scale per unit of sqrt(2 ln n), and its standard deviation.
    error : float
        Standard deviation of the slope beyond the sample from the one within.
    most_trials : float
        Independent trials at each size, at most: queries that share their answers
        succeed or fail together.
    """

    slope: float
    spread: float
    error: float
    most_trials: float = math.inf

    def doubted(self) -> Belief:
        """Return it where a walk sees most of a sample, and hides how recall falls."""
        return self._replace(error=2 * self.error)


USUAL = Belief(-1.3, 0.5, 0.35)
"""Found: -1.5, 0.5 and 0.30 in graphs pruned in one round; -1.0, 1.0 and 0.83 today."""

OFF_CENTER = Belief(-2.5, 1.0, 1.0)
"""Where the same few rows answer nearly every query; see `Sample.belief`. Found
for eight kinds of data: -3.4 and 1.4 within samples of 4 000 rows, beyond them -2.1 and
1.0."""


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
    rows: Sequence[int], shares: Sequence[Lanes], belief: Belief = USUAL
) -> Line:
    """Fit per-query shares at a few sizes by weighted least squares.

    Each size weighs by what its queries know, half a miss is added so that a perfect
    share stays finite, and the slope is drawn towards what is believed.
    """
    x = np.sqrt(2 * np.log(rows))
    z, weights = np.array(
        [on_normal_scale(share, belief.most_trials) for share in shares]
    ).T
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
    belief: Belief = USUAL,
) -> Interval:
    """Return the share expected at n rows, from per-query shares at a few sizes.

    The line is raised by ``shift`` on the normal scale. Beyond the sample it goes on
    ``FLATTENING`` times as steep. The interval joins the variances of level and slope
    with the error of what is believed.
    """
    line = fit_line(rows, shares, belief)
    last = math.sqrt(2 * math.log(rows[-1]))
    within, beyond = last - line.center, math.sqrt(2 * math.log(n)) - last
    way = within + FLATTENING * beyond
    expected = line.level + line.slope * way + shift
    variance = 1 / line.known + way**2 / line.certainty + (belief.error * beyond) ** 2
    reach = probit((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    return Interval(
        normal_share(expected),
        normal_share(expected - reach),
        normal_share(expected + reach),
    )


def on_normal_scale(
    shares: Lanes, most_trials: float = math.inf
) -> tuple[float, float]:
    """Return probit(mean share) and the inverse of its variance."""
    trials = min(most_trials, effective_trials(shares))
    p = (float(shares.mean()) * trials + 0.5) / (trials + 1)
    z = probit(p)
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return z, trials * density**2 / (p * (1 - p))
