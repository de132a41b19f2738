"""Mutants are one change each, the same for the same seed, and die of failing tests."""

from __future__ import annotations

import ast
import os
import re
import sys

import pytest

if not hasattr(os, "fork"):
    pytest.skip("mutants are forked", allow_module_level=True)

from mutants import __main__ as command
from mutants import running
from mutants.c_sites import described, planted, sites_in
from mutants.python_sites import planted as planted_python
from mutants.python_sites import sites_of
from mutants.reference import reference_mutants
from mutants.running import ENDLESS, Mutant, NoMutantError, run_all
from mutants.scalar import SOURCES

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
    assert changes == [
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
    assert described(HEADER, sites[0]).startswith(
        "line 6: <= -> < in `return n <= 0x0F"
    )
    for site in sites:
        changed = planted(HEADER, site)
        lines = zip(HEADER.splitlines(), changed.splitlines(), strict=True)
        assert sum(before != after for before, after in lines) == 1


def test_there_are_many_of_the_reference_and_of_the_kernels():
    names = [mutant.name for mutant in reference_mutants()]
    assert len(names) > 500
    assert names[0].endswith("unchanged")
    assert names == [mutant.name for mutant in reference_mutants()]
    header = (SOURCES / "distance.h").read_text("utf-8")
    assert len(sites_in(header)) > 50


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

    return Mutant("small.py", right.__name__, ("-c", os.devnull, test), install)


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
    mutants.append(Mutant("small.py", "refuse", (small_test,), refuse))
    killers = [outcome.killer for outcome in run_all(mutants, 2, lambda _: None)]
    assert killers[0] == ""
    assert killers[1].endswith("test_small.py::test")
    assert killers[2].startswith("a crash")
    assert killers[3:] == [ENDLESS, running.NO_MUTANT]


def test_without_a_test_nothing_is_shown(small_test):
    none = mutant(small_test, print)._replace(
        tests=("-c", os.devnull, "-k", "no_such", small_test)
    )
    with pytest.raises(SystemExit, match="the tests did not run"):
        run_all([none], 1, lambda _: None)


def test_a_survivor_is_told_and_is_exit_code_1(monkeypatch, capsys, tmp_path):
    one, two, three = (
        Mutant("small.py", change, (), lambda: None) for change in ("a", "b", "c")
    )
    killers = {one: "test_small.py::test", two: "", three: ""}

    def run_all(mutants, *_):
        # The first run is of what was not changed.
        found = [""] if len(mutants) == 1 else killers.values()
        return [
            running.Outcome(*pair, 1.0) for pair in zip(mutants, found, strict=True)
        ]

    monkeypatch.setattr(command, "reference_mutants", lambda: [one, one, two, three])
    monkeypatch.setattr(command, "run_all", run_all)
    out = tmp_path / "mutants.json"
    monkeypatch.setattr("sys.argv", ["mutants", "reference", "--out", str(out)])
    monkeypatch.setitem(command.EQUIVALENT, "small.py b", "says the same")
    assert command.main() == 1
    told = capsys.readouterr().out
    assert "1 SURVIVED, 1 equivalent, 1 killed" in told
    assert re.search('"verdict": "SURVIVED"', out.read_text())
    monkeypatch.setitem(command.EQUIVALENT, "small.py c", "says the same")
    assert command.main() == 0
