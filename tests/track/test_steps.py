"""Where numbers moved: every change of a counter, steps of times, nothing in noise."""

from __future__ import annotations

import pytest

pytest.importorskip("asv", reason="needs the extra `bench`")

from track.history import Entry
from track.noise import found
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
