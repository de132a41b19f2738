"""Mutants are one change each, the same for the same seed, and die of failing tests."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if not hasattr(os, "fork"):
    pytest.skip("mutants are forked", allow_module_level=True)

from mutants import __main__ as command
from mutants import running
from mutants.c_sites import described, sites_in
from mutants.c_sites import planted as planted_c
from mutants.equivalent import Excuse, excuses, page, unfit
from mutants.naming import UNCHANGED, Change
from mutants.python_sites import planted as planted_python
from mutants.python_sites import sites_of
from mutants.reference import reference_mutants
from mutants.running import ENDLESS, Mutant, NoMutantError, run_all
from mutants.scalar import SOURCES, scalar_mutants

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "survivors.md"
SOURCE = '''
"""Words with 1 + 1 in them."""
from a import b

LEAST: int = 3

def near(x, y, k):
    """Return 2."""
    if not 0 <= x < k or x == y:
        msg = f"{x} + 1"
        raise ValueError(msg + "!")
    return min(-x, y[:k] * 2, key=True)
'''
HEADER = """\
/* a + b, 7 */
#define LEAST 3
static int near(int *x, size_t n)
{
    prefetch_bytes(x + 1, n);
    return n <= 0x0F ? -1 : (int)(n << 2) + *x;
}
"""


def test_every_change_of_python_is_one_and_is_told():
    changes = sites_of(SOURCE)
    assert [f"line {one.line}: {one.change}" for one in changes] == [
        "line 5: 3 -> 4",
        "line 5: 3 -> 2",
        "line 9: not 0 <= x < k or x == y -> not 0 <= x < k and x == y",
        "line 9: not 0 <= x < k -> 0 <= x < k",
        "line 9: 0 -> 1",
        "line 9: 0 -> -1",
        "line 9: x == y -> x != y",
        "line 12: min(-x, y[:k] * 2, key=True) -> min(y[:k] * 2, -x, key=True)",
        "line 12: min -> max",
        "line 12: -x -> x",
        "line 12: y[:k] * 2 -> y[:k] + 2",
        "line 12: :k -> :k + 1",
        "line 12: 2 -> 3",
        "line 12: 2 -> 1",
        "line 12: True -> False",
    ]
    assert {one.function for one in changes} == {"module", "near"}
    before = ast.unparse(ast.parse(SOURCE)).splitlines()
    for site in range(len(changes)):
        after = ast.unparse(planted_python(SOURCE, site)).splitlines()
        assert sum(x != y for x, y in zip(before, after, strict=True)) == 1


def test_every_change_of_c_is_one_and_neither_in_words_nor_directives():
    sites = sites_in(HEADER)
    changes = [(site.before, site.after) for site in sites]
    assert changes == [
        ("<=", "<"),
        ("0x0F", "0xe"),
        ("1", "2"),
        ("<<", ">>"),
        ("2", "3"),
        ("+", "-"),
    ]
    first = described(HEADER, sites)[0]
    assert first.line == 6
    assert first.name.startswith("near: <= -> < in `return n <= 0x0F ?")
    for site in sites:
        changed = planted_c(HEADER, site)
        lines = zip(HEADER.splitlines(), changed.splitlines(), strict=True)
        assert sum(before != after for before, after in lines) == 1


def test_there_are_many_of_the_reference_and_of_the_kernels():
    unchanged, *mutants = reference_mutants()
    names = [mutant.name for mutant in mutants]
    assert len(names) > 500
    assert unchanged.change == UNCHANGED
    assert names == [mutant.name for mutant in reference_mutants()[1:]]
    header = (SOURCES / "distance.h").read_text("utf-8")
    assert len(sites_in(header)) > 50


def test_the_name_of_a_change_stays_when_other_lines_change():
    names = [one.name for one in sites_of(SOURCE)]
    moved = SOURCE.replace("LEAST: int", "# 1\n\nLEAST: int")
    assert [one.name for one in sites_of(moved)] == names
    assert sites_of(moved)[0].line == 7
    lower = HEADER.replace("static", "\n/* 1 */\nstatic")
    described_there = described(lower, sites_in(lower))
    assert [x.name for x in described_there] == [
        x.name for x in described(HEADER, sites_in(HEADER))
    ]


def test_changes_of_one_name_are_numbered():
    names = [one.change for one in sites_of("def f():\n    return 0, 0, 1\n")]
    assert names[::2] == ["0 -> 1 (1 of 2)", "0 -> 1 (2 of 2)", "1 -> 2"]


def test_every_excuse_fits_one_mutant_and_the_page_tells_all():
    """After a change: PYTHONPATH=tools python -m mutants page > docs/survivors.md."""
    known = [*reference_mutants(), *scalar_mutants(Path())]
    names = [mutant.name for mutant in known]
    assert len({*names}) == len(names)
    assert unfit(excuses(), names) == []
    assert PAGE.read_text("utf-8") == page(excuses().values())


def test_an_excuse_whose_line_has_changed_fits_nothing():
    name, excuse = next(iter(excuses().items()))
    other = excuse.change._replace(text=excuse.change.text + " + 1")
    stale = excuse._replace(change=other)
    assert unfit({stale.name: stale}, [name]) == [stale.name]
    # Mutants of other files are not asked for.
    assert unfit({stale.name: stale}, ["else.py f: 1 -> 2 in `1`"]) == []


@pytest.fixture
def small_test(tmp_path, monkeypatch):
    """Make a test of a module that mutants change."""
    (tmp_path / "test_small.py").write_text("import small\ndef test(): small.right()\n")
    monkeypatch.setattr(running, "SECONDS", 4)
    return str(tmp_path / "test_small.py")


def mutant(test, right):
    """Return a mutant whose module has this for a function."""

    def install():
        sys.modules["small"] = type(sys)("small")
        sys.modules["small"].right = right

    return Mutant("small.py", named(right.__name__), ("-c", os.devnull, test), install)


def named(change):
    """Return a change of this name."""
    return Change(1, "right", change, "right()")


@pytest.mark.slow
def test_a_mutant_lives_dies_hangs_or_is_none(small_test, monkeypatch):
    def passes():
        pass

    def fails():
        raise AssertionError

    def crashes():
        os.abort()

    def hangs():
        while True:
            pass

    def refuse():
        raise NoMutantError

    mutants = [mutant(small_test, right) for right in (passes, fails, crashes, hangs)]
    mutants.append(Mutant("small.py", named("refuse"), (small_test,), refuse))
    killers = [outcome.killer for outcome in run_all(mutants, 2, lambda _: None)]
    assert killers[0] == ""
    assert killers[1].endswith("test_small.py::test")
    assert killers[2].startswith("a crash")
    assert killers[3:] == [ENDLESS, running.NO_MUTANT]


def test_where_no_test_runs_nothing_is_shown(small_test):
    def skips():
        pytest.skip("")

    without = "-c", os.devnull, "-k", "no_such", small_test
    none = mutant(small_test, print)._replace(tests=without)
    for silent in (none, mutant(small_test, skips)):
        with pytest.raises(SystemExit, match="the tests did not run"):
            run_all([silent], 1, lambda _: None)


@pytest.fixture
def run_command(small_test, monkeypatch, tmp_path):
    """Make the command run on mutants of the small module, as it runs on others."""
    out = tmp_path / "mutants.json"
    monkeypatch.setattr("sys.argv", ["mutants", "reference", "--out", str(out)])

    def run(*rights, excused=()):
        mutants = [mutant(small_test, right) for right in (sound, *rights)]
        monkeypatch.setattr(command, "reference_mutants", lambda: mutants)
        given = [Excuse("small.py", named(word), "says the same") for word in excused]
        monkeypatch.setattr(command, "excuses", lambda: {x.name: x for x in given})
        return command.main(), out

    return run


def sound():
    """Be what the test wants."""


def planted():
    """Be wrong where no test looks."""


def wrong():
    """Be wrong where a test looks."""
    raise AssertionError


def test_a_planted_mistake_that_no_test_finds_is_exit_code_1(run_command, capsys):
    code, out = run_command(wrong, planted)
    assert code == 1
    assert "1 SURVIVED, 1 killed" in capsys.readouterr().out
    verdicts = [row["verdict"] for row in json.loads(out.read_text())["mutants"]]
    assert verdicts == ["killed", "SURVIVED"]


@pytest.mark.slow
def test_mistakes_that_are_found_or_excused_are_exit_code_0(run_command, capsys):
    assert run_command(wrong, planted, excused=["planted"])[0] == 0
    assert "1 equivalent, 1 killed" in capsys.readouterr().out


@pytest.mark.slow
def test_an_excuse_for_what_a_test_kills_is_exit_code_1(run_command, capsys):
    assert run_command(wrong, planted, excused=["wrong", "planted"])[0] == 1
    assert "1 NOT EQUIVALENT, 1 equivalent" in capsys.readouterr().out


def test_an_excuse_that_fits_no_mutant_stops_the_run(run_command):
    with pytest.raises(SystemExit, match="excuses that fit no mutant"):
        run_command(wrong, planted, excused=["plantid"])


def test_a_test_that_fails_without_a_mistake_stops_the_run(run_command, monkeypatch):
    monkeypatch.setitem(globals(), "sound", wrong)
    with pytest.raises(SystemExit, match="without any change there fails"):
        run_command(planted)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(
    "failing", ["-m proofs", "mutants reference", "mutants scalar"]
)
def test_make_proofs_fails_if_one_of_its_commands_does(tmp_path, failing):
    for name in ("python", "pytest", "quiver"):
        stub = tmp_path / name
        stub.write_text(f'#!/bin/sh\ncase "$*" in *"{failing}"*) exit 1;; esac\n')
        stub.chmod(0o755)
    words = ["make", "-o", f"{tmp_path}/.installed-proofs", "proven"]
    settings = [f"VENV={tmp_path}", f"BIN={tmp_path}", "CC=cc"]
    done = subprocess.run([*words, *settings], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert failing in done.stdout
