"""The rule of verdicts: three words, each of which planted figures bring about."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quiver.auditing.judging import (
    FEWEST_MISSES,
    Estimate,
    Region,
    Vote,
    agree,
    half_effect,
    judge,
    missed_times,
    near_effects,
    no_effect,
)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (2.0, 3.0, "confirmed"),
        (2.5, 2.5, "confirmed"),
        (1.0, 1.9, "not reproduced"),
        (3.1, 9.0, "not reproduced"),
        (1.0, 2.0, "depends on"),
        (2.9, 3.1, "depends on"),
        (1.0, 9.0, "depends on"),
    ],
)
def test_an_interval_inside_outside_or_across_the_edge(
    low: float, high: float, word: str
) -> None:
    verdict = judge(Estimate((low + high) / 2, low, high), Region(2, 3))
    assert verdict.word == word
    assert f"{(low + high) / 2:.3g}" in verdict.reason


def test_other_data_than_the_claim_is_about_decide_nothing() -> None:
    verdict = judge(Estimate.exact(2.5), Region(2, 3), "asked by euclidean")
    assert verdict == ("depends on", "the data: asked by euclidean")
    assert judge(None, Region(), "too few").word == "depends on"


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [
        ((2.2, ""), (2.8, ""), "confirmed"),
        ((2.2, ""), (1.0, ""), "depends on"),
        ((1.0, ""), (1.1, ""), "not reproduced"),
        ((2.2, ""), (1.0, "no say"), "confirmed"),
        ((1.0, ""), (2.2, "no say"), "not reproduced"),
        ((1.0, "no say"), (2.2, "no say"), "depends on"),
    ],
)
def test_walks_that_have_a_say_must_agree(one, other, word: str) -> None:
    votes = [
        Vote(name, Estimate.exact(value), unmet)
        for name, (value, unmet) in zip("ab", (one, other), strict=True)
    ]
    verdict = agree(votes, Region(2, 3))
    assert verdict.word == word
    assert "by a, " in verdict.reason
    assert "by b, " in verdict.reason


def test_a_walk_that_needs_more_queries_leaves_the_claim_open() -> None:
    votes = [Vote("a", Estimate(2.5, 2.4, 2.6)), Vote("b", Estimate(2.5, 1.0, 4.0))]
    verdict = agree(votes, Region(2, 3))
    assert verdict.word == "depends on"
    assert verdict.reason.endswith("by b, more queries: 2.5 (1 … 4) crosses the edge")


def test_what_is_exact_must_be_met_exactly() -> None:
    region = Region(612, 612)
    assert judge(Estimate.exact(612), region).word == "confirmed"
    assert judge(Estimate.exact(612.5), region).word == "not reproduced"


def test_regions_follow_from_the_published_effect() -> None:
    assert half_effect(4) == (2, math.inf)
    assert near_effects(4, 9) == (2, 27)
    assert no_effect(1.04) == (0.8, 1.25)
    # What was published as no effect is within its own region.
    assert no_effect(1.5).most == 1.5


def test_a_region_is_told_in_words() -> None:
    told = [str(one) for one in (Region(2), Region(most=3), Region(2, 3), Region(5, 5))]
    assert told == ["at least 2", "at most 3", "2 … 3", "exactly 5"]


def test_misses_are_compared_query_by_query() -> None:
    rng = np.random.default_rng(0)
    hard = rng.integers(0, 6, size=400)
    # The same queries are hard for both: paired, the ratio is known well.
    worse, better = 2 * hard, hard
    paired, _ = missed_times(worse, better)
    crossed, _ = missed_times(worse, rng.permutation(better))
    assert paired is not None
    assert crossed is not None
    assert paired.value == crossed.value == pytest.approx(2, abs=0.01)
    assert paired.high - paired.low < 0.01 < crossed.high - crossed.low
    assert crossed.low < 2 < crossed.high


def test_an_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        found, _ = missed_times(rng.binomial(10, 0.2, 200), rng.binomial(10, 0.1, 200))
        assert found is not None
        covered += found.low <= 2 <= found.high
    assert 0.92 < covered / 400 < 0.98


def test_too_few_misses_tell_nothing() -> None:
    few = np.zeros(100, dtype=np.int64)
    few[: FEWEST_MISSES - 1] = 1
    none = np.zeros(100, dtype=np.int64)
    found, unmet = missed_times(few, none)
    assert found is None
    assert unmet == "29 and 0 neighbours are missed, too few to compare"


def test_none_missed_by_the_better_is_a_wide_interval_and_no_division_by_zero() -> None:
    worse, none = np.full(50, 4), np.zeros(50, dtype=np.int64)
    found, _ = missed_times(worse, none)
    assert found is not None
    assert 1 < found.low < found.value < found.high < math.inf
