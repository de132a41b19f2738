"""All there is to show: what was kept, what the gate counted, in the order of git."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from track import commits, counted, history
from track.page import Tracked


def gathered(repository: Path, files: Sequence[Path]) -> Tracked:
    """Return it; what was measured on commits that are not on the line stays out."""
    line = commits.line_of(repository)
    order = {commit: place for place, commit in enumerate(line)}
    kept = history.read(*files)
    measured = sorted(
        (entry for entry in kept if entry.commit in line),
        key=lambda entry: order[entry.commit],
    )
    return Tracked(
        line=line,
        measured=measured,
        completed=[counted.completed(repository, entry) for entry in measured],
        counted=counted.counted(repository, line),
        strays=len(kept) - len(measured),
    )
