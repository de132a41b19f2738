"""Search: batches, rows that no walk reaches, and answers longer than the base."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows
from small_index import small_index

import quiver
from quiver.reference.keys import NO_ID
from quiver.search import SEARCH_CHUNK


def axis_index() -> quiver.Index:
    """Row 1 equals row 0, and rows 3 and 5 have no direction."""
    rows = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [-1, 0], [0, 0]], np.float32)
    return quiver.Index.build(rows, metric="cosine", backend="reference")


def test_a_batch_of_one_chunk_and_a_query_more_equals_single_queries() -> None:
    index = small_index(n=30)
    queries = normal_rows(SEARCH_CHUNK + 1, 5, seed=4)
    batch = index.search(queries, k=3, ef=5, threads=2)
    singles = [index.search(query[None], k=3, ef=5) for query in queries]
    for part in ("ids", "distances", "counts"):
        joined = np.concatenate([getattr(one, part) for one in singles])
        np.testing.assert_array_equal(getattr(batch, part), joined)
    hops = np.concatenate([one.stats.hops for one in singles])
    np.testing.assert_array_equal(batch.stats.hops, hops)


def test_no_queries_are_answered_in_the_right_shape() -> None:
    found = small_index().search(np.empty((0, 5), np.float32), k=3)
    assert found.ids.shape == found.distances.shape == (0, 3)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_copies_and_zero_rows_take_their_place_by_distance_then_row(k: int) -> None:
    index = axis_index()
    assert index.state.unlinked.tolist() == [[0, 1], [NO_ID, 3], [NO_ID, 5]]
    found = index.search(np.array([[1, 0]], np.float32), k=k)
    assert found.ids[0].tolist() == [0, 1, 2, 3, 5, 4][:k]
    assert found.distances[0].tolist() == [0, 0, 1, 1, 1, 2][:k]


def test_more_neighbors_than_rows_leave_marked_places() -> None:
    found = axis_index().search(np.array([[1, 0]], np.float32), k=8)
    assert found.counts.tolist() == [6]
    assert found.ids[0].tolist() == [0, 1, 2, 3, 5, 4, -1, -1]
    assert found.distances[0, 6:].tolist() == [np.inf, np.inf]
