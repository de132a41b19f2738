"""Where Numba keeps compiled kernels, never to take those of other sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import quiver

pytest.importorskip("numba", reason="needs the extra `numba`")

from quiver.backends._numba import caching

# The modules with the fewest kernels: seconds to compile.
TALLY = """
print(caching.cache_folder())
stats = [kernel.stats for kernel in vars(module).values() if hasattr(kernel, "stats")]
print(sum(sum(s.cache_hits.values()) for s in stats),
      sum(sum(s.cache_misses.values()) for s in stats))
"""
USE_KEYS = f"""
from quiver.backends._numba import caching, primitives as module
print(module.make_key(0.0, 7) % 2**32)
{TALLY}
"""
USE_TABLE = f"""
import numpy as np
from quiver.backends._numba import caching, seen as module
table = np.array([9, 9, 9, 0xFFFFFFFF], np.uint32)
print(module.see_in_table(table, 30, 0), *table)
{TALLY}
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy the package to where a test may change it."""
    package = Path(quiver.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", "*.npz", "*.npy")
    shutil.copytree(package, tmp_path / "installed" / "quiver", ignore=ignored)
    return tmp_path / "installed"


def start(
    folder: Path, code: str, home: Path, **environment: str
) -> subprocess.Popen[str]:
    """Run code with the package in a folder, for a user with this home."""
    known = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    home.mkdir(exist_ok=True)
    homes = dict.fromkeys(("HOME", "USERPROFILE", "LOCALAPPDATA"), str(home))
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    known = {**known, **homes, "XDG_CACHE_HOME": str(home), "PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, "-B", "-W", "always", "-c", code],
        env={**known, **environment},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str, int, int, str]:
    """Return what a kernel computed, the folder, hits, misses and warnings."""
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    computed, folder, counts = out.splitlines()
    hits, misses = map(int, counts.split())
    return computed, folder, hits, misses, errors


def make_unwritable(folder: Path) -> None:
    """Let nobody, not even root, write a cache beside the kernels."""
    # Below a file there is no folder.
    (folder / "quiver" / "backends" / "_numba" / "__pycache__").write_text("")


@pytest.mark.slow
def test_a_package_that_cannot_be_written_has_its_cache_in_the_users_folder(
    copied, tmp_path
):
    make_unwritable(copied)
    home = tmp_path / "home"
    _, folder, hits, misses, _ = finish(start(copied, USE_KEYS, home))
    assert Path(folder).is_relative_to(home)
    assert hits == 0
    assert misses > 0
    again = finish(start(copied, USE_KEYS, home))
    assert again == ("7", folder, misses, 0, "")


@pytest.mark.slow
def test_the_folder_that_the_environment_names_comes_first(copied, tmp_path):
    named = str(tmp_path / "named")
    process = start(copied, USE_KEYS, tmp_path / "home", NUMBA_CACHE_DIR=named)
    _, folder, _, misses, errors = finish(process)
    assert Path(folder).parent == Path(named)
    assert len([*Path(folder).rglob("*.nbc")]) == misses
    assert errors == ""


@pytest.mark.slow
def test_two_processes_that_compile_at_once_leave_one_cache_for_a_third(
    copied, tmp_path
):
    home = tmp_path / "home"
    both = [start(copied, USE_KEYS, home) for _ in range(2)]
    first, second = map(finish, both)
    assert first[:2] == second[:2]
    third = finish(start(copied, USE_KEYS, home))
    assert third[:2] == first[:2]
    assert third[3] == 0
    assert third[4] == ""


@pytest.mark.slow
def test_a_damaged_cache_is_compiled_past_and_named(copied, tmp_path):
    home = tmp_path / "home"
    computed, folder, *_ = finish(start(copied, USE_KEYS, home))
    for file in Path(folder).rglob("*.nbc"):
        file.write_bytes(file.read_bytes()[:40])
    found = finish(start(copied, USE_KEYS, home))
    assert found[:2] == (computed, folder)
    assert found[4].count("SlowBackendWarning") == 1
    assert "delete that folder" in found[4]
    assert folder in found[4]


@pytest.mark.slow
def test_an_upgrade_that_changes_a_constant_elsewhere_recompiles_what_has_it(
    copied, tmp_path
):
    home = tmp_path / "home"
    before = finish(start(copied, USE_TABLE, home))
    assert before[0] == "1 9 9 9 0"
    keys = copied / "quiver" / "reference" / "keys.py"
    source = keys.read_text("utf-8")
    assert source.count("NO_ID = np.uint32(0xFFFF_FFFF)") == 1
    keys.write_text(source.replace("np.uint32(0xFFFF_FFFF)", "np.uint32(9)"), "utf-8")
    after = finish(start(copied, USE_TABLE, home))
    assert after[0] == f"1 0 9 9 {0xFFFF_FFFF}"
    assert after[1] != before[1]
    assert after[2] == 0


def fingerprint(monkeypatch, *files):
    """Return the name of packages that consist of these files."""
    monkeypatch.setattr(caching, "_COMPILED", ("compiled",))
    for file, content in files:
        file.write_text(content)
    monkeypatch.setattr(caching.resources, "files", lambda _: files[0][0].parent)
    return caching._fingerprint()


def test_every_source_and_every_compiler_is_in_the_name_of_the_folder(
    tmp_path, monkeypatch
):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    seen = [fingerprint(monkeypatch, (one, "a"), (two, "b"))]
    assert fingerprint(monkeypatch, (one, "a"), (two, "b")) == seen[0]
    seen.append(fingerprint(monkeypatch, (one, "a"), (two, "c")))
    seen.append(fingerprint(monkeypatch, (one, "ac"), (two, "")))
    for library in (caching.numba, caching.llvmlite, caching.np):
        monkeypatch.setattr(library, "__version__", "0.0.1")
        seen.append(caching._fingerprint())
    assert len({*seen}) == len(seen)


def test_the_folder_is_told_without_compiling_anything(copied, tmp_path):
    code = """
import sys
from quiver.backends._numba.caching import cache_folder
print(len([name for name in sys.modules if "_numba.primitives" in name]))
print(cache_folder())
print(0, 0)
"""
    compiled, folder, *_ = finish(start(copied, code, tmp_path / "home"))
    assert compiled == "0"
    assert Path(folder).is_relative_to(copied / "quiver" / "backends" / "_numba")
