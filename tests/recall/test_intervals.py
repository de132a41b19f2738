"""Intervals: they cover the truth as often as they say, and nothing impossible."""

from __future__ import annotations

import numpy as np
import pytest

from quiver.recall.intervals import effective_trials, queries_needed, share_interval


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        # Ten neighbours of a query share its difficulty: clustered trials.
        difficulty = generator.beta(9, 1, size=200)
        shares = generator.binomial(10, difficulty) / 10
        interval = share_interval(shares)
        covered += interval.low <= 0.9 <= interval.high
    # Four standard deviations of a binomial count around 95 %.
    assert abs(covered - 380) < 4 * np.sqrt(400 * 0.95 * 0.05)


def test_an_interval_of_perfect_shares_stays_open_below() -> None:
    interval = share_interval(np.ones(50))
    assert interval.mean == interval.high == 1.0
    # Wilson's bound for 50 of 50, by its closed form n / (n + z²).
    assert interval.low == pytest.approx(50 / (50 + 1.959964**2), abs=1e-6)
    assert effective_trials(np.ones(50)) == 50


def test_independent_neighbors_count_as_many_trials() -> None:
    shares = np.random.default_rng(2).binomial(10, 0.8, size=2000) / 10
    assert 18_000 < effective_trials(shares) < 22_000
    assert effective_trials(np.repeat([0.0, 1.0], 30)) == 60


@pytest.mark.parametrize("target", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_number_of_perfect_queries_needed_is_the_least_that_proves_it(
    target: float, confidence: float
) -> None:
    needed = queries_needed(np.ones(3), target, confidence)
    assert share_interval(np.ones(needed), confidence).low >= target
    assert share_interval(np.ones(needed - 1), confidence).low < target


def test_the_number_of_queries_needed_counts_how_hits_hang_together() -> None:
    shares = np.array([1.0, 0.9, 1.0, 0.8, 1.0])
    needed = queries_needed(shares, 0.9, 0.9)
    few, enough = (np.tile(shares, n) for n in (needed // 5 - 1, needed // 5 + 1))
    assert share_interval(few, 0.9).low < 0.9 <= share_interval(enough, 0.9).low
