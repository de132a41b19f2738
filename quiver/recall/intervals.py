"""Intervals of a mean share, and the normal curve they rest on.

Source: Wilson's score interval (JASA 1927), which stays inside 0 … 1 and does not
collapse at the ends; the design effect of clustered samples (Kish, 1965), because the
k neighbours of one query succeed or fail together.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from quiver._typing import Lanes

CONFIDENCE = 0.95

# Equal shares differ by less than this squared when their mean is subtracted.
_ROUNDING = 1e-24

_NORMAL = NormalDist()


class Interval(NamedTuple):
    """A share with its confidence interval, all in 0 … 1."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the share and its interval in percent."""
        return f"{100 * self.mean:.1f} % ({100 * self.low:.1f} … {100 * self.high:.1f})"


def share_interval(shares: Lanes, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of per-query shares with its two-sided interval.

    Parameters
    ----------
    shares : ndarray of shape (q,), float64
        One share in 0 … 1 per query, q >= 1.
    confidence : float, default 0.95
        Inside 0 … 1.

    Returns
    -------
    Interval
        Wilson's, for `effective_trials` of them.
    """
    p = float(shares.mean())
    trials = effective_trials(shares)
    z2 = probit((1 + confidence) / 2) ** 2
    center = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = p * (1 - p) / trials + z2 / (4 * trials**2)
    half = math.sqrt(z2 * spread) / (1 + z2 / trials)
    return Interval(p, max(0.0, min(p, center - half)), min(1.0, max(p, center + half)))


def effective_trials(shares: Lanes) -> float:
    """Return how many independent trials know as much as these shares, >= q.

    Where all shares are equal nothing tells how the hits of one query hang together,
    so each query counts once.
    """
    p, variance = float(shares.mean()), float(shares.var())
    if variance < _ROUNDING:
        return float(len(shares))
    return len(shares) * max(1.0, p * (1 - p) / variance)


def queries_needed(shares: Lanes, target: float, confidence: float) -> int:
    """Return how many queries like these would show a mean above a target.

    Parameters
    ----------
    shares : ndarray of shape (q,), float64
        One share per query; their mean is above ``target``.
    target : float
        What the low end of `share_interval` must reach.
    confidence : float
        Of that interval, inside 0 … 1.

    Notes
    -----
    Wilson's low end is the share t for which ``(p - t)² = z² t (1 - t) / trials``;
    solved here for the trials, of which each query brings as many as it did.
    """
    p, z = float(shares.mean()), probit((1 + confidence) / 2)
    trials = z * z * target * (1 - target) / (p - target) ** 2
    return math.ceil(trials * len(shares) / effective_trials(shares))


def probit(share: float) -> float:
    """Return the point of the standard normal curve with this share below it."""
    return _NORMAL.inv_cdf(share)


def normal_share(z: float) -> float:
    """Return the share of the standard normal curve below a point."""
    return _NORMAL.cdf(z)
