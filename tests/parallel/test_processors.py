"""How many threads a container really allows, from files as Linux writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import quiver.parallel.processors
from quiver.parallel.processors import count_processors, read_quota
from quiver.parallel.workers import resolve_threads


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def unified(path: str, **maxima: str) -> dict[str, str]:
    """Return the files of version 2: our group's path and some folders' cpu.max."""
    folders = {"here": path, "around": str(Path(path).parent), "top": "/"}
    limits = {
        f"sys/fs/cgroup{folders[where]}/cpu.max": content + "\n"
        for where, content in maxima.items()
    }
    return {"proc/self/cgroup": f"0::{path}\n", **limits}


def legacy(line: str, folder: str, quota: str, period: str) -> dict[str, str]:
    where = f"sys/fs/cgroup/{folder}"
    return {
        "proc/self/cgroup": f"4:memory:/other\n{line}\n0::/\n",
        f"{where}/cpu.cfs_quota_us": quota + "\n",
        f"{where}/cpu.cfs_period_us": period + "\n",
    }


@pytest.mark.parametrize(
    ("files", "processors"),
    [
        (unified("/", here="200000 100000"), 2),
        (unified("/", here="150000 100000"), 2),
        (unified("/", here="50000 100000"), 1),
        (unified("/", here="max 100000"), None),
        (unified("/a/b", here="max 100000", around="300000 100000"), 3),
        (unified("/a/b", here="800000 100000", around="300000 100000"), 3),
        (unified("/a/b", here="200000 100000", top="100000 100000"), 1),
        # Inside a container the path is the host's, and the folder is the root.
        (unified("/docker/0123", top="250000 100000"), 3),
        (legacy("3:cpu,cpuacct:/", "cpu,cpuacct", "400000", "100000"), 4),
        (legacy("3:cpu:/box", "cpu/box", "90000", "30000"), 3),
        (legacy("3:cpu:/box", "cpu", "90000", "30000"), 3),
        (legacy("3:cpuacct,cpu:/", "cpu", "100000", "100000"), 1),
        (legacy("3:cpu:/", "cpu", "-1", "100000"), None),
        (legacy("3:cpuset:/", "cpuset", "100000", "100000"), None),
    ],
)
def test_the_tightest_quota_is_rounded_up(
    tmp_path: Path, files: dict[str, str], processors: int | None
) -> None:
    assert read_quota(write(tmp_path, files)) == processors


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": ""},
        {"proc/self/cgroup": "nonsense\n::\n\x00\n0::/../../..\n"},
        unified("/", here=""),
        unified("/", here="many few"),
        unified("/", here="100000"),
        unified("/", here="100000 0"),
        unified("/", here="100000 -5"),
        unified("/", here="1 2 3"),
        legacy("3:cpu:/", "cpu", "", "100000"),
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max/a-folder": ""},
    ],
)
def test_what_is_absent_or_not_understood_is_no_quota(
    tmp_path: Path, files: dict[str, str]
) -> None:
    assert read_quota(write(tmp_path, files)) is None


@pytest.mark.parametrize(
    ("allowed", "quota", "processors"),
    [(8, None, 8), (8, 3, 3), (2, 3, 2), (1, 1, 1)],
)
def test_threads_are_bound_by_affinity_and_by_the_quota(
    monkeypatch: pytest.MonkeyPatch, allowed: int, quota: int | None, processors: int
) -> None:
    monkeypatch.setattr(quiver.parallel.processors, "read_quota", lambda _: quota)
    monkeypatch.setattr(os, "process_cpu_count", lambda: allowed, raising=False)
    assert count_processors() == processors
    assert resolve_threads(None) == processors
    assert resolve_threads(5) == 5, "a number asked for is what one gets"


def test_where_python_cannot_tell_affinity_does_and_then_all_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiver.parallel.processors, "read_quota", lambda _: None)
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert count_processors() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count_processors() == 1
