"""Processors: how many this process may really use.

An affinity mask and a container's quota both allow fewer than the computer has, and
threads beyond them only take turns.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = Path("/")


def count_processors() -> int:
    """Return the processors allowed by affinity and by the quota.

    Notes
    -----
    From Python 3.13 ``-X cpu_count`` and ``PYTHON_CPU_COUNT`` are respected as well.
    """
    allowed, quota = _count_allowed(), read_quota(_ROOT)
    return allowed if quota is None else min(allowed, quota)


def _count_allowed() -> int:
    if hasattr(os, "process_cpu_count"):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def read_quota(root: Path) -> int | None:
    """Return the processors that Linux's control groups allow, rounded up.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are. Read once per process: a search of one query
        must not pay for files.

    Returns
    -------
    int or None
        At least 1. None without a quota or where control groups cannot be read.

    Notes
    -----
    A group is bound by its own quota and by those of all groups around it. Rounded up,
    as a half of a processor is used by a thread that waits half of the time.
    """
    quotas = [
        quota
        for group in _own_groups(root)
        for folder in (group, *group.parents)
        if folder.is_relative_to(root / "sys/fs/cgroup")
        for quota in (_unified_quota(folder), _legacy_quota(folder))
    ]
    return min(
        (math.ceil(quota) for quota in quotas if quota is not None), default=None
    )


def _own_groups(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups, of version 2 and of version 1."""
    mounts = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        inside = path.strip().lstrip("/")
        if not controllers:
            yield mounts / inside
            # Beside version 1, version 2 may have a folder of its own.
            yield mounts / "unified" / inside
        elif "cpu" in controllers.split(","):
            yield mounts / controllers / inside
            yield mounts / "cpu" / inside


def _unified_quota(folder: Path) -> float | None:
    return _share(_read(folder / "cpu.max").split())


def _legacy_quota(folder: Path) -> float | None:
    names = "cpu.cfs_quota_us", "cpu.cfs_period_us"
    return _share([_read(folder / name).strip() for name in names])


def _share(words: list[str]) -> float | None:
    """Return quota / period; None for ``max``, -1 and whatever is not understood."""
    try:
        quota, period = map(int, words)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
