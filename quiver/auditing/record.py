"""Record: an audit as plain values, as JSON, as a page and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from quiver._version import __version__
from quiver.auditing.cells import Row, Table
from quiver.auditing.claim import Claim
from quiver.auditing.data import Data
from quiver.auditing.judging import Word
from quiver.auditing.times import Times

FORMAT, VERSION = "quiver-audit", 1
SOURCE = "QuIVer, arXiv 2605.02171"


@dataclass(frozen=True)
class Audit:
    """Outcome of `audit`: the paper's tables rebuilt, and a verdict on each claim.

    Attributes
    ----------
    data : Data
        What was measured; never the published data.
    claims : tuple of Claim
        Each with ``table``, ``statement``, ``published``, ``rule`` and ``verdict``, a
        ``word`` (``confirmed``, ``not reproduced`` or ``depends on``) and a ``reason``.
    tables : tuple of Table
        Published figures beside the measured ones.
    distances : dict of str to dict of int to float
        Code distances of a query, on average, on the graph of the published
        parameters: by walk and by width of the beam.
    times : Times or None
        Ratios of seconds, if they were asked for.
    """

    data: Data
    claims: tuple[Claim, ...]
    tables: tuple[Table, ...]
    distances: dict[str, dict[int, float]]
    times: Times | None = None

    def verdicts(self) -> dict[str, int]:
        """Return how many claims, without those about times, have each verdict."""
        words = [claim.verdict.word for claim in self.claims]
        return {word: words.count(word) for word in get_args(Word)}

    @property
    def every_claim(self) -> tuple[Claim, ...]:
        """The claims, and those about times."""
        return (*self.claims, *(self.times.claims if self.times else ()))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, words and lists, ready for JSON.

        But for ``times`` the same from every backend, with any number of threads.
        """
        return {
            "format": FORMAT,
            "version": VERSION,
            "quiver": __version__,
            "source": SOURCE,
            "data": self.data._asdict(),
            "counts": self.verdicts(),
            "claims": [_plain_claim(claim) for claim in self.claims],
            "tables": [_plain_table(table) for table in self.tables],
            "distances": {
                walk: {str(ef): count for ef, count in by_ef.items()}
                for walk, by_ef in self.distances.items()
            },
            "times": None if self.times is None else _plain_times(self.times),
        }

    def to_html(self) -> str:
        """Return one self-contained page: no script, no outside file."""
        # Only those who want the page pay for it.
        from quiver.auditing.page import to_html

        return to_html(self)

    def to_markdown(self) -> str:
        """Return claims and tables as Markdown, a section of another page."""
        from quiver.auditing.page import to_markdown

        return to_markdown(self)

    def __str__(self) -> str:
        """Return the verdicts, a line each."""
        lines = [f"{self.data}: " + told(self.verdicts())]
        lines += [
            f"{claim.verdict.word:14}  Table {claim.table}: {claim.statement}; "
            f"{claim.verdict.reason}"
            for claim in self.every_claim
        ]
        return "\n".join(lines)


def told(counts: dict[str, int]) -> str:
    """Return the numbers of verdicts in words."""
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _plain_claim(claim: Claim) -> dict[str, Any]:
    return {**claim._asdict(), "verdict": claim.verdict._asdict()}


def _plain_table(table: Table) -> dict[str, Any]:
    return {**table._asdict(), "rows": [_plain_row(table, row) for row in table.rows]}


def _plain_row(table: Table, row: Row) -> dict[str, Any]:
    cells = zip(table.columns, row.cells, strict=True)
    return {
        "label": row.label,
        "measured_on": row.measured_on,
        "cells": {column: cell._asdict() for column, cell in cells},
    }


def _plain_times(times: Times) -> dict[str, Any]:
    return {
        "busy": times.busy,
        "claims": [_plain_claim(claim) for claim in times.claims],
    }
