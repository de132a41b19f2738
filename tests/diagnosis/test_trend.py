"""The trend: extrapolated as far as the theory goes, and no farther."""

from __future__ import annotations

import numpy as np

from quiver.diagnosis.trend import OFF_CENTER, USUAL, extrapolate
from quiver.recall.intervals import normal_share


def test_an_extrapolated_line_goes_on_where_the_theory_says() -> None:
    sizes, n = [2500, 5000, 10_000], 100_000
    generator = np.random.default_rng(6)

    def shares(rows: int) -> np.ndarray:
        p = normal_share(
            2.2 - 1.3 * (np.sqrt(2 * np.log(rows)) - np.sqrt(2 * np.log(1e4)))
        )
        return generator.binomial(10, p, size=4000) / 10

    found = extrapolate(sizes, [shares(rows) for rows in sizes], n)
    beyond = np.sqrt(2 * np.log(n)) - np.sqrt(2 * np.log(1e4))
    expected = normal_share(2.2 - 1.3 * 0.85 * beyond)
    assert abs(found.mean - expected) < 0.006
    assert found.low < expected < found.high


def test_nothing_is_extrapolated_within_the_sample() -> None:
    shares = [np.full(500, 0.9)] * 2
    near, far = (extrapolate([500, 1000], shares, n) for n in (1000, 1_000_000))
    assert abs(near.mean - 0.9) < 0.02
    assert far.mean < near.mean
    assert far.high - far.low > near.high - near.low


def test_perfect_shares_stay_inside_the_unit_interval() -> None:
    found = extrapolate([100, 200, 400], [np.ones(50)] * 3, 10_000)
    assert 0 < found.low <= found.mean <= found.high < 1


def test_queries_that_share_few_answers_know_less() -> None:
    shares = [np.full(1000, 0.99), np.full(1000, 0.98), np.full(1000, 0.99)]
    rows, n = [1000, 2000, 4000], 20_000
    many, few = (
        extrapolate(rows, shares, n, belief=OFF_CENTER._replace(most_trials=most))
        for most in (1e9, 50)
    )
    assert few.low < many.low
    assert few.mean < many.mean
    assert many.low < extrapolate(rows, shares, n).low


def test_a_doubted_belief_widens_the_interval_and_moves_no_mean() -> None:
    shares = [np.full(500, 0.98)] * 2
    sure, doubted = (
        extrapolate([500, 1000], shares, 10_000, belief=belief)
        for belief in (USUAL, USUAL.doubted())
    )
    assert doubted.mean == sure.mean
    assert doubted.low < sure.low
    assert doubted.high > sure.high
    within = extrapolate([500, 1000], shares, 1000, belief=USUAL.doubted())
    assert within == extrapolate([500, 1000], shares, 1000)
