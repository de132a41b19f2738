"""Tests that hnswlib and pynndescent wrote, unchanged, on quiver in their place.

What their own authors hold a search to. The modules of ``shims`` have their words.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from peer_sources import unpacked

import quiver

SHIMS = Path(__file__).parent / "shims"


def run_python(*args: str, cwd: Path, also: Path | None = None) -> tuple[int, str]:
    """Run Python with the shims before all else; return its code and last lines."""
    places = [str(SHIMS), *([str(also)] if also else []), *filter(None, sys.path)]
    done = subprocess.run(
        [sys.executable, *args],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=540,
        check=False,
    )
    print(done.stdout)
    return done.returncode, done.stdout


@pytest.fixture
def say(capsys: Any) -> Any:
    """Return a function that prints in spite of pytest."""

    def shown(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}")

    return shown


@pytest.fixture(autouse=True)
def compiled() -> None:
    if quiver.get_backend().name == "reference":
        pytest.skip("only the reference backend is here: too slow for these suites")


def test_those_of_hnswlib(tmp_path: Path, say: Any) -> None:
    sources = unpacked("hnswlib", "0.8.0", tmp_path)
    assert run_python("-c", "import hnswlib; hnswlib.quiver", cwd=tmp_path)[0] == 0
    n_passed = 0
    for part in ("tests/python", "python_bindings/tests"):
        where = ("-s", str(sources / part), "-p", "bindings_test*.py")
        code, told = run_python("-m", "unittest", "discover", *where, cwd=tmp_path)
        assert code == 0
        n_passed += int(re.findall(r"^Ran (\d+) tests? in", told, re.MULTILINE)[0])
    say(f"hnswlib 0.8.0 on quiver: {n_passed} passed, 0 skipped")
    assert n_passed == 15


def test_those_of_pynndescent(tmp_path: Path, say: Any) -> None:
    """There are 104. Of those skipped, 30 ask for a metric or a code that quiver does
    not have (11 of them for ``manhattan``), 17 are of trees, buffers, closures and what
    is printed of them, and 3 make no index."""
    pytest.importorskip("numba", reason="pynndescent needs numba")
    pytest.importorskip("sklearn", reason="needs the extra `sklearn`")
    sources = unpacked("pynndescent", "0.7.0", tmp_path)
    plugins = ("-p", "nndescent", "-p", "no:cacheprovider", "-rs")
    tests = ("--pyargs", "pynndescent.tests.test_pynndescent_")
    code, told = run_python(
        *("-m", "pytest", "-q", *plugins, *tests), cwd=tmp_path, also=sources
    )
    assert code == 0
    n_passed, n_skipped = map(int, re.findall(r"(\d+) passed, (\d+) skipped", told)[0])
    say(f"pynndescent 0.7.0 on quiver: {n_passed} passed, {n_skipped} skipped")
    assert (n_passed, n_skipped) == (54, 50)
