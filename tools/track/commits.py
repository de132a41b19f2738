"""What git says: the commits in order, which of them are releases, files of old."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple


class Commit(NamedTuple):
    """One commit of the line that is checked out; `release` is its tag, if any."""

    commit: str
    seconds: int
    subject: str
    release: str = ""

    @property
    def name(self) -> str:
        """Return the release, else what git abbreviates to."""
        return self.release or self.commit[:8]

    @property
    def date(self) -> str:
        """Return the day it was written, by Greenwich."""
        return datetime.fromtimestamp(self.seconds, UTC).strftime("%Y-%m-%d")


def line_of(repository: Path) -> dict[str, Commit]:
    """Return the commits of the first parents, the oldest first, by their hashes."""
    releases = _releases(repository)
    form = "--format=%H%x00%at%x00%s"
    lines = _git(repository, "log", "--first-parent", "--reverse", form)
    # A subject may hold what `splitlines` takes for an end of line.
    parts = (line.split("\0", 2) for line in lines.rstrip("\n").split("\n"))
    return {
        commit: Commit(commit, int(seconds), subject, releases.get(commit, ""))
        for commit, seconds, subject in parts
    }


def changes_of(repository: Path, path: str) -> set[str]:
    """Return the commits of the first parents that changed a file."""
    form = "--format=%H"
    return {*_git(repository, "log", "--first-parent", form, "--", path).splitlines()}


def text_at(repository: Path, commit: str, path: str) -> str:
    """Return a file as it was, empty where it was not."""
    there = _git(repository, "ls-tree", "--name-only", commit, "--", path)
    return _git(repository, "show", f"{commit}:{path}") if there else ""


def _releases(repository: Path) -> dict[str, str]:
    # An annotated tag names the commit by its second field, a light one by its first.
    form = "--format=%(refname:short)%00%(objectname)%00%(*objectname)"
    lines = _git(repository, "for-each-ref", form, "refs/tags/v*").splitlines()
    parts = (line.split("\0") for line in lines)
    return {peeled or direct: tag for tag, direct, peeled in parts}


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, check=True, capture_output=True)
    return done.stdout.decode("utf-8", "replace")
