"""The kept file: appended only, small, and the same after it was read."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

import pytest
from kept_history import ABOUT, BACKENDS, quiet
from track import history
from track.headlines import MEASURED
from track.history import Entry

COMMITS = [f"{number:040x}" for number in range(30)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.jsonl"


def test_what_was_appended_is_read_in_that_order(path):
    entries = quiet(COMMITS)
    assert history.append(path, entries[:10]) == entries[:10]
    assert history.append(path, entries) == entries[10:]
    assert history.read(path) == entries


def test_times_keep_four_digits_and_counters_all(path):
    values = {"numba": {"batch": 0.0123456789, "recall": 0.98854321}}
    history.append(path, [Entry("abc", ABOUT, {}, values)])
    (entry,) = history.read(path)
    assert entry.values == {"numba": {"batch": 0.01235, "recall": 0.98854321}}


def test_a_second_measurement_adds_a_line_and_holds(path):
    history.append(path, [Entry("abc", ABOUT, {}, {"numba": {"batch": 2.0}})])
    first = path.read_text()
    again = {"numba": {"query": 1.0}, "cython-avx2": {"batch": 3.0}}
    history.append(path, [Entry("abc", ABOUT, {"query": "v"}, again)])
    assert path.read_text().startswith(first)
    assert history.read(path) == [
        Entry(
            "abc",
            ABOUT,
            {"query": "v"},
            {"numba": {"batch": 2.0, "query": 1.0}, "cython-avx2": {"batch": 3.0}},
        )
    ]


def test_computers_and_pythons_are_kept_apart(path):
    other = [{**ABOUT, "machine": "loud"}, {**ABOUT, "python": "3.14"}]
    values = {"numba": {"batch": 2.0}}
    entries = [Entry("abc", about, {}, values) for about in (ABOUT, *other)]
    assert history.append(path, entries) == entries
    places = [entry.place for entry in history.read(path)]
    assert places == ["quiet, Python 3.13", "loud, Python 3.13", "quiet, Python 3.14"]


def test_two_files_are_read_as_one(path, tmp_path):
    other = tmp_path / "other.jsonl"
    entries = quiet(COMMITS[:4])
    history.append(path, entries[:3])
    history.append(other, entries[2:])
    assert history.read(path, other, tmp_path / "absent.jsonl") == entries


def test_a_commit_costs_no_more_than_promised(path):
    """All headlines of every backend; in a pack git compresses them besides."""
    backends = [f"cython-{number:07}" for number in range(7)]
    (entry,) = quiet(COMMITS[:1], noise=0.02)
    entry = entry._replace(values=dict.fromkeys(backends, entry.values["numba"]))
    about = {**ABOUT, "cpu": "x" * 60, "os": "x" * 30, "ram": "x" * 10, "numba": ""}
    history.append(path, [entry._replace(about=about)])
    assert len(path.read_bytes()) <= history.MAX_LINE_BYTES


def test_a_hundred_commits_compress_to_a_quarter(path):
    history.append(path, quiet(COMMITS, noise=0.02))
    content = path.read_bytes()
    assert len(zlib.compress(content)) <= len(content) / 4


def test_a_longer_line_is_refused_and_nothing_is_written(path):
    entries = quiet(COMMITS[:1])
    names = [f"{'x' * 80}{number}" for number in range(60)]
    values = {name: {"recall": 1.0} for name in names}
    with pytest.raises(ValueError, match="may have 4096: follow fewer headlines"):
        history.append(path, [*entries, Entry("abc", ABOUT, {}, values)])
    assert not path.exists()


def test_lines_are_json_that_says_what_it_is(path):
    history.append(path, quiet(COMMITS[:1]))
    line = json.loads(path.read_text())
    assert line.keys() == {"commit", "about", "versions", "values"}
    assert line["values"].keys() == {*BACKENDS}


@pytest.mark.parametrize("line", ["<<<<<<< HEAD", '{"commit": "abc"}', "[]", ""])
def test_a_line_that_a_merge_left_is_named(path, line):
    history.append(path, quiet(COMMITS[:2]))
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(
        ValueError, match=r"history\.jsonl, line 3 must be one commit's"
    ):
        history.read(path)


def test_the_history_that_is_committed_can_be_read_and_holds_headlines_alone():
    committed = Path(__file__).parents[2] / "asv_bench" / "history.jsonl"
    names = {each.name for each in MEASURED}
    for entry in history.read(committed):
        assert re.fullmatch("[0-9a-f]{40}", entry.commit)
        assert all(numbers.keys() <= names for numbers in entry.values.values())
    lines = committed.read_bytes().splitlines(keepends=True)
    assert lines
    assert max(map(len, lines)) <= history.MAX_LINE_BYTES
