"""A filter: the rows that may answer, the nodes that stand for them, and the plan."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from rows import normal_rows
from small_index import small_index

import quiver
from quiver.filters.filter import Filter
from quiver.reference.keys import NO_ID
from quiver.reference.masks import marked_rows


@pytest.fixture(scope="module")
def index() -> quiver.Index:
    """Rows 3 and 5 equal row 1, row 7 equals row 2, and rows 4 and 8 are zero."""
    vectors = normal_rows(12, 5, seed=3)
    vectors[[3, 5, 7]] = vectors[[1, 1, 2]]
    vectors[[4, 8]] = 0
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    return quiver.Index.build(vectors, params=params, backend="reference")


def filter_of(index: quiver.Index, *rows: int) -> Filter:
    return index.filter(np.isin(np.arange(index.n), rows))


def test_nodes_stand_for_the_rows_equal_to_them(index: quiver.Index) -> None:
    found = filter_of(index, 0, 5, 7, 8, 11)
    assert found.nodes.tolist() == [0, 1, 2, 11]
    assert found.nodes.dtype == np.uint32
    assert found.unlinked.tolist() == [[1, 5], [2, 7], [NO_ID, 8]]
    marks = marked_rows(found.mask, index.n)
    assert np.flatnonzero(marks).tolist() == found.nodes.tolist()


def test_zero_rows_alone_have_no_node(index: quiver.Index) -> None:
    found = filter_of(index, 4, 8)
    assert found.nodes.size == 0
    assert found.is_scanned(1)


def test_it_says_how_many_rows_of_how_many(index: quiver.Index) -> None:
    found = filter_of(index, 0, 5, 8)
    assert len(found) == 3
    assert repr(found) == "Filter(3 of 12 rows)"


@pytest.mark.parametrize(("ef", "most"), [(1, 1897), (64, 15178), (200, 26832)])
def test_few_nodes_are_scanned_and_many_walked_to(ef: int, most: int) -> None:
    # m · m <= 45 · ef · n, exactly.
    n = 80_000
    state = small_index().state
    everything = Filter(state, np.ones(state.n, dtype=bool))
    assert 45 * ef * n - most * most >= 0 > 45 * ef * n - (most + 1) ** 2
    for m in (most, most + 1):
        everything.is_allowed = np.arange(n) < m
        everything.__dict__["nodes"] = np.arange(m, dtype=np.uint32)
        assert everything.is_scanned(ef) == (m == most)
        assert everything.budget == m // 3


def test_a_filter_does_not_keep_its_version_alive() -> None:
    points = normal_rows(30, 4)
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    index = quiver.Index.build(points, params=params, backend="reference")
    found = index.filter([1, 2])
    assert found.is_of(index.state)
    index.repair()
    gc.collect()
    assert not found.is_of(index.state)
    assert found._state() is None
