"""The front page: what moved for the worse, then every backend, release by release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from gate import INSTRUCTION_TOLERANCE

from quiver.pages.page import bullets, heading, page, paragraph
from track.commits import Commit
from track.headlines import INSTRUCTIONS
from track.history import Entry
from track.steps import Step, series, steps
from track.tables import moved, side_by_side

TITLE = "quiver, commit by commit"


class Tracked(NamedTuple):
    """All that the page is made of, in the order of commits.

    `measured` are entries of computers, `completed` the same with what the gate counted
    of their commits, `counted` those of the gate; `strays` counts entries whose commits
    are not on the line.
    """

    line: Mapping[str, Commit]
    measured: Sequence[Entry]
    completed: Sequence[Entry]
    counted: Sequence[Entry]
    strays: int


def render(tracked: Tracked) -> str:
    """Return the page."""
    return page(TITLE, _parts(tracked))


def _parts(tracked: Tracked) -> Iterator[str]:
    found = steps([*tracked.measured, *tracked.counted])
    small = [step for step in found if _small(step)]
    worse = [step for step in found if step.worse and step not in small]
    better = [step for step in found if not step.worse and step not in small]
    yield f"<h1>{escape(TITLE)}</h1>"
    yield from _about(tracked)
    yield heading("Regressions")
    yield paragraph("What the gate counts was accepted by the commit that moved it.")
    yield moved(worse, tracked.line) if worse else paragraph("None was found.")
    for place, entries in _by_place(tracked.completed).items():
        yield heading(f"Measured on {place}")
        yield paragraph("Two times alone may differ by noise: steps stand above.")
        yield from _backends(entries, tracked)
    for place, entries in _by_place(tracked.counted).items():
        yield heading(f"Counted by the gate: {place}")
        yield from _backends(entries, tracked)
    yield heading("Counters that moved for the better")
    yield moved(better, tracked.line) if better else paragraph("None.")
    if small:
        summary = f"Instructions that moved by {INSTRUCTION_TOLERANCE:.0%} at most"
        yield f"<details><summary>{summary}: {len(small)} times</summary>"
        yield f"{moved(small, tracked.line)}</details>"


def _small(step: Step) -> bool:
    """Return whether it is a count of instructions that the gate takes for the same."""
    moved_by = abs(step.first.value - step.last.value)
    allowed = INSTRUCTION_TOLERANCE * step.last.value
    return step.headline in INSTRUCTIONS and moved_by <= allowed


def _about(tracked: Tracked) -> Iterator[str]:
    n_series = len(series([*tracked.measured, *tracked.counted]))
    newest = [*tracked.line.values()][-1]
    yield paragraph(
        f"{n_series} numbers up to {newest.name} of {newest.date}. Times are compared "
        "on one computer with one Python, and asv's step detection tells a step of at "
        "least 5 % from noise. Counters have no noise: every change is told."
    )
    if tracked.measured:
        yield (
            '<p><a href="asv/index.html">Graphs of asv</a>: every commit and '
            "parameter, drawn by scripts that come from the network.</p>"
        )
    else:
        yield paragraph("No commit of this line has been measured yet.")
    if tracked.strays:
        yield bullets([f"Left out, of commits elsewhere: {tracked.strays} entries."])


def _by_place(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    places: dict[str, list[Entry]] = {}
    for entry in entries:
        places.setdefault(entry.place, []).append(entry)
    return places


def _backends(entries: Sequence[Entry], tracked: Tracked) -> Iterator[str]:
    backends = {backend: None for entry in entries for backend in entry.values}
    for backend in backends:
        yield side_by_side(backend, entries, tracked.line)
