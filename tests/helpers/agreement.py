"""What a look at every row answers, for tests that follow those of other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import quiver
from quiver._typing import Distances, UserIds, Vectors
from quiver.results import SearchResult


def uniform_rows(n: int, dim: int, seed: int = 0) -> Vectors:
    """Return rows drawn from the unit cube, as most suites of peers draw theirs."""
    return np.random.default_rng(seed).random((n, dim), dtype=np.float32)


def odd_rows(n: int, dim: int, seed: int = 0) -> Vectors:
    """Return such rows, but zeros among them and copies near and far apart."""
    rows = uniform_rows(n, dim, seed)
    rows[::37] = 0
    rows[5::23] = rows[5:6]
    far = rows[n // 2 : n // 2 + 10]
    far[:] = rows[: len(far)]
    return rows


def truth(
    index: quiver.Index,
    queries: Vectors,
    k: int,
    among: NDArray[np.bool_] | None = None,
) -> tuple[UserIds, Distances]:
    """Return the k nearest of all rows, or of those marked: ids and distances.

    Fewer where there are fewer.
    """
    ids, vectors = index.ids, np.asarray(index.vectors)
    if among is not None:
        ids, vectors = ids[among], vectors[among]
    k = min(k, len(ids))
    if not k:
        return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0))
    rows, distances = quiver.exact_knn(vectors, queries, k, metric=index.metric)
    return ids[rows], distances


def recall(
    index: quiver.Index,
    queries: Vectors,
    k: int,
    among: NDArray[np.bool_] | None = None,
    **effort: Any,
) -> float:
    """Return the share of the k nearest that a search finds, ties as hits."""
    true = truth(index, queries, k, among)[1]
    found = index.search(queries, k=k, filter=among, **effort)
    return float((found.distances[:, : true.shape[1]] <= true[:, -1:]).mean())


def answer_exactly(
    index: quiver.Index, queries: Vectors, k: int, among: Any = None
) -> SearchResult:
    """Return what a beam of everything answers; ``among`` is any form of a filter."""
    everything = max(k, index.state.n)
    return index.search(queries, k=k, filter=among, ef=everything, n_rerank=everything)


def assert_exact(
    index: quiver.Index,
    queries: Vectors,
    k: int,
    among: NDArray[np.bool_] | None = None,
) -> None:
    """Assert that a beam of everything answers bit for bit as a look at every row."""
    found = answer_exactly(index, queries, k, among)
    ids, distances = truth(index, queries, k, among)
    n_found = ids.shape[1]
    assert found.counts.tolist() == [n_found] * len(queries)
    np.testing.assert_array_equal(found.ids[:, :n_found], ids)
    np.testing.assert_array_equal(found.distances[:, :n_found], distances)
    assert (found.ids[:, n_found:] == -1).all()
    assert np.isinf(found.distances[:, n_found:]).all()


def share_found(index: quiver.Index, vectors: Vectors, **effort: Any) -> float:
    """Return the share of vectors whose search begins with a row equal to them.

    Copies are found all or none: they are one vector.
    """
    vectors = np.unique(vectors, axis=0)
    nearest = index.search(vectors, k=1, **effort).ids[:, 0]
    return float((index.get(nearest) == vectors).all(axis=1).mean())


def assert_same_answers(one: SearchResult, other: SearchResult) -> None:
    """Assert that two answers are equal in every bit."""
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.distances, other.distances)
