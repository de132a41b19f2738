"""The headline numbers of each measured commit, one line of JSON each, appended only.

Two branches that append merge line by line, and a commit that is measured again has
another line: what a later line says holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from track.headlines import HEADLINES

MAX_LINE_BYTES = 4096
"""What a commit may cost, before compression."""
_DIGITS = 4

Values = dict[str, dict[str, float]]
"""Backend, headline, number."""


class Entry(NamedTuple):
    """What is known of one commit on one computer.

    `about` is what asv says of computer and Python. `versions` tells by headline what
    measured it: numbers of two versions are never compared.
    """

    commit: str
    about: dict[str, str]
    versions: dict[str, str]
    values: Values

    @property
    def place(self) -> str:
        """Return the words for computer and Python: numbers of two are not compared."""
        python = self.about.get("python")
        return self.about["machine"] + (f", Python {python}" if python else "")

    def merged(self, later: Entry) -> Entry:
        """Return this with what `later` says of the same commit and place."""
        backends = [*self.values, *(b for b in later.values if b not in self.values)]
        values = {
            backend: {**self.values.get(backend, {}), **later.values.get(backend, {})}
            for backend in backends
        }
        versions = {**self.versions, **later.versions}
        return Entry(self.commit, later.about, versions, values)


def read(*paths: Path) -> list[Entry]:
    """Return one entry per commit and place, in the order of their first lines.

    Raises
    ------
    ValueError
        A line is none of a history, such as one that a merge left.
    """
    entries: dict[tuple[str, str], Entry] = {}
    for path in filter(Path.exists, paths):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            entry = _parsed(line, f"{path}, line {number}")
            key = entry.commit, entry.place
            entries[key] = entries[key].merged(entry) if key in entries else entry
    return list(entries.values())


def _parsed(line: str, where: str) -> Entry:
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError) as error:
        msg = f"{where} must be one commit's JSON, got {line[:40]!r}: remove or mend it"
        raise ValueError(msg) from error


def append(path: Path, entries: Iterable[Entry]) -> list[Entry]:
    """Add a line for each entry that says something new; return those.

    Raises
    ------
    ValueError
        A line would be longer than `MAX_LINE_BYTES`; nothing is written.
    """
    known = {(old.commit, old.place): old for old in read(path)}
    new = [
        entry
        for entry in map(_rounded, entries)
        if (old := known.get((entry.commit, entry.place))) is None
        or old.merged(entry) != old
    ]
    lines = [_line(entry) for entry in new]
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    return new


def _line(entry: Entry) -> str:
    line = json.dumps(entry._asdict(), separators=(",", ":"), sort_keys=True) + "\n"
    if len(line.encode()) > MAX_LINE_BYTES:
        msg = (
            f"the line of commit {entry.commit} has {len(line.encode())} bytes, may "
            f"have {MAX_LINE_BYTES}: follow fewer headlines"
        )
        raise ValueError(msg)
    return line


def _rounded(entry: Entry) -> Entry:
    """Return an entry whose times have no digits that are noise."""
    values = {
        backend: {
            name: value if HEADLINES[name].exact else float(f"{value:.{_DIGITS}g}")
            for name, value in numbers.items()
        }
        for backend, numbers in entry.values.items()
    }
    return entry._replace(values=values)
