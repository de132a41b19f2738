"""Asking: its verbs are the index's own, answer the truth and change nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import normal_rows

import quiver
from quiver._typing import Distances, Metric, UserIds, Vectors
from quiver.asking import Asking
from quiver.conformance.hazards import METRICS

PARAMS = quiver.BuildParams(max_degree=6, ef_construction=16)


class Asked(NamedTuple):
    """An index with copies, zero vectors and removed rows, and what is true of it.

    Attributes
    ----------
    order, distances : ndarray of shape (q, m)
        The live rows for each query by distance, then by row: ids and distances.
    may_answer : ndarray of int64
        Ids to be filtered by, those of removed rows included; None for no filter.
    """

    index: quiver.Index
    queries: Vectors
    order: UserIds
    distances: Distances
    may_answer: UserIds | None

    def truth(self, query: int) -> tuple[list[int], list[float]]:
        """Return the ids and distances of all that may answer, nearest first."""
        ids, distances = self.order[query], self.distances[query]
        if self.may_answer is not None:
            kept = np.isin(ids, self.may_answer)
            ids, distances = ids[kept], distances[kept]
        return ids.tolist(), distances.tolist()


@st.composite
def cases(draw: st.DrawFn, metric: Metric, most: int, dims: tuple[int, ...]) -> Asked:
    """Draw an index of at most so many rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, dim = draw(st.integers(1, most)), draw(st.sampled_from(dims))
    vectors = normal_rows(n, dim, draw(st.integers(0, 2**32)))
    vectors = np.round(vectors) if draw(st.booleans()) else vectors.copy()
    vectors[rng.random(n) < draw(st.sampled_from([0, 0.3]))] = vectors[0]
    vectors[rng.random(n) < draw(st.sampled_from([0, 0.2, 1]))] = 0
    ids = rng.permutation(5 * n)[:n]
    index = quiver.Index.build(vectors, metric=metric, params=PARAMS, ids=ids)
    is_live = rng.random(n) >= draw(st.sampled_from([0, 0.3, 0.9]))
    index.remove(ids[~is_live], consolidate="manual")
    queries = np.concatenate([normal_rows(2, dim, 1), vectors[:2]])
    live = np.flatnonzero(is_live)
    order, distances = np.empty((2, len(queries), 0))
    if len(live):
        asked = vectors[live], queries, len(live)
        order, distances = quiver.exact_knn(*asked, metric=metric)
    share = draw(st.sampled_from([None, 0, 0.1, 0.6, 1]))
    may_answer = None if share is None else ids[rng.random(n) < share]
    order = ids[live[order.astype(np.intp)]]
    return Asked(index, queries, order, distances, may_answer)


@pytest.mark.parametrize("metric", METRICS)
@given(data=st.data(), k=st.integers(1, 60))
def test_a_search_that_sees_everything_finds_what_is_true(
    metric: Metric, data: st.DataObject, k: int
) -> None:
    case = data.draw(cases(metric, 50, (1, 2, 8, 40)))
    result = case.index.search(case.queries, k=k, ef=10**6, filter=case.may_answer)
    for query, count in enumerate(result.counts):
        ids, distances = case.truth(query)
        assert result.ids[query][:count].tolist() == ids[:k]
        assert result.distances[query][:count].tolist() == distances[:k]
        assert (result.ids[query][count:] == -1).all()
        assert np.isinf(result.distances[query][count:]).all()


@pytest.mark.parametrize("metric", METRICS)
@given(data=st.data(), k=st.integers(1, 4))
def test_a_short_walk_finds_as_many_as_there_are_and_only_what_may_answer(
    metric: Metric, data: st.DataObject, k: int
) -> None:
    case = data.draw(cases(metric, 400, (8,)))
    result = case.index.search(case.queries, k=k, ef=4, filter=case.may_answer)
    for query, found in enumerate(result.ids):
        ids, distances = case.truth(query)
        count = result.counts[query]
        assert count == min(k, len(ids))
        true = dict(zip(ids, distances, strict=True))
        shown = result.distances[query][:count].tolist()
        assert shown == [true[number] for number in found[:count].tolist()]
        assert shown == sorted(shown)


@pytest.mark.parametrize("metric", METRICS)
@given(data=st.data(), place=st.integers(0, 49))
def test_a_radius_holds_what_is_within_it_to_the_last(
    metric: Metric, data: st.DataObject, place: int
) -> None:
    case = data.draw(cases(metric, 50, (8, 40)))
    if not case.order.shape[1]:
        assert not case.index.search_radius(case.queries, 1e9).counts.any()
        return
    radius = case.distances[:, place % case.order.shape[1]].astype(np.float64)
    options = {"confidence": 10, "filter": case.may_answer, "ef": 4}
    found = case.index.search_radius(case.queries, radius, **options)
    for query, (ids, distances) in enumerate(found):
        all_ids, all_distances = case.truth(query)
        within = np.searchsorted(all_distances, radius[query], side="right")
        assert ids.tolist() == all_ids[:within]
        assert distances.tolist() == all_distances[:within]


@pytest.mark.parametrize("metric", METRICS)
@given(data=st.data(), size=st.integers(1, 60))
def test_pages_end_when_every_row_that_may_answer_is_out(
    metric: Metric, data: st.DataObject, size: int
) -> None:
    case = data.draw(cases(metric, 200, (1, 8)))
    for query, vector in enumerate(case.queries):
        pages = list(case.index.pages(vector, size, filter=case.may_answer))
        assert all(len(ids) == size for ids, _ in pages[:-1])
        assert all(len(ids) for ids, _ in pages)
        out = [number for ids, _ in pages for number in ids.tolist()]
        ids, distances = case.truth(query)
        assert sorted(out) == sorted(ids)
        true = dict(zip(ids, distances, strict=True))
        for page, shown in pages:
            assert shown.tolist() == [true[number] for number in page.tolist()]
            assert (np.diff(shown) >= 0).all()


def test_every_verb_is_one_of_the_index_and_leaves_it_alone() -> None:
    index = quiver.Index.build(normal_rows(60, 6))
    before = index.state
    query, few = normal_rows(1, 6, seed=1)[0], index.filter([1, 2, 3])
    assert isinstance(index, Asking)
    assert sorted(index.search_radius(query, 2.0, filter=few).ids) == [1, 2, 3]
    assert sorted(np.concatenate([i for i, _ in index.pages(query, filter=few)])) == [
        *(1, 2, 3)
    ]
    assert index.state is before
