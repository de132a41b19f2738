"""The sources of other projects, whose tests are in no wheel: found, or downloaded.

``QUIVER_PEER_SOURCES`` names the folder where their archives are kept, or put by hand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

KEPT = os.environ.get("QUIVER_PEER_SOURCES")


def unpacked(name: str, version: str, to: Path) -> Path:
    """Return a folder of sources, or skip with the reason why there are none."""
    if KEPT is None:
        pytest.skip("runs where QUIVER_PEER_SOURCES names a folder for sources")
    kept = Path(KEPT).absolute()
    kept.mkdir(parents=True, exist_ok=True)
    pattern = f"{name}[-_]{version}*.tar.gz"
    if not list(kept.glob(pattern)):
        DOWNLOADS[name](f"{name}=={version}", kept)
    with tarfile.open(next(kept.glob(pattern))) as archive:
        archive.extractall(to, filter="data")
    return to / f"{name}-{version}"


def from_pypi(requirement: str, to: Path) -> None:
    flags = ("--no-deps", "--no-binary", requirement.partition("==")[0])
    download = (sys.executable, "-m", "pip", "download", "--quiet", *flags)
    run(*download, requirement, cwd=to)


def from_debian(requirement: str, to: Path) -> None:
    """Download what Debian 13 builds its package from, past the machine's own lists.

    hnswlib's archive on PyPI has no tests.
    """
    lists = to / "apt"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    sites = run("apt-get", "indextargets", "--format", "$(SITE)", cwd=to).split()
    site = next((site for site in sites if site.endswith("/debian")), None)
    if site is None:
        pytest.skip("not downloaded: apt-get knows no Debian archive")
    (to / "apt.list").write_text(f"deb-src {site} trixie main\n")
    apt = (
        *("apt-get", "--quiet", "-o", f"Dir::Etc::sourcelist={to / 'apt.list'}"),
        *("-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::State::lists={lists}"),
        *("-o", f"Dir::Cache={lists}"),
    )
    run(*apt, "update", cwd=to)
    wanted = requirement.replace("==", "=") + "-1"
    run(*apt, "source", "--download-only", "--tar-only", wanted, cwd=to)


DOWNLOADS = {"pynndescent": from_pypi, "hnswlib": from_debian}


def run(*command: str, cwd: Path) -> str:
    """Return what a command prints, or skip where it cannot be run or fails."""
    try:
        options = {"capture_output": True, "text": True, "timeout": 120}
        done = subprocess.run(command, cwd=cwd, check=False, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"not downloaded: {error}")
    if done.returncode != 0:
        pytest.skip(f"not downloaded: {done.stderr.strip()[-300:]}")
    return done.stdout
