"""What a living index must hold and answer: a dict of vectors, looked at one by one."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

import quiver
from quiver._typing import Metric, Vectors
from quiver.graph.reachability import reachable
from quiver.reference.keys import NO_ID

DIM = 12
SHAPE = quiver.BuildParams(max_degree=6, ef_construction=16)


def untidy_pool(n: int = 240, seed: int = 0) -> Vectors:
    """Return rows with copies, zeros, ties, a rare direction and lengths far apart."""
    rng = np.random.default_rng(seed)
    pool = rng.normal(size=(n, DIM)).astype(np.float32)
    pool[::7] = pool[3]
    pool[::11] = 0
    pool[1::12] *= 30
    pool[100:160] = np.round(pool[100:160])
    pool[160:170] = -0.0 * pool[160:170]
    return pool


class Model:
    """The vectors by id, and what the index must say of them."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.vectors: dict[int, Vectors] = {}

    def put(self, ids: list[int], vectors: Vectors) -> None:
        self.vectors.update(zip(ids, vectors, strict=True))

    def drop(self, ids: list[int]) -> None:
        for number in ids:
            del self.vectors[number]

    def assert_equals(self, index: quiver.Index) -> None:
        """Assert that the index holds these vectors and no other."""
        ids = index.ids.tolist()
        assert len(index) == index.n == len(ids) == len(self.vectors)
        assert set(ids) == self.vectors.keys()
        assert all(number in index for number in ids)
        held = np.asarray(index.vectors)
        np.testing.assert_array_equal(held, self._in_order(ids))
        if ids:
            np.testing.assert_array_equal(index.get(ids[::-1]), held[::-1])

    def assert_answers(
        self,
        index: quiver.Index,
        queries: Vectors,
        k: int,
        among: NDArray[np.bool_] | None = None,
    ) -> None:
        """Assert that a beam of everything answers as a look at every vector does.

        ``among`` filters the answers: a bool for each of ``index.ids``.
        """
        everything = max(k, index.state.n)
        effort = {"ef": everything, "n_rerank": everything}
        found = index.search(queries, k=k, filter=among, **effort)
        ids = index.ids if among is None else index.ids[among]
        n_found = min(k, len(ids))
        assert found.counts.tolist() == [n_found] * len(queries)
        assert (found.ids[:, n_found:] == -1).all()
        assert np.isinf(found.distances[:, n_found:]).all()
        if n_found:
            base = self._in_order(ids.tolist())
            how = {"metric": self.metric}
            rows, distances = quiver.exact_knn(base, queries, n_found, **how)
            np.testing.assert_array_equal(found.distances[:, :n_found], distances)
            np.testing.assert_array_equal(found.ids[:, :n_found], ids[rows])

    def assert_pages(self, index: quiver.Index, query: Vectors) -> None:
        """Assert that all pages together hold every vector once, nearest first."""
        found = list(index.pages(query, size=7))
        ids = [number for page, _ in found for number in page.tolist()]
        assert sorted(ids) == sorted(self.vectors)
        for page, distances in found:
            assert (np.diff(distances) >= 0).all()
            if len(page):
                base = self._in_order(page.tolist())
                how = {"metric": self.metric}
                exact = quiver.exact_knn(base, query[None], len(page), **how)[1][0]
                np.testing.assert_array_equal(distances, exact)

    def _in_order(self, ids: list[int]) -> Vectors:
        none = np.empty((0, DIM), dtype=np.float32)
        return np.stack([self.vectors[number] for number in ids]) if ids else none


def digest(index: quiver.Index) -> str:
    """Return a hash of everything that a version is made of."""
    state = index.state
    parts = [state.codes.rows, state.neighbors, state.entry_points, state.ids]
    parts += [np.asarray(state.vectors), state.unlinked, state.transform.mean]
    parts += [part for part in (state.live, state.build_mean) if part is not None]
    total = hashlib.sha256(str(index.version).encode())
    for part in parts:
        total.update(np.ascontiguousarray(part))
    return total.hexdigest()


def assert_sound_graph(index: quiver.Index) -> None:
    """Assert what searches and later changes rely on."""
    state = index.state
    lists = state.neighbors
    linked = lists != NO_ID
    assert (lists[linked] < state.n).all()
    assert not (lists == np.arange(state.n)[:, None]).any(), "no edge to itself"
    assert not linked[state.unlinked[:, 1]].any(), "no edge leaves an unlinked row"
    assert not np.isin(lists[linked], state.unlinked[:, 1]).any(), "none leads to one"
    assert (linked[:, 1:] <= linked[:, :-1]).all(), "holes come last only"
    for row, is_linked in zip(lists, linked, strict=True):
        assert len({*row[is_linked].tolist()}) == is_linked.sum(), "every edge once"
    if state.has_graph:
        reached = reachable(lists, state.entry_point)
        assert reached[state.is_node].all(), "every row is within reach"


def draw_index(metric: Metric, rows: Vectors, backend: str = "auto") -> quiver.Index:
    """Build an index over some rows, or create one where there are none."""
    how = {"params": SHAPE, "backend": backend}
    if not len(rows):
        return quiver.Index.create(DIM, metric, **how)
    return quiver.Index.build(rows, metric=metric, **how)
