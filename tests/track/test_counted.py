"""Counters of old come out of git: whenever the baseline moved, and at releases."""

from __future__ import annotations

import pytest

pytest.importorskip("asv", reason="needs the extra `bench`")

from kept_history import ABOUT, SUBJECT, baseline, git, make_repository
from track import counted
from track.commits import line_of
from track.history import Entry
from track.steps import steps

ANSWER = "answer instructions"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Ten commits, a baseline that moved twice, a compiler that changed, two tags."""
    folder = tmp_path_factory.mktemp("repository")
    baselines = {
        2: baseline(0.99, 1000),
        4: baseline(0.989, 1000),
        8: baseline(0.989, 2000, compiler="GCC 13"),
    }
    make_repository(folder, 10, baselines, [(5, "v0.1.0"), (0, "draft")])
    name = "-c", "user.name=a", "-c", "user.email=a@b"
    git(folder, *name, "tag", "-a", "v0.2.0", "-m", "x", "main~2")
    return folder


def test_commits_are_in_order_and_know_their_releases(repository):
    line = [*line_of(repository).values()]
    assert [one.subject for one in line] == [SUBJECT.format(n) for n in range(10)]
    assert [one.release for one in line] == [*[""] * 5, "v0.1.0", "", "v0.2.0", "", ""]
    assert line[5].name == "v0.1.0"
    assert line[0].name == line[0].commit[:8]
    assert line[1].date == "2023-11-15"


def test_what_the_gate_held_is_told_whenever_it_moved_and_at_releases(repository):
    line = line_of(repository)
    order = [*line]
    held = [
        (order.index(entry.commit), entry.place, entry.values)
        for entry in counted.counted(repository, line)
    ]
    recall = "demo-384 default ef=64 recall"
    assert [(at, place) for at, place, _ in held] == [
        (at, place) for at in (2, 4, 5, 7, 8) for place in ("any computer", "x86_64")
    ]
    assert [values["every backend"][recall] for _, _, values in held[::2]] == [
        *(0.99, 0.989, 0.989, 0.989, 0.989)
    ]
    assert held[1][2] == {"cython-avx2": {ANSWER: 1000}}


def test_only_the_loss_of_recall_is_a_step_and_not_the_new_compiler(repository):
    line = line_of(repository)
    (step,) = steps(counted.counted(repository, line))
    assert step.headline.words == "recall@10, ef=64"
    assert [*line].index(step.first.commit) == 4
    assert step.worse


def test_a_measured_commit_gets_the_instructions_of_its_processor(repository):
    commit = [*line_of(repository)][6]
    values = {"cython-avx2": {"batch": 1.0}, "numba": {"batch": 2.0}}
    entry = Entry(commit, ABOUT, {}, values)
    completed = counted.completed(repository, entry)
    assert completed.values == {
        "cython-avx2": {"batch": 1.0, ANSWER: 1000},
        "numba": {"batch": 2.0},
    }
    elsewhere = entry._replace(about={**ABOUT, "arch": "riscv64"})
    assert counted.completed(repository, elsewhere) == elsewhere
    before = entry._replace(commit=next(iter(line_of(repository))))
    assert counted.completed(repository, before) == before
