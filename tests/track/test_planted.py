"""A slowdown of 10 % and a loss of 0.1 points of recall in a copy of a history."""

from __future__ import annotations

from html import escape

import pytest

pytest.importorskip("asv", reason="needs the extra `bench`")

from kept_history import BACKENDS, SUBJECT, baseline, make_repository, quiet
from track import history, page
from track.commits import line_of
from track.gathered import gathered
from track.steps import steps

N_COMMITS, PLANTED = 40, 25


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    return make_repository(folder, N_COMMITS, {0: baseline(0.99, 1000)})


@pytest.fixture
def kept(repository, tmp_path):
    """Return how to write a history of all commits at some noise."""

    def write(noise, seed=0):
        path = tmp_path / "history.jsonl"
        history.append(path, quiet(line_of(repository), noise, seed))
        return path

    return write


def planted(path):
    """Copy a history; from one commit on, batches take longer and recall is less."""
    entries = history.read(path)
    for entry in entries[PLANTED:]:
        entry.values["cython-avx2"]["batch"] *= 1.1
        for backend in BACKENDS:
            entry.values[backend]["recall"] -= 0.001
    copy = path.with_name("planted.jsonl")
    history.append(copy, entries)
    return copy


def told(repository, path):
    """Return backend, headline and number of the commit of every step."""
    tracked = gathered(repository, [path])
    order = [*tracked.line]
    return {
        (step.backend, step.headline.name, order.index(step.first.commit))
        for step in steps([*tracked.measured, *tracked.counted])
        if step.worse
    }


@pytest.mark.parametrize("noise", [0.0, 0.005, 0.01, 0.02, 0.03])
def test_both_are_found_at_their_commit_and_nothing_in_the_original(
    repository, kept, noise
):
    path = kept(noise)
    assert told(repository, path) == set()
    assert told(repository, planted(path)) == {
        ("cython-avx2", "batch", PLANTED),
        *((backend, "recall", PLANTED) for backend in BACKENDS),
    }


def test_the_page_names_the_commit_of_both(repository, kept):
    path = kept(0.01)
    before = page.render(gathered(repository, [path]))
    after = page.render(gathered(repository, [planted(path)]))
    subject = escape(SUBJECT.format(PLANTED))
    assert "None was found." in before
    assert subject not in before
    regressions = after.split("<h2>")[1]
    assert regressions.startswith("Regressions")
    assert regressions.count(subject) == 2
    assert "-0.10 points, found less" in regressions
    assert "cython-avx2, cython-scalar, numba; quiet, Python 3.13" in regressions
