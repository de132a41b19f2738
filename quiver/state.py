"""State: one version of an index, everything but the kernels that read it.

The lowest thing that knows all parts of an index. Building makes one, a file holds
one, searching and checking read one; nothing changes one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Ids, Metric, Neighbors, StoredVectors, Unlinked, Vectors
from quiver.lookup import RowsById
from quiver.params import BuildParams, Encoding
from quiver.reference.codes import Codes, Transform

LONG = 2
"""Times the usual length, beyond which no code alone decides about a row's product.
Unit vectors and SIFT have no such rows; see docs/algorithm/rerank.md."""


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """The consistent parts of one index.

    Attributes
    ----------
    metric : {'cosine', 'euclidean', 'inner_product'}
        The metric of the distances returned.
    encoding : Encoding
        What the codes were made with.
    params : BuildParams
        What the graph was built with.
    transform : Transform
        The map from vectors to coded coordinates.
    codes : Codes
        Coded rows (hot). For inner product their bias is 0.
    neighbors : ndarray of shape (n, max_degree), uint32
        Graph (hot).
    entry_points : ndarray of shape (e,), uint32
        Rows of which the nearest starts a walk; the graph was built from the first.
    ids : ndarray of shape (n,), int64
        The caller's ids (hot).
    vectors : ndarray of shape (n, dim), float32, or StoredVectors
        Stored vectors (cold), read by the re-rank only.
    unlinked : ndarray of shape (m, 2), uint32
        Rows that no walk reaches, after the row each is equal to; see
        `quiver.graph.unlinked`.
    notes : dict of str to str, or None
        What was found where the data chose the encoding; None where they did not.
    """

    metric: Metric
    encoding: Encoding
    params: BuildParams
    transform: Transform
    codes: Codes
    neighbors: Neighbors
    entry_points: Ids
    ids: NDArray[np.int64]
    vectors: Vectors | StoredVectors
    unlinked: Unlinked
    notes: dict[str, str] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the parts alone, not what was derived from them on use."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def n(self) -> int:
        """Number of vectors."""
        return self.codes.n_rows

    @property
    def dim(self) -> int:
        """Number of columns of the stored vectors."""
        return int(self.vectors.shape[1])

    @property
    def entry_point(self) -> int:
        """The row from which every other is reached."""
        return int(self.entry_points[0])

    @cached_property
    def long_entry_points(self) -> Ids:
        """Entry points much longer than usual, under inner product; else none.

        No more than half of the entry points were chosen for their length, and few are
        long by chance, so the first quarter tells the usual one. The scales of
        published codes are zero, and tell none.
        """
        if self.metric != "inner_product":
            return self.entry_points[:0]
        scales = self.codes.corrections[self.entry_points, 0]
        usual = np.sort(scales)[len(scales) // 4]
        return self.entry_points[scales > LONG * usual]

    @cached_property
    def rows_by_id(self) -> RowsById:
        """Row numbers by the caller's ids."""
        return RowsById(self.ids)
