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

from quiver._typing import (
    AnyVectors,
    Distances,
    Ids,
    KeptVectors,
    Mask,
    Metric,
    Neighbors,
    Unlinked,
)
from quiver.lookup import RowsById
from quiver.params import BuildParams, Encoding
from quiver.reference.answer import Searched
from quiver.reference.bounds import LEAST_DIM
from quiver.reference.candidates import LONGEST
from quiver.reference.codes import Codes, Transform
from quiver.reference.error import ERROR_ROWS, ErrorScale, error_scale
from quiver.reference.keys import NO_ID
from quiver.reference.masks import count_marked, make_mask, marked_rows
from quiver.reference.transform import evenly_taken, query_transform

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
        Graph (hot). Wider once rows were added, until they are consolidated.
    entry_points : ndarray of shape (e,), uint32
        Rows of which the nearest starts a walk; the graph was built from the first.
        None while there is no graph: then every row is looked at.
    ids : ndarray of shape (n,), int64
        The caller's ids (hot).
    vectors : ndarray of shape (n, dim), float32, or StoredVectors
        Stored vectors (cold), read by the re-rank only.
    unlinked : ndarray of shape (m, 2), uint32
        Rows that no walk reaches, after the row each is equal to; see
        `quiver.graph.unlinked`.
    notes : dict of str to str, or None
        What was found where the data chose the encoding; None where they did not.
    live : ndarray of shape (ceil(n / 64),), uint64, or None
        A bit for each row that was not removed; None where all are live.
    version : int
        How many operations have changed the index since it was built.
    build_mean : ndarray of shape (dim + 1,), float32, or None
        Mean of the codes that the graph is linked by, where they are not those that
        are stored: under inner product; then the length that longer rows are coded
        by. None where they are still those of the vectors.
    """

    metric: Metric
    encoding: Encoding
    params: BuildParams
    transform: Transform
    codes: Codes
    neighbors: Neighbors
    entry_points: Ids
    ids: NDArray[np.int64]
    vectors: AnyVectors
    unlinked: Unlinked
    notes: dict[str, str] | None = None
    live: Mask | None = None
    version: int = 0
    build_mean: Distances | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the parts alone, not what was derived from them on use."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check_file(self) -> None:
        """Raise `FileFormatError` if the file that parts are in was cut or written to.

        Reading what is gone would end the process. Whatever else is mapped, vectors
        are too, and are the last of a file.
        """
        if not isinstance(self.vectors, np.ndarray):
            self.vectors.check_file()

    @cached_property
    def n(self) -> int:
        """Number of rows, removed ones included."""
        return self.codes.n_rows

    @cached_property
    def n_live(self) -> int:
        """Number of vectors that may answer."""
        return self.n if self.live is None else count_marked(self.live)

    @property
    def has_graph(self) -> bool:
        """Whether searches walk; else they look at every row."""
        return len(self.entry_points) > 0

    @property
    def is_tidy(self) -> bool:
        """Whether nothing was removed and no list is longer than a built one."""
        return self.live is None and self.neighbors.shape[1] <= self.params.max_degree

    @cached_property
    def n_nodes(self) -> int:
        """Number of rows that answer by the graph."""
        if self.live is None:
            return self.n - len(self.unlinked)
        return int(np.count_nonzero(self.is_node))

    @cached_property
    def is_live(self) -> NDArray[np.bool_]:
        """Mark of each row that was not removed, shape (n,)."""
        if self.live is None:
            return np.ones(self.n, dtype=bool)
        return marked_rows(self.live, self.n)

    @cached_property
    def live_rows(self) -> Ids:
        """Rows that were not removed, ascending."""
        return np.flatnonzero(self.is_live).astype(np.uint32)

    @cached_property
    def live_unlinked(self) -> Unlinked:
        """The pairs of ``unlinked`` whose row was not removed."""
        if self.live is None:
            return self.unlinked
        return self.unlinked[self.is_live[self.unlinked[:, 1]]]

    @cached_property
    def live_ids(self) -> NDArray[np.int64]:
        """Ids of the rows that were not removed, in their order."""
        return self.ids if self.live is None else self.ids[self.live_rows]

    @cached_property
    def is_node(self) -> NDArray[np.bool_]:
        """Mark of each row that answers by the graph, for itself or for a copy.

        A removed row does while a copy of it is live.
        """
        return self.marked_nodes(self.is_live)

    @cached_property
    def nodes(self) -> Ids:
        """Rows that answer by the graph, ascending."""
        return np.flatnonzero(self.is_node).astype(np.uint32)

    def marked_nodes(self, is_allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mark the rows that answer by the graph where only the allowed may answer.

        A row that may not does for one that is equal to it and may.
        """
        marks = is_allowed.copy()
        hosts, rows = self.unlinked.T
        marks[rows] = False
        hosts = hosts[is_allowed[rows] & (hosts != NO_ID)]
        marks[hosts] = True
        return marks

    @cached_property
    def answering(self) -> Mask | None:
        """Mask of the rows that answer by the graph, shape (1, words); None for all."""
        return None if self.live is None else make_mask(self.is_node)[None]

    @cached_property
    def is_screened(self) -> bool:
        """Whether walks read as few lines of a code as tell that it is too far.

        Not where the error of what a part of a code tells is unknown.
        """
        is_known = self.encoding.rotate and self.encoding.query == "asymmetric"
        return is_known and self.dim >= LEAST_DIM

    @cached_property
    def tells_bounds(self) -> bool:
        """Whether codes tell what exact distances are at least, see `Searched.terms`.

        Not where their error is unknown, or vectors are not those that were coded.
        """
        return self.is_screened and not self.is_rounded

    @property
    def is_rounded(self) -> bool:
        """Whether vectors may differ from those that were coded, as halves do."""
        return not isinstance(self.vectors, np.ndarray) and self.vectors.is_rounded

    @cached_property
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

        No more than half of the entry points were chosen for their length, so the first
        quarter tells the usual one. As many as are chosen so count, the longest: others
        are long by chance, and no better than rows that were not drawn. The scales of
        published codes are zero, and tell none.
        """
        if self.metric != "inner_product" or not self.has_graph:
            return self.entry_points[:0]
        scales = self.codes.corrections[self.entry_points, 0]
        usual = np.sort(scales)[len(scales) // 4]
        by_length = np.argsort(-scales, kind="stable")[:LONGEST]
        return self.entry_points[np.sort(by_length[scales[by_length] > LONG * usual])]

    @cached_property
    def searched(self) -> Searched | None:
        """What the word `answer` reads; None where that is not what a search does.

        Queries must be more precise than codes, and no row bring one in its place.
        """
        is_asymmetric = self.encoding.query == "asymmetric"
        has_hosts = self.live is not None and len(self.unlinked) > 0
        if has_hosts or not self.has_graph or not is_asymmetric:
            return None
        return Searched(
            codes=self.codes,
            neighbors=self.neighbors,
            entry_points=self.entry_points,
            vectors=in_place(self.vectors),
            transform=query_transform(self.transform, self.metric),
            metric=self.metric,
            mean=self.transform.mean,
            ids=self.ids,
            allowed=self.answering,
            beside=self.long_entry_points,
            unlinked=self.unlinked,
            screened=self.is_screened,
        )

    @cached_property
    def error_scale(self) -> ErrorScale:
        """How far estimates may lie from true distances, of at least one live row."""
        # Without a list of all rows, which every process would hold for itself.
        every = self.live is None
        rows = evenly_taken(self.n, ERROR_ROWS) if every else self.live_rows
        return error_scale(self.codes, rows)

    @cached_property
    def rows_by_id(self) -> RowsById:
        """Numbers of live rows by the caller's ids."""
        return RowsById(self.ids, None if self.live is None else self.live_rows)


def in_place(vectors: AnyVectors) -> KeptVectors:
    """Return the one array that vectors lend whenever a kernel reads them."""
    if isinstance(vectors, np.ndarray):
        return vectors
    with vectors.in_place() as rows:
        return rows
