"""Counters out of the gate's baseline: git keeps each of its versions already."""

from __future__ import annotations

import json
import re
from pathlib import Path

from track import commits
from track.commits import Commit
from track.headlines import GATED, INSTRUCTIONS
from track.history import Entry, Values

BASELINE = "asv_bench/baseline.json"
EVERY = "every backend"
PLACES = {
    "metrics": "any computer",
    "instructions": "x86_64",
    "aarch64": "aarch64",
}
"""Sections of the baseline, and what their numbers are true of."""


def counted(repository: Path, line: dict[str, Commit]) -> list[Entry]:
    """Return what the gate held whenever it moved, and at every release."""
    moved = commits.changes_of(repository, BASELINE)
    return [
        entry
        for commit in line.values()
        if commit.commit in moved or commit.release
        for entry in at(repository, commit.commit)
    ]


def completed(repository: Path, entry: Entry) -> Entry:
    """Return a measured entry with the instructions of its commit and processor."""
    arch = entry.about.get("arch")
    for gate in at(repository, entry.commit):
        if gate.place == arch:
            values = {
                backend: {**numbers, **gate.values.get(backend, {})}
                for backend, numbers in entry.values.items()
            }
            return entry._replace(values=values)
    return entry


def at(repository: Path, commit: str) -> list[Entry]:
    """Return an entry for each place of which the baseline of a commit tells."""
    baseline = json.loads(commits.text_at(repository, commit, BASELINE) or "{}")
    entries = []
    for section, place in PLACES.items():
        held = baseline.get(section, {})
        values = _metrics(held) if section == "metrics" else _instructions(held)
        # Of two compilers the counts are not compared.
        compiler = str(held.get("compiler", ""))
        versions = {headline.name: compiler for headline in INSTRUCTIONS}
        if values:
            entries.append(Entry(commit, {"machine": place}, versions, values))
    return entries


def _metrics(held: dict[str, float | str]) -> Values:
    names = [headline.name for headline in GATED]
    values = {name: float(held[name]) for name in names if name in held}
    return {EVERY: values} if values else {}


def _instructions(held: dict[str, float | str]) -> Values:
    values: Values = {}
    for key, count in held.items():
        if match := re.fullmatch(r"(\w+) 2-bit (\w+)", key):
            target, word = match.groups()
            values.setdefault(f"cython-{target}", {})[f"{word} instructions"] = count
    return values
