"""The trend: extrapolated as far as the theory goes, and no farther."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quiver.diagnosis.trend import (
    BELIEF,
    PERFECT_TRIALS,
    extrapolate,
    fit_line,
    on_normal_scale,
)
from quiver.recall.intervals import normal_share, probit

SIZES = [2500, 5000, 10_000]


def scale(rows: float) -> float:
    return math.sqrt(2 * math.log(rows))


def shares_on(slope: float, level: float, queries: int, seed: int) -> list[np.ndarray]:
    """Return shares at the sizes, drawn from a line through a level at the last."""
    generator = np.random.default_rng(seed)
    found = [
        normal_share(level + slope * (scale(rows) - scale(SIZES[-1]))) for rows in SIZES
    ]
    return [generator.binomial(10, p, size=queries) / 10 for p in found]


def test_a_line_that_is_known_goes_on_where_the_theory_says() -> None:
    shares = shares_on(-1.6, 2.2, queries=40_000, seed=6)
    found = extrapolate(SIZES, shares, 100_000)
    beyond = scale(100_000) - scale(SIZES[-1])
    expected = normal_share(2.2 - 1.6 * BELIEF.flattening * beyond)
    assert abs(found.mean - expected) < 0.006
    assert found.low < expected < found.high


def test_where_queries_say_little_the_slope_is_the_one_believed() -> None:
    line = fit_line(SIZES, [on_normal_scale(np.ones(5))] * 3)
    assert abs(line.slope - BELIEF.slope) < 0.15
    assert 1 < line.certainty * BELIEF.spread**2 < 1.2


@pytest.mark.parametrize("level", [3.4, 2.5, 1.3, 0.0])
def test_intervals_hold_as_often_as_promised_where_lines_are_as_believed(
    level: float,
) -> None:
    n, draws, generator = 50_000, 200, np.random.default_rng(1)
    beyond = scale(n) - scale(SIZES[-1])
    held = 0
    for seed in range(draws):
        slope = min(0.0, generator.normal(BELIEF.slope, BELIEF.spread))
        found = extrapolate(SIZES, shares_on(slope, level, 200, seed), n)
        slope = BELIEF.flattening * slope + generator.normal(0, BELIEF.error)
        held += found.low <= normal_share(level + slope * beyond) <= found.high
    # Of 200 draws, a share of 95 % gives 190 with a standard deviation of 3.
    assert 181 <= held <= 199


def test_nothing_is_extrapolated_within_the_sample() -> None:
    shares = [np.full(500, 0.9)] * 2
    near, far = (extrapolate([500, 1000], shares, n) for n in (1000, 1_000_000))
    assert abs(near.mean - 0.9) < 0.02
    assert far.mean < near.mean
    assert far.high - far.low > near.high - near.low


def test_perfect_shares_stay_inside_the_unit_interval_and_may_be_perfect() -> None:
    found = extrapolate([100, 200, 400], [np.ones(50)] * 3, 10_000)
    assert 0 < found.low <= found.mean <= found.high < 1
    assert round(found.high, 4) == 1


def test_a_perfect_share_knows_less_than_one_with_a_miss_and_more_the_more_ask() -> (
    None
):
    missed = np.ones(200)
    missed[0] = 0.9
    (z, known), (lower, better_known) = map(on_normal_scale, (np.ones(200), missed))
    assert z > lower
    assert known < better_known
    assert on_normal_scale(np.ones(400))[0] > z


@pytest.mark.parametrize("p", [0.02, 0.3, 0.9, 0.999])
def test_many_trials_know_a_share_as_the_normal_approximation_does(p: float) -> None:
    shares = (np.random.default_rng(3).random((50_000, 10)) < p).mean(axis=1)
    z, known = on_normal_scale(shares)
    density = math.exp(-(probit(p) ** 2) / 2) / math.sqrt(2 * math.pi)
    assert abs(z - probit(float(shares.mean()))) < 0.002
    assert known == pytest.approx(500_000 * density**2 / (p * (1 - p)), rel=0.1)


@pytest.mark.parametrize(("trials", "hits"), [(600, 600), (600, 0), (40, 39), (7, 2)])
def test_the_moments_are_those_of_the_posterior(trials: int, hits: int) -> None:
    draws = np.random.default_rng(0).beta(hits + 0.5, trials - hits + 0.5, 100_000)
    # A share that rounds to 0 or 1 has no place on the normal scale.
    draws = np.clip(draws, 1e-15, 1 - 1e-15)
    points = np.array([probit(p) for p in draws])
    shares = np.ones(trials // PERFECT_TRIALS)
    if hits < trials:
        shares = np.arange(trials) < hits
    z, known = on_normal_scale(shares.astype(float))
    assert abs(z - points.mean()) < 0.02
    assert known == pytest.approx(1 / points.var(), rel=0.05)


def test_queries_that_share_few_answers_know_less_and_lose_more() -> None:
    shares = [np.full(1000, 0.99), np.full(1000, 0.98), np.full(1000, 0.99)]
    rows, n = [1000, 2000, 4000], 20_000
    usual = extrapolate(rows, shares, n)
    few, many = (extrapolate(rows, shares, n, most_trials=m) for m in (50, 1e9))
    assert few.low < many.low < usual.low
    assert few.mean < many.mean
