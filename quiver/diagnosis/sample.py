"""Sample: a few rows of a large matrix, drawn by a seed, and queries to ask them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import (
    AnyArray,
    ColdDtype,
    Distances,
    Ids,
    Lanes,
    Metric,
    Vectors,
)
from quiver.backends.protocol import Backend
from quiver.diagnosis.census import RowNumbers
from quiver.errors import InvalidArgumentError
from quiver.graph.order import seeded_order
from quiver.recall.exact import nearest_rows
from quiver.recall.marks import Truth, mark_hits, mark_near
from quiver.reference.lanes import squared_norms
from quiver.storage.cold import ColdVectors
from quiver.validation.arrays import as_vectors
from quiver.validation.kept import kept_dtype

MIN_ROWS = 100
"""Fewer rows have too few rivals to tell anything about codes."""

N_SUBSETS = 5
"""Disjoint subsets of the queries; the spread between them is reported."""

MAX_QUERIES, QUERY_SHARE, MIN_QUERIES = 2000, 50, 200
"""Queries that ask the small indexes, at most; one for so many rows of the base; and at
least, as their loss is small and must be seen."""

FEW_QUERIES = 200
"""Queries for everything else."""

FAR_OFF = 2.0
"""Length of the mean in usual distances from it, beyond which it decides under inner
product who answers. Raw SIFT has 0.9, uniform positive rows 1.7."""

FEW_ANSWERS = 4
"""The same rows answer nearly every query where less than a fourth of all rows, or of
all answers, do. Found: 1 to 21 %; of other data 77 % and more."""

# At least four rows to search for every query held out.
_HELD_OUT_SHARE = 5


@dataclass(frozen=True)
class Sample:
    """Rows of a base, queries, and who the true neighbours are among those rows.

    Attributes
    ----------
    vectors : ndarray of shape (m, dim), float32
        Rows searched, in the random order in which they were drawn.
    queries : ndarray of shape (q, dim), float32
        The caller's, or other rows of the base.
    n : int
        Rows of the whole base.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the task.
    backend : Backend
        Kernels.
    queries_given : bool
        Whether the queries are the caller's.
    cold_dtype : {'float32', 'uint8', 'int8'}
        In which an index would keep the base.
    """

    vectors: Vectors
    queries: Vectors
    n: int
    metric: Metric
    backend: Backend
    queries_given: bool
    cold_dtype: ColdDtype = "float32"

    @property
    def off_center(self) -> float:
        """Length of the mean of the rows, in usual distances from it."""
        mean = self.vectors.mean(axis=0, dtype=np.float64)
        spread = math.sqrt(float(squared_norms(self.vectors - mean).mean()))
        return math.sqrt(float(mean @ mean)) / spread if spread else 0.0

    def most_trials(self, k: int) -> float:
        """Return how many independent trials the queries are at most.

        Far off center the same few rows answer nearly every query: they are counted,
        and a query no more. Elsewhere there is no bound.
        """
        if self.metric != "inner_product" or self.off_center <= FAR_OFF:
            return math.inf
        answers, _ = self.neighbors(k)
        n_answers = len(np.unique(answers))
        is_few = n_answers * FEW_ANSWERS <= min(len(self.vectors), answers.size)
        return n_answers if is_few else math.inf

    def neighbors(self, k: int) -> tuple[NDArray[np.int64], Distances]:
        """Return the k nearest rows of every query, with their exact distances."""
        return nearest_rows(self.vectors, self.queries, k, self.metric, self.backend)

    def truth(self, k: int) -> Truth:
        """Return who the k true neighbours of every query are."""
        n = len(self.vectors)
        # Twice as many, so that a few that tie with the k-th are known.
        return Truth.of(*self.neighbors(min(2 * k, n)), k, n)

    def marks(self, candidates: Ids, truth: Truth) -> NDArray[np.bool_]:
        """Return which candidates of the first queries are within their k-th."""
        kth, near = truth.first(len(candidates))
        if near is not None:
            return mark_near(candidates, near)
        queries = self.queries[: len(candidates)]
        return mark_hits(
            self.backend, self.vectors, queries, candidates, kth, self.metric
        )

    def fewer_queries(self) -> Sample:
        """Return the sample with the first ``FEW_QUERIES`` queries."""
        return replace(self, queries=self.queries[:FEW_QUERIES])

    def prefix(self, rows: int) -> Sample:
        """Return the sample of only the first rows, which are a sample as well."""
        return replace(self, vectors=self.vectors[:rows])

    def euclidean(self) -> Sample:
        """Return the same task as points whose Euclidean neighbours are the answers.

        Cosine scales all to unit norm. Inner product adds the coordinate
        ``sqrt(M² - ‖x‖²)`` to the rows, M the largest norm, and scales queries to M.
        """
        if self.metric == "euclidean":
            return self
        norms = np.sqrt(squared_norms(self.vectors))
        if self.metric == "cosine":
            vectors, queries = _scaled(self.vectors, 1.0), _scaled(self.queries, 1.0)
        else:
            longest = float(norms.max())
            room = np.sqrt(np.maximum(longest**2 - norms**2, 0.0))
            vectors = np.column_stack([self.vectors, room.astype(np.float32)])
            queries = np.pad(_scaled(self.queries, longest), ((0, 0), (0, 1)))
        return replace(self, vectors=vectors, queries=queries, metric="euclidean")


def draw_sample(
    matrix: AnyArray,
    usable: RowNumbers,
    queries: Any,
    metric: Metric,
    *,
    size: int,
    seed: int,
    backend: Backend,
) -> Sample:
    """Draw up to ``size`` rows to search, and queries if none are given.

    Parameters
    ----------
    matrix : ndarray of shape (n, dim)
        Real; only the rows drawn are read.
    usable : ndarray of int
        The rows that may be drawn, ascending.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If there are fewer than ``MIN_ROWS`` of them, or ``queries`` break a rule.
    """
    n = len(usable)
    if n < MIN_ROWS:
        left = "" if n == len(matrix) else f" that are finite, of {len(matrix)}"
        msg = f"vectors must have at least {MIN_ROWS} rows to diagnose, got {n}{left}"
        raise InvalidArgumentError(msg)
    wanted = None
    most = min(MAX_QUERIES, max(MIN_QUERIES, n // QUERY_SHARE))
    n_held_out = min(most, n // _HELD_OUT_SHARE)
    if queries is not None:
        wanted = as_vectors(queries, "queries", metric=metric, dim=matrix.shape[1])
        wanted = _thinned(wanted, most, seed)
        n_held_out = 0
    drawn = read_rows(matrix, usable[_draw(n, min(n, size + n_held_out), seed)], metric)
    if wanted is None:
        wanted, drawn = drawn[:n_held_out], drawn[n_held_out:]
    kept = kept_dtype(
        matrix.cold_dtype if isinstance(matrix, ColdVectors) else matrix.dtype
    )
    return Sample(
        drawn, wanted, len(matrix), metric, backend, queries is not None, kept
    )


def read_rows(
    matrix: AnyArray | ColdVectors, rows: RowNumbers, metric: Metric
) -> Vectors:
    """Return some rows of a matrix, all of them usable, as float32."""
    # In file order, so that a mapped file is read forwards.
    order = np.argsort(rows, kind="stable")
    drawn = np.empty((len(rows), matrix.shape[1]), dtype=matrix.dtype)
    drawn[order] = matrix[rows[order]]
    return as_vectors(drawn, "vectors", metric=metric)


def squared_distances(queries: Vectors | Lanes, base: Vectors | Lanes) -> Distances:
    """Return all squared Euclidean distances, by one matrix product in float64."""
    squares = queries.astype(np.float64) @ base.astype(np.float64).T
    squares *= -2
    squares += squared_norms(queries)[:, None]
    squares += squared_norms(base)
    return np.maximum(squares, 0, out=squares).astype(np.float32)


def subset_means(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each disjoint subset of the queries."""
    return np.array([part.mean() for part in np.array_split(shares, N_SUBSETS)])


def _scaled(vectors: Vectors, norm: float) -> Vectors:
    norms = np.sqrt(squared_norms(vectors))
    factors = np.divide(norm, norms, out=np.zeros_like(norms), where=norms > 0)
    return (vectors * factors[:, None]).astype(np.float32)


def _thinned(queries: Vectors, most: int, seed: int) -> Vectors:
    if len(queries) < N_SUBSETS:
        msg = f"queries must have at least {N_SUBSETS} rows, got {len(queries)}"
        raise InvalidArgumentError(msg)
    return queries[_draw(len(queries), min(most, len(queries)), seed)]


def _draw(n: int, size: int, seed: int) -> NDArray[np.int64]:
    """Return ``size`` distinct rows of n in a seeded random order."""
    if 2 * size >= n:
        return seeded_order(n, seed)[:size]
    source = np.random.PCG64(seed)
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < size:
        more = (source.random_raw(size) % np.uint64(n)).astype(np.int64)
        drawn = np.concatenate([drawn, more])
        _, first = np.unique(drawn, return_index=True)
        drawn = drawn[np.sort(first)]
    return drawn[:size]
