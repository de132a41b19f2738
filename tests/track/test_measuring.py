"""Which benchmarks are run: the headlines, each of which the suite has."""

from __future__ import annotations

import importlib
import inspect
import platform
import re
import sys
from itertools import product
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="needs the extra `bench`")

from asv.machine import MachineCollection
from kept_history import make_repository
from track import __main__ as track
from track.headlines import HEADLINES, MEASURED

SUITE = Path(__file__).parents[2] / "asv_bench"


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Run no asv, but note what it would have been called with."""
    calls = []
    computers = str(tmp_path / "computers.json")
    monkeypatch.setattr(MachineCollection, "get_machine_file_path", lambda: computers)
    monkeypatch.setattr(track, "asv", lambda *words: calls.append(words))
    return calls


@pytest.fixture(scope="module")
def names():
    """Return what asv calls every benchmark with every combination of parameters."""
    modules = {each.benchmark.partition(".")[0] for each in MEASURED}
    sys.path.insert(0, str(SUITE))
    found = []
    for module in modules:
        for kind in vars(importlib.import_module(f"benchmarks.{module}")).values():
            if inspect.isclass(kind) and hasattr(kind, "params"):
                found += named(f"{module}.{kind.__name__}", kind)
    yield found
    sys.path.remove(str(SUITE))
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


def named(prefix, kind):
    for values in product(*kind.params):
        words = ", ".join(map(repr, values))
        yield from (f"{prefix}.{method}({words})" for method in dir(kind))


@pytest.mark.parametrize("headline", MEASURED, ids=lambda headline: headline.name)
def test_every_headline_is_one_benchmark_of_the_suite_per_backend(headline, names):
    from benchmarks.common import BACKENDS

    taken = [name for name in names if re.search(headline.pattern, name)]
    assert len(taken) == len(BACKENDS)


def test_no_two_headlines_have_one_name():
    assert [*HEADLINES][: len(MEASURED)] == [each.name for each in MEASURED]
    assert len(HEADLINES) == len({each.name for each in HEADLINES.values()})


def test_a_range_is_run_with_the_headlines_alone(asked):
    track.measure("HEAD~2..", "quiet", ["--quick"])
    (run,) = asked
    assert run[:4] == ("run", "HEAD~2..", "--machine", "quiet")
    assert run[4:] == (*(f"--bench={each.pattern}" for each in MEASURED), "--quick")


@pytest.mark.parametrize("flags", [["--bench", "Search"], ["--bench=Search"], ["-bX"]])
def test_other_benchmarks_can_be_asked_for(asked, flags):
    track.measure("HEAD^!", "quiet", flags)
    assert asked == [("run", "HEAD^!", "--machine", "quiet", *flags)]


def test_a_computer_with_a_name_of_its_own_is_known_by_more_than_that(asked):
    track.introduce("quiet")
    known = MachineCollection.load("quiet")
    assert known["machine"] == "quiet"
    assert known["arch"] == platform.machine()
    MachineCollection.save("quiet", {**known, "ram": "much"})
    track.introduce("quiet")
    assert MachineCollection.load("quiet")["ram"] == "much"


def test_without_a_range_the_pages_are_made_and_nothing_is_run(asked, tmp_path):
    repository = tmp_path / "repository"
    repository.mkdir()
    make_repository(repository, 3)
    kept = tmp_path / "history.jsonl"
    where = ["--repository", str(repository), "--history", str(kept)]
    site = ["--site", str(tmp_path / "site")]
    track.main(["", *where, *site, "--machine", "quiet"])
    assert asked == []
    assert not kept.exists()
    page = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "No commit of this line has been measured yet." in page
