"""Cells: what a rebuilt table is made of, as plain values."""

from __future__ import annotations

from typing import NamedTuple


class Cell(NamedTuple):
    """A published figure and a measured one, either of which may be missing.

    Attributes
    ----------
    published, measured : float or None
        In the unit of the table.
    low, high : float or None
        Interval of the measured one, of the queries; None of what was counted.
    """

    published: float | None = None
    measured: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """Return both, the published one first."""
        both = (self.published, self.measured)
        if both == (None, None):
            return ""
        return " / ".join("-" if one is None else f"{one:.4g}" for one in both)


class Row(NamedTuple):
    """One line of a table, and on what its measured figures were measured."""

    label: str
    cells: tuple[Cell, ...]
    measured_on: str


class Table(NamedTuple):
    """A table of the paper, rebuilt.

    Attributes
    ----------
    number : str
        Of the paper.
    title, note : str
        What it holds, and what to know.
    label : str
        What its lines vary.
    columns : tuple of str
        Of its cells.
    rows : tuple of Row
        Its lines.
    """

    number: str
    title: str
    note: str
    label: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
