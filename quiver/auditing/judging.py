"""Judging: from what was measured and what is claimed to one of three verdicts.

A claim names a region for one quantity, and the quantity was measured with an interval.

- *confirmed*: the whole interval lies inside the region;
- *not reproduced*: the whole interval lies outside of it;
- *depends on*: the interval crosses the edge, so more queries would decide, or the
  claim is of other data than those at hand, in a way that the claim itself names.

Most claims say that one setting misses so many times as many neighbours as another.
The ratio, not the difference, carries over from a million rows to a few thousand, where
every setting misses less. Its region follows from the published ratio r: an effect is
there if at least half of it is, on the scale of logarithms, which is the root of r; a
range of effects is met from its least half to its largest half again.

Intervals are at 95 %, of the queries: two settings answer the same ones, so what is
hard for both cancels.

A graph can be walked in two ways, by the program's distance and by the paper's. A walk
whose conditions are not met has no say. Those that have must agree; where one confirms
and one does not, the claim depends on the walk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver.recall.intervals import CONFIDENCE, probit

Word = Literal["confirmed", "not reproduced", "depends on"]

FEWEST_MISSES = 30
"""Misses of the worse of two settings, below which their ratio tells nothing."""

_FEW = 10
"""Misses below which a normal approximation will not do: they count as Poisson's."""

PLATEAU = 1.25
"""Times as many misses, either way, that count as no difference."""


class Region(NamedTuple):
    """Where a quantity lies if a claim is true; both ends belong to it."""

    least: float = -math.inf
    most: float = math.inf

    def __str__(self) -> str:
        """Return it in words."""
        if self.least == self.most:
            return f"exactly {self.least:g}"
        if math.isinf(self.most):
            return f"at least {self.least:.3g}"
        if math.isinf(self.least):
            return f"at most {self.most:.3g}"
        return f"{self.least:.3g} … {self.most:.3g}"


class Estimate(NamedTuple):
    """A measured quantity with its interval."""

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Estimate:
        """Return what was counted."""
        return cls(value, value, value)


class Verdict(NamedTuple):
    """One of the three words, and why."""

    word: Word
    reason: str


def judge(found: Estimate | None, region: Region, unmet: str = "") -> Verdict:
    """Return the verdict on a claim.

    Parameters
    ----------
    found : Estimate or None
        What was measured; None where nothing could be, for the reason of ``unmet``.
    region : Region
        Where it lies if the claim is true.
    unmet : str
        What of the claim's own conditions the data at hand do not meet, if anything.
    """
    if unmet or found is None:
        return Verdict("depends on", f"the data: {unmet}")
    value, low, high = found
    span = f"{value:.3g}" if low == high else f"{value:.3g} ({low:.3g} … {high:.3g})"
    if region.least <= low and high <= region.most:
        return Verdict("confirmed", f"{span} lies inside")
    if high < region.least or low > region.most:
        return Verdict("not reproduced", f"{span} lies outside")
    return Verdict("depends on", f"more queries: {span} crosses the edge")


class Vote(NamedTuple):
    """What one way to walk says: its name, a measurement, or why that tells nothing."""

    by: str
    found: Estimate | None
    unmet: str = ""


def agree(votes: Sequence[Vote], region: Region) -> Verdict:
    """Return the verdict of several ways to walk."""
    told = [(vote, judge(vote.found, region, vote.unmet)) for vote in votes]
    reasons = "; ".join(f"by {vote.by}, {verdict.reason}" for vote, verdict in told)
    words = {verdict.word for vote, verdict in told if not vote.unmet}
    if len(words) == 1:
        return Verdict(words.pop(), reasons)
    if words == {"confirmed", "not reproduced"}:
        return Verdict("depends on", f"the walk: {reasons}")
    return Verdict("depends on", reasons)


def missed_times(
    worse: NDArray[np.int64], better: NDArray[np.int64]
) -> tuple[Estimate | None, str]:
    """Return how many times as many neighbours one setting misses as another.

    Parameters
    ----------
    worse, better : ndarray of shape (q,), int64
        Neighbours of each query that either misses.

    Returns
    -------
    estimate : Estimate or None
        With its interval by the delta method, paired by query; None if both miss too
        few.
    unmet : str
        Why there is none.
    """
    # Sums of whole numbers: the same on every computer, in any order.
    a, b = int(worse.sum()), int(better.sum())
    if max(a, b) < FEWEST_MISSES:
        return None, f"{a} and {b} neighbours are missed, too few to compare"
    ratio = (a + 0.5) / (b + 0.5)
    half = probit((1 + CONFIDENCE) / 2) * math.sqrt(_log_variance(worse, better))
    return Estimate(ratio, ratio * math.exp(-half), ratio * math.exp(half)), ""


def _log_variance(worse: NDArray[np.int64], better: NDArray[np.int64]) -> float:
    """Return the variance of the logarithm of the ratio of two sums."""
    q, a, b = len(worse), int(worse.sum()), int(better.sum())
    if min(a, b) < _FEW or q < 2:
        return 1 / (a + 0.5) + 1 / (b + 0.5)
    of_a = q * int(worse @ worse) - a * a
    of_b = q * int(better @ better) - b * b
    of_both = q * int(worse @ better) - a * b
    spread = of_a / (a * a) + of_b / (b * b) - 2 * of_both / (a * b)
    return max(0.0, spread) / (q - 1)


def half_effect(published: float) -> Region:
    """Return where a ratio of misses lies if at least half of an effect is there."""
    return Region(math.sqrt(published))


def near_effects(least: float, largest: float) -> Region:
    """Return where it lies if it is like a range of published ones."""
    return Region(math.sqrt(least), largest * math.sqrt(largest))


def no_effect(published: float) -> Region:
    """Return where it lies if two settings are as good as each other, as published."""
    most = max(PLATEAU, published)
    return Region(1 / most, most)
