"""Where numbers moved: every change of a counter, steps of times, nothing in noise."""

from __future__ import annotations

import pytest

pytest.importorskip("asv", reason="needs the extra `bench`")

from track.history import Entry
from track.noise import drawn, found, shares
from track.steps import Point, steps

COMMITS = "abcdefghij"


def entries(name, values, versions=None):
    return [
        Entry(
            commit,
            {"machine": "quiet"},
            {name: version},
            {} if value is None else {"numba": {name: value}},
        )
        for commit, value, version in zip(
            COMMITS, values, versions or [""] * len(values), strict=False
        )
    ]


def test_every_change_of_a_counter_is_told_with_both_commits():
    worse, better = steps(entries("recall", [0.9885, 0.9885, 0.9875, None, 0.9880]))
    assert (worse.last, worse.first) == (Point("b", 0.9885), Point("c", 0.9875))
    assert (better.last, better.first) == (Point("c", 0.9875), Point("e", 0.9880))
    assert [worse.worse, better.worse] == [True, False]
    assert [worse.n_after, better.n_after] == [2, 1]


@pytest.mark.parametrize("name", ["distances", "bytes", "answer instructions"])
def test_more_of_what_costs_is_worse(name):
    (step,) = steps(entries(name, [100, 101]))
    assert step.worse


def test_counts_of_two_compilers_or_versions_are_not_compared():
    counts, versions = [100, 100, 200, 201], ["GCC 12", "GCC 12", "GCC 13", "GCC 13"]
    (step,) = steps(entries("answer instructions", counts, versions))
    assert (step.last.value, step.first.value) == (200, 201)
    assert steps(entries("batch", [1.0] * 4 + [2.0] * 4, ["a"] * 4 + ["b"] * 4)) == []


def test_what_is_followed_no_more_is_passed_over():
    assert steps(entries("latency of old", [1.0, 2.0])) == []


def test_a_slowdown_is_found_where_it_began():
    (step,) = found([1.0, 1.01, 0.99, 1.0, 1.01, 1.1, 1.11, 1.09, 1.1, 1.11])
    assert (step.last.commit, step.first.commit) == ("4", "5")
    assert step.worse
    assert step.n_after == 5


@pytest.mark.parametrize(
    "times",
    [
        [],
        [1.0],
        [1.0] * 10,
        [1.0, 1.01, 0.99, 1.0, 1.01, 1.04, 1.03, 1.05, 1.04, 1.03],
        [1.0, 1.01, 0.99, 1.0, 1.01, 0.8, 0.81, 0.79, 0.8, 0.81],
        [1.0, 1.01, 0.99, 1.0, 1.3, 1.01, 0.99, 1.0, 1.01, 1.0],
    ],
    ids=["none", "one", "equal", "below 5 %", "faster", "one busy commit"],
)
def test_what_is_no_slowdown_is_not_told(times):
    assert found(times) == []


@pytest.mark.parametrize("noise", [0.01, 0.02])
def test_a_tenth_is_found_within_six_commits_as_the_docs_say(noise):
    alarms, hits, at_the_commit = shares(noise, after=6)
    assert alarms <= 0.01
    assert hits >= 0.95
    assert at_the_commit >= 0.9


def test_the_noise_told_is_the_noise_there_is():
    times = drawn(0.02, 60, seed=1)
    times[30:] *= 1.2
    (step,) = found(times)
    assert step.noise == pytest.approx(0.02, rel=0.3)
