"""Ranking: however many rows, in exact order, with what is equal to them."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.ranking import RANKED_TOGETHER, ranked_with_others
from quiver.reference.keys import key_distances, key_ids

N = 2 * RANKED_TOGETHER + 9


@pytest.fixture(scope="module")
def index() -> quiver.Index:
    vectors = normal_rows(N + 30, 6)
    vectors[N : N + 20] = vectors[5]
    vectors[N + 20 :] = 0
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    return quiver.Index.build(vectors, params=params)


@pytest.mark.parametrize("n", [0, 1, RANKED_TOGETHER, RANKED_TOGETHER + 1, N])
@pytest.mark.parametrize("is_filtered", [False, True])
def test_rows_copies_and_zero_rows_are_in_exact_order(
    index: quiver.Index, n: int, is_filtered: bool
) -> None:
    query = normal_rows(1, 6, seed=1)[0]
    rows = np.random.default_rng(0).permutation(N)[:n].astype(np.uint32)
    marks = np.arange(index.n) % 3 != 2
    own = index.filter(marks) if is_filtered else None
    keys = ranked_with_others(index.state, index.backend, query, rows, own)
    brought = [*rows, *range(N + 20, N + 30)]
    brought += range(N, N + 20) if 5 in rows else ()
    expected, distances = quiver.exact_knn(index.vectors, query[None], index.n)
    is_there = np.isin(expected[0], brought)
    if is_filtered:
        is_there &= marks[expected[0]]
    assert key_ids(keys).tolist() == expected[0][is_there].tolist()
    np.testing.assert_array_equal(key_distances(keys), distances[0][is_there])


def test_linked_rows_are_those_that_a_walk_can_reach(index: quiver.Index) -> None:
    assert index.state.nodes.tolist() == list(range(N))
