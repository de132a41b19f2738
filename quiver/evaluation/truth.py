"""Ground truth: exact distances of the true neighbours, computed or the caller's.

Ids that are not the nearest would score any answer well, for a row is a hit if it is
no farther than the k-th of them. So given ids must stand in order, and a search must
find no row nearer than one of them that is not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from quiver._typing import AnyArray, Distances, Ids, Lanes, Metric, Vectors
from quiver.errors import InvalidArgumentError
from quiver.filters.filter import Filter
from quiver.filters.walk import by_filter
from quiver.index import Index
from quiver.recall.exact import exact_knn
from quiver.recall.marks import exact_distances
from quiver.recall.recall import as_id_array, check_distinct
from quiver.reference.lanes import squared_norms
from quiver.reference.transform import evenly_taken
from quiver.search import Filters
from quiver.storage.pieced import cold_base
from quiver.validation.checks import check_int

PROOF_EF = 256
"""Beam width, at least, of the search that may prove a ground truth wrong."""

MOST_SLACK = 0.02
"""Largest share of a usual distance that is put down to rounding."""

_USUAL_ROWS = 16

_FLOAT32_UNIT = 2.0**-24
# Of a vector's length when each coordinate is rounded to half precision.
_FLOAT16_UNIT = 2.0**-13


def true_distances(
    index: Index,
    queries: Vectors,
    ground_truth: AnyArray | None,
    k: int,
    threads: int | None = None,
    filters: Filters = None,
) -> Distances:
    """Return the exact distances of the k true neighbours, shape (q, k), ascending.

    Parameters
    ----------
    index : Index
        Its stored vectors are the base.
    queries : ndarray of shape (q, dim), float32
        Checked already.
    ground_truth : array_like of shape (q, >= k), optional
        The caller's ids of the true neighbours, best first; computed if not given.
    k : int
        1 … n.
    threads : int, optional
        For the search that checks the caller's ids.
    filters : sequence of Filter, optional
        The rows that may answer each query; +inf where there are fewer than k.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If the ground truth is not k different ids of the index for every query,
        nearest first, or a search finds a row that proves it wrong.

    Notes
    -----
    Another library's order may differ where rounding decides. Tolerated is what
    float32 arithmetic explains: ``(4·sqrt(dim) + 8)·2⁻²⁴·(‖q‖ + ‖x‖)²`` in half the
    squared distance (Euclidean), the product or the cosine (unit lengths), and half
    precision of stored vectors; at most ``MOST_SLACK`` of what lies between a query
    and any row. Beyond, rounding has decided most places, and it is no truth.
    """
    if ground_truth is None and filters is not None:
        return _filtered_distances(index, queries, k, filters)
    if ground_truth is None:
        return exact_knn(index.vectors, queries, k, metric=index.metric)[1]
    ids = _checked_ids(ground_truth, len(queries), k)
    given = _Truth(index, queries, ids, filters)
    given.check_order()
    given.check_against_search(threads)
    return np.sort(given.distances, axis=1)


def check_k(k: Any, index: Index) -> int:
    """Return how many neighbours to ask for, of as many as there are."""
    if not index.n:
        msg = (
            "index must hold vectors to be measured, got none in version "
            f"{index.version}; add() some first"
        )
        raise InvalidArgumentError(msg)
    return check_int("k", k, 1, index.n)


def _filtered_distances(
    index: Index, queries: Vectors, k: int, filters: Sequence[Filter]
) -> Distances:
    distances = np.full((len(queries), k), np.inf, dtype=np.float32)
    for one, numbers in by_filter(filters, np.arange(len(queries))):
        base = index.state.vectors[one.rows]
        if len(base):
            n_true = min(k, len(base))
            _, exact = exact_knn(base, queries[numbers], n_true, metric=index.metric)
            distances[numbers, :n_true] = exact
    return distances


class _Truth:
    """The caller's ids with their exact distances, and what proves them wrong."""

    def __init__(
        self, index: Index, queries: Vectors, ids: AnyArray, filters: Filters
    ) -> None:
        rows, is_known = index.state.rows_by_id.find(ids.astype(np.int64))
        if not is_known.all():
            query, rank = np.argwhere(~is_known)[0]
            msg = (
                f"ground_truth must name ids of the index, got {ids[query, rank]} "
                f"for query {query}"
            )
            raise InvalidArgumentError(msg)
        check_distinct(ids, "ground_truth")
        for query, one in enumerate(filters or ()):
            if not one.is_allowed[rows[query]].all():
                rank = int(np.argmin(one.is_allowed[rows[query]]))
                msg = (
                    "ground_truth must name rows that the filter lets answer, got id "
                    f"{ids[query, rank]} for query {query}"
                )
                raise InvalidArgumentError(msg)
        self._index, self._queries, self._filters = index, queries, filters
        self._ids = ids.astype(np.int64)
        self.distances = exact_distances(
            index.backend, index.state.vectors, queries, rows, index.metric
        )
        self._most_slack = MOST_SLACK * self._usual_score()
        self._lowest, self._highest = self._range(rows, self.distances)

    def check_order(self) -> None:
        """Raise if a true neighbour is nearer than one before it."""
        before = np.maximum.accumulate(self._lowest, axis=1)[:, :-1]
        wrong = before > self._highest[:, 1:]
        if wrong.any():
            query, rank = np.argwhere(wrong)[0]
            first = int(np.argmax(self._lowest[query, : rank + 1]))
            self._refuse(
                f"must hold the nearest first, got id {self._ids[query, first]} at "
                f"{self.distances[query, first]!s} before id "
                f"{self._ids[query, rank + 1]} at "
                f"{self.distances[query, rank + 1]!s} for query {query}",
                wrong,
            )

    def check_against_search(self, threads: int | None) -> None:
        """Raise if a search finds a row nearer than a true neighbour it is not."""
        k = self._ids.shape[1]
        ef = max(k, PROOF_EF)
        found = self._index.search(
            *(self._queries, k),
            ef=ef,
            n_rerank=ef,
            filter=self._filters,
            threads=threads,
        )
        rows, is_found = self._index.state.rows_by_id.find(found.ids)
        _, highest = self._range(rows, found.distances)
        farthest = np.argmax(self._lowest, axis=1)
        limits = self._lowest.max(axis=1, keepdims=True)
        wrong = is_found & (highest < limits)
        for query in np.flatnonzero(wrong.any(axis=1)):
            wrong[query] &= ~np.isin(found.ids[query], self._ids[query])
        if wrong.any():
            query, rank = np.argwhere(wrong)[0]
            rank = farthest[query]
            self._refuse(
                f"must hold the k={k} nearest, got id {self._ids[query, rank]} at "
                f"{self.distances[query, rank]!s} as number {rank + 1} for query "
                f"{query}, but id {found.ids[query, rank]}, which it does not hold, "
                f"is at {found.distances[query, rank]!s}",
                wrong,
            )

    def _range(self, rows: Ids, distances: Distances) -> tuple[Lanes, Lanes]:
        """Return between what scores another library may have put these rows."""
        scores = _scores(distances, self._index.metric)
        slack = np.minimum(self._slack(rows), self._most_slack)
        return scores - slack, scores + slack

    def _usual_score(self) -> float:
        """Return the median over all queries and a few rows, near or not."""
        state = self._index.state
        some = state.live_rows[evenly_taken(state.n_live, _USUAL_ROWS)]
        distances = exact_distances(
            self._index.backend,
            state.vectors,
            self._queries,
            np.tile(np.unique(some), (len(self._queries), 1)),
            self._index.metric,
        )
        return float(np.median(np.abs(_scores(distances, self._index.metric))))

    def _slack(self, rows: Ids) -> Lanes:
        index = self._index
        n_roundings = 4 * np.sqrt(index.dim) + 8
        unit = n_roundings * _FLOAT32_UNIT
        cold = cold_base(index.state.vectors)
        if cold is not None:
            unit += _FLOAT16_UNIT * (cold.cold_dtype == "float16")
        if index.metric == "cosine":
            return np.full(rows.shape, unit * 4)
        # A length is the Euclidean distance from the origin.
        origin = np.zeros_like(self._queries)
        lengths = exact_distances(
            index.backend, index.state.vectors, origin, rows, "euclidean"
        )
        query_lengths = np.sqrt(squared_norms(self._queries))[:, None]
        return unit * (query_lengths + lengths) ** 2

    def _refuse(self, what: str, wrong: AnyArray) -> NoReturn:
        msg = (
            f"ground_truth {what} ({self._index.metric}; wrong for at least "
            f"{np.count_nonzero(wrong.any(axis=1))} of {len(wrong)} queries): is it of "
            "another metric, of other or shifted queries, or of another base's ids?"
        )
        raise InvalidArgumentError(msg)


def _scores(distances: Distances, metric: Metric) -> Lanes:
    """Return what other libraries order by, in which their rounding is uniform."""
    wide = distances.astype(np.float64)
    return wide * wide / 2 if metric == "euclidean" else wide


def _checked_ids(ground_truth: AnyArray, n_queries: int, k: int) -> AnyArray:
    ids = as_id_array(ground_truth, "ground_truth")
    if ids.ndim != 2 or len(ids) != n_queries or ids.shape[1] < k:
        msg = (
            f"ground_truth must have shape ({n_queries}, >= {k}): k ids for every "
            f"query, got {ids.shape}"
        )
        raise InvalidArgumentError(msg)
    return ids[:, :k]
