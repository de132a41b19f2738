"""Report: what a check found, line by line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckLine:
    """One check and its outcome.

    Attributes
    ----------
    name : str
        What was checked.
    passed : bool
        Whether it holds.
    detail : str
        What was measured, or the first fault.
    """

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class CheckReport:
    """Outcome of `check`.

    Attributes
    ----------
    lines : tuple of CheckLine
        In the order they were checked.
    left_out : tuple of str
        What the checks did not cover; empty if they covered everything.
    """

    lines: tuple[CheckLine, ...]
    left_out: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(line.passed for line in self.lines)

    def __str__(self) -> str:
        """Return one line per check and a last one that says it all."""
        rows = [
            f"{'ok  ' if line.passed else 'FAIL'}  {line.name:<13} {line.detail}"
            for line in self.lines
        ]
        failed = sum(not line.passed for line in self.lines)
        total = len(self.lines)
        verdict = f"sound: {total} of {total} checks passed"
        if failed:
            verdict = f"NOT SOUND: {failed} of {total} checks failed"
        return "\n".join([*rows, "; ".join([verdict, *self.left_out])])
