"""Rows in blocks: a matrix of any kind and size, converted only where it is read."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from quiver._typing import AnyArray, Metric, Vectors
from quiver.storage.cold import ColdVectors
from quiver.storage.pieced import PiecedVectors
from quiver.validation.arrays import as_matrix, as_vectors


class Rows(Protocol):
    """What can be read in blocks: a float32 matrix, `RowBlocks`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, dim)."""

    def __len__(self) -> int:
        """Return n."""

    def __getitem__(self, rows: slice, /) -> Vectors:
        """Return some rows, C-contiguous."""


class RowBlocks:
    """Rows of any matrix; each slice is converted to float32 and checked when read.

    Parameters
    ----------
    matrix : array_like of shape (n, dim), or ColdVectors
        Real floats or integers in any layout or byte order.
    name : str
        The argument's name, for messages.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Which values are allowed; see `as_vectors`.
    dim : int, optional
        Required number of columns.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If shape or dtype is wrong; from a slice, if a value is.
    """

    def __init__(
        self, matrix: Any, name: str, metric: Metric, dim: int | None = None
    ) -> None:
        is_cold = isinstance(matrix, ColdVectors | PiecedVectors)
        self._rows: AnyArray | ColdVectors | PiecedVectors = (
            matrix if is_cold else as_matrix(matrix, name, dim=dim)
        )
        self._name, self._metric = name, metric
        self.shape = self._rows.shape

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def __getitem__(self, rows: slice) -> Vectors:
        """Return consecutive rows as `as_vectors` does."""
        start, stop, _ = rows.indices(len(self))
        block = (
            self._rows[start:stop]
            if isinstance(self._rows, np.ndarray)
            else self._rows.gather(np.arange(start, stop, dtype=np.uint32))
        )
        return as_vectors(block, self._name, metric=self._metric, first_row=start)
