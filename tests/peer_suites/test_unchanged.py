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
HNSWLIB, PYNNDESCENT = "0.8.0", "0.7.0"
OF_HNSWLIB = {
    "bindings_test_bf_index.py": 1,
    "bindings_test.py": 1,
    "bindings_test_filter.py": 1,
    "bindings_test_getdata.py": 1,
    "bindings_test_labels.py": 1,
    "bindings_test_metadata.py": 1,
    "bindings_test_pickle.py": 3,
    "bindings_test_recall.py": 1,
    "bindings_test_replace.py": 2,
    "bindings_test_resize.py": 1,
    "bindings_test_spaces.py": 1,
    "bindings_test_stress_mt_replace.py": 1,
}
"""Files and how many tests each has."""


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


@pytest.mark.parametrize("file", OF_HNSWLIB)
def test_those_of_hnswlib(file: str, tmp_path: Path, say: Any) -> None:
    (path,) = unpacked("hnswlib", HNSWLIB, tmp_path).rglob(file)
    where = ("-s", str(path.parent), "-p", path.name)
    code, told = run_python("-m", "unittest", "discover", *where, cwd=tmp_path)
    assert code == 0
    (n_run,) = re.findall(r"^Ran (\d+) tests? in", told, re.MULTILINE)
    say(f"hnswlib {HNSWLIB} on quiver, {file}: {n_run} passed, 0 skipped")
    assert int(n_run) == OF_HNSWLIB[file]


def test_no_file_of_hnswlib_is_left_out(tmp_path: Path) -> None:
    files = unpacked("hnswlib", HNSWLIB, tmp_path).rglob("bindings_test*.py")
    assert sorted(path.name for path in files) == sorted(OF_HNSWLIB)
    assert sum(OF_HNSWLIB.values()) == 15
    code, told = run_python("-c", "print(__import__('hnswlib'))", cwd=tmp_path)
    assert (code, str(SHIMS) in told) == (0, True)


def test_those_of_pynndescent(tmp_path: Path, say: Any) -> None:
    """There are 104. Of those skipped, 29 ask for a metric or a code that quiver does
    not have (11 of them for ``manhattan``), 18 are of trees, buffers, closures and what
    is printed of them, and 3 make no index."""
    pytest.importorskip("numba", reason="pynndescent needs numba")
    pytest.importorskip("sklearn", reason="needs the extra `sklearn`")
    sources = unpacked("pynndescent", PYNNDESCENT, tmp_path)
    plugins = ("-p", "nndescent", "-p", "no:cacheprovider", "-rs")
    tests = ("--pyargs", "pynndescent.tests.test_pynndescent_")
    code, told = run_python(
        *("-m", "pytest", "-q", *plugins, *tests), cwd=tmp_path, also=sources
    )
    assert code == 0
    n_passed, n_skipped = map(int, re.findall(r"(\d+) passed, (\d+) skipped", told)[0])
    counts = f"{n_passed} passed, {n_skipped} skipped"
    say(f"pynndescent {PYNNDESCENT} on quiver: {counts}")
    say("\n".join(re.findall(r"^SKIPPED .+", told, re.MULTILINE)))
    assert (n_passed, n_skipped) == (54, 50)
