"""Draw: what a kind of data draws its rows with, all at once or a block at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quiver._typing import Ids, Vectors


class Draw(NamedTuple):
    """Rows to draw, and where from.

    Attributes
    ----------
    shared : Generator
        For what all rows have in common, such as centres: as many draws for any
        rows, so a generator of the same seed gives every block the same.
    rows : Generator
        For the rows themselves.
    start, size : int
        The first row and how many there are; fewer may come at the end.
    total : int
        Rows of all blocks together.
    """

    shared: np.random.Generator
    rows: np.random.Generator
    start: int
    size: int
    total: int

    def normal(self, columns: int) -> Vectors:
        """Return a standard normal line for every row."""
        return normal(self.rows, self.size, columns)

    def zipf(self, size: int) -> Ids:
        """Return a number below ``size`` for every row, by Zipf's law."""
        shares = 1 / np.arange(1, size + 1)
        drawn = self.rows.choice(size, self.size, p=shares / shares.sum())
        return drawn.astype(np.uint32)


def normal(generator: np.random.Generator, rows: int, columns: int) -> Vectors:
    """Return standard normal values as float32."""
    return generator.standard_normal((rows, columns), dtype=np.float32)


def unit(rows: Vectors) -> Vectors:
    """Return rows of unit length."""
    return rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))
