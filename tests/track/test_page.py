"""The front page: releases side by side, opened from a file, read without color."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("asv", reason="needs the extra `bench`")

from kept_history import ABOUT, baseline, make_repository, quiet
from track import history, page
from track.commits import Commit
from track.gathered import gathered
from track.headlines import HEADLINES
from track.history import Entry
from track.tables import shown
from track.words import change, number


@pytest.fixture
def published(tmp_path):
    """Return how to render a history of measured commits of a repository of ten."""

    def render(measured, tags=(), edit=lambda entries: entries):
        folder = tmp_path / "repository"
        folder.mkdir()
        make_repository(folder, 10, {0: baseline(0.99, 1000)}, tags)
        line = [*gathered(folder, []).line]
        path = tmp_path / "history.jsonl"
        history.append(path, edit(quiet([line[at] for at in measured])))
        return page.render(gathered(folder, [path]))

    return render


def headings(text, backend):
    table = re.search(rf"<table><caption>{backend}</caption>.*?</table>", text, re.S)[0]
    return re.findall(r'<th scope="col">(.*?)</th>', table)


def test_the_last_releases_stand_side_by_side_and_what_came_since(published):
    tags = [(at, f"v0.{at}.0") for at in (0, 1, 3, 4, 5, 6)]
    text = published(range(8), tags)
    columns = [column.split(",")[0] for column in headings(text, "numba")[1:6]]
    assert columns[:4] == ["v0.3.0", "v0.4.0", "v0.5.0", "v0.6.0"]
    assert re.fullmatch("[0-9a-f]{8}", columns[4])


def test_without_releases_the_last_commits_stand_there(published):
    assert [column[-10:] for column in headings(published(range(8)), "numba")[1:6]] == [
        f"2023-11-{day}" for day in range(17, 22)
    ]


def test_the_newest_commit_is_shown_once_even_if_it_is_a_release():
    entries = [Entry(name, ABOUT, {}, {}) for name in "abc"]
    line = {"a": "v1", "b": "", "c": "v2"}
    commits = {name: Commit(name, 0, "", tag) for name, tag in line.items()}
    assert [one.commit for one in shown(entries, commits)] == ["a", "c"]


def test_counters_stand_beside_times(published):
    text = published(range(3))
    table = re.search(r"<caption>cython-avx2</caption>.*?</table>", text, re.S)[0]
    for words in ("200 queries", "recall@10", "hot bytes a vector", "of answer"):
        assert words in table


def test_nothing_is_fetched_and_links_are_relative(published):
    text = published(range(3))
    assert "<script" not in text
    assert "//" not in text.replace("<!doctype html>", "")
    links = {*re.findall(r'(?:href|src)="([^"]*)"', text)}
    assert "asv/index.html" in links
    assert all(link.startswith("asv/index.html") for link in links)


def test_texts_from_outside_are_escaped(published):
    def hostile(entries):
        about = {**ABOUT, "machine": "<b>m</b>"}
        values = {"<i>b</i>": {"batch": 1.0}}
        return [entry._replace(about=about, values=values) for entry in entries]

    text = published(range(3), edit=hostile)
    assert "<b>m" not in text
    assert "<i>b" not in text
    assert "&lt;i&gt;b" in text


def test_without_measurements_the_gate_is_shown_and_nothing_is_promised(published):
    text = published([])
    assert "No commit of this line has been measured yet." in text
    assert "asv/index.html" not in text
    assert "Counted by the gate: any computer" in text


def test_commits_of_another_line_are_left_out_and_said(published):
    def astray(entries):
        return [*entries, entries[0]._replace(commit="f" * 40)]

    text = published(range(3), edit=astray)
    assert "Left out, of commits elsewhere: 1 entries." in text
    assert "ffffffff" not in text


def test_a_step_between_commits_that_were_not_measured_says_so(published):
    def lost(entries):
        entries[-1].values["numba"]["recall"] -= 0.001
        return entries

    assert "or one of the 3 before it: Change &lt;8&gt;" in published(
        [0, 4, 8], edit=lost
    )


def test_instructions_that_the_gate_takes_for_the_same_are_folded_away(tmp_path):
    counts = {0: 1000, 1: 1020, 3: 1041}
    baselines = {at: baseline(0.99, count) for at, count in counts.items()}
    text = page.render(gathered(make_repository(tmp_path, 5, baselines), []))
    regressions, folded = text.split("<details>")
    assert "Change &lt;3&gt;" in regressions.split("<h2>")[1]
    assert "Change &lt;1&gt;" not in regressions
    assert "moved by 2% at most: 1 times" in folded
    assert "Change &lt;1&gt;" in folded
    # Its baseline moved at that very commit, whatever lies between.
    assert "or one of" not in text


def test_numbers_and_changes_are_words():
    batch, recall, more = (HEADLINES[name] for name in ("batch", "recall", "distances"))
    assert number(batch, 0.00123) == "1.23ms"
    assert number(recall, 0.9885) == "98.85 %"
    assert number(more, 1242.77) == "1,242.77"
    assert number(more, 264.0) == "264"
    assert number(more, None) == "\N{EN DASH}"
    assert change(recall, 0.9885, 0.9875).endswith("-0.10 points, found less")
    assert change(recall, 0.9875, 0.9885).endswith("+0.10 points, found more")
    assert change(batch, 1.0, 1.1) == "+10.00%, slower"
    assert change(batch, 1.0, 1.04) == "\N{ALMOST EQUAL TO} +4.00%"
    assert change(batch, 1.0, 0.9) == "-10.00%, faster"
    assert change(more, 100, 101).endswith("+1.00%, more")
    assert change(more, 100, 100) == "= equal"
    assert change(more, 0, 3).endswith("from 0 to 3, more")
    assert change(more, None, 3) == "\N{EN DASH}"
