"""Mutants that no test can kill, each with the reason, and their page for readers.

They are run like all others: one that a test kills has no right to its excuse. An
excuse names the function, the change and the whole line, and has to fit one mutant.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from mutants.naming import Change

FILE = Path(__file__).with_suffix(".toml")

HEAD = """\
# Mutants that no test kills

A mutant is a copy of the code with one small mistake (see [auditing](auditing.md)).
The tests have to kill every one that is drawn, but these: each computes the same as the
code, or differs where no result is, for the reason given, which is yours to check. They
are run all the same, and if a test kills one, or an excuse fits no mutant any more,
`make proofs` fails. This page is written by
`PYTHONPATH=tools python -P -m mutants page > docs/survivors.md` from
`tools/mutants/equivalent.toml`.
"""


class Excuse(NamedTuple):
    """Where a mutant is, and why it computes the same."""

    file: str
    change: Change
    reason: str

    @property
    def name(self) -> str:
        """Return the name of the mutant."""
        return f"{self.file} {self.change.name}"


@cache
def excuses(file: Path = FILE) -> dict[str, Excuse]:
    """Return all excuses by the names of their mutants."""
    entries = tomllib.loads(file.read_text("utf-8"))["mutant"]
    found = [
        Excuse(one["file"], Change(0, *map(one.get, _PLACE)), one["reason"])
        for one in entries
    ]
    return {one.name: one for one in found}


_PLACE = "function", "change", "line"


def unfit(excused: Mapping[str, Excuse], names: Iterable[str]) -> list[str]:
    """Return excuses that fit none of the mutants of these files."""
    known = {*names}
    files = {name.split()[0] for name in known}
    return [
        name
        for name, excuse in excused.items()
        if excuse.file in files and name not in known
    ]


def page(excused: Iterable[Excuse]) -> str:
    """Return the page, a section for each file."""
    parts = [HEAD]
    for file, some in groupby(excused, lambda excuse: excuse.file):
        parts.append(f"## {file}\n")
        for excuse in some:
            _, function, change, text = excuse.change
            parts.append(
                f"- `{function}`, in `{text}`\\\n  `{change}`: {excuse.reason}.\n"
            )
    return "\n".join(parts)
