"""How a change is named: by function and words, so that other edits leave its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

MODULE = "module"
"""In the place of a function, of what stands outside of all."""


class Change(NamedTuple):
    """One change of a source file.

    Attributes
    ----------
    line : int
        Where it is now; no part of its name.
    function, change, text : str
        The function, what becomes of what, and the whole line before.
    """

    line: int
    function: str
    change: str
    text: str

    @property
    def name(self) -> str:
        """Return what stays the same wherever the line moves."""
        return f"{self.function}: {self.change} in `{self.text}`"


UNCHANGED = Change(0, MODULE, "unchanged", "")


def told_apart(changes: Sequence[Change]) -> list[Change]:
    """Return changes of which no two have one name: those that had are numbered."""
    alike, seen, told = Counter(x.name for x in changes), Counter[str](), []
    for change in changes:
        seen[change.name] += 1
        place, n_alike = seen[change.name], alike[change.name]
        number = f" ({place} of {n_alike})" if n_alike > 1 else ""
        told.append(change._replace(change=change.change + number))
    return told
