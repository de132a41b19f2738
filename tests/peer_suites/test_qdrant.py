"""What qdrant's own tests ask of filtered search and of points that change.

Each docstring names the file of qdrant's suite that it follows: those that end with
``.rs`` are of its library, the others of its HTTP interface. Payload, and conditions on
it, are the caller's here: a filter is what they select.
"""

from __future__ import annotations

import numpy as np
import pytest
from agreement import answer_exactly, assert_exact, odd_rows, recall, uniform_rows
from living_model import assert_sound_graph
from small_index import bounded

import quiver
from quiver._typing import Metric, Vectors
from quiver.conformance.hazards import METRICS
from quiver.errors import InvalidArgumentError

N, DIM = bounded(5000), 8
SPARE = quiver.BuildParams(max_degree=16, ef_construction=16)


@pytest.fixture(scope="module", params=[uniform_rows, odd_rows], ids=["even", "odd"])
def index(request: pytest.FixtureRequest) -> quiver.Index:
    return quiver.Index.build(request.param(N, DIM), params=SPARE)


def ranges(width: int, n_queries: int) -> list[np.ndarray]:
    """Return for each query which points have one of two numbers in a range."""
    rng = np.random.default_rng(42)
    numbers = rng.integers(0, 500, (N, 2))
    starts = rng.integers(0, 500 - width, n_queries)[:, None, None]
    return list(((numbers >= starts) & (numbers <= starts + width)).any(axis=2))


@pytest.mark.parametrize("width", [5, 40, 250], ids=["2 %", "16 %", "75 %"])
def test_of_a_hundred_filtered_queries_at_most_five_miss_a_row(
    index: quiver.Index, width: int
) -> None:
    """filtrable_hnsw_test.rs, at its ef and k. There a walk is always taken; here a
    plan by counts takes one for the most of these rows, and scans the fewer."""
    queries, filters = uniform_rows(100, DIM, seed=1), ranges(width, 100)
    found = index.search(queries, k=3, ef=32, filter=filters)
    n_missed = 0
    for number, marks in enumerate(filters):
        expected = answer_exactly(index, queries[number : number + 1], 3, marks)
        assert marks[found.ids[number, : found.counts[number]]].all()
        n_missed += (found.distances[number] != expected.distances[0]).any()
    assert n_missed <= 5


def test_no_answer_is_refused(index: quiver.Index) -> None:
    """filtrable_hnsw_test.rs, test_hnsw_search_top_zero, which is answered there."""
    with pytest.raises(InvalidArgumentError, match="k must be in 1 … "):
        index.search(uniform_rows(1, DIM), k=0)


def test_an_exact_search_is_one_of_every_row(index: quiver.Index) -> None:
    """exact_search_test.rs: a beam of everything is ``exact``, filtered or not."""
    queries = uniform_rows(20, DIM, seed=1)
    assert_exact(index, queries, 3)
    for marks in ranges(40, 5):
        assert_exact(index, queries, 3, marks)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_codes_of_few_bits_find_the_rows_and_more_effort_never_finds_worse(
    metric: Metric, bits: int
) -> None:
    """hnsw_quantized_search_test.rs: four of ten there. Its oversampling is
    ``n_rerank``, and every answer is rescored."""
    rng = np.random.default_rng(42)
    rows = rng.normal(size=(bounded(1000), 131)).astype(np.float32)
    queries = rng.normal(size=(50, 131)).astype(np.float32)
    encoding = quiver.Encoding(bits=bits)
    index = quiver.Index.build(rows, metric=metric, encoding=encoding)
    tagged = np.arange(len(rows)) < 50
    assert recall(index, queries, 10) >= 0.95
    assert recall(index, queries, 10, tagged) >= 0.99
    for among in (None, tagged):
        little, much = (
            index.search(queries, k=10, ef=64, n_rerank=n_rerank, filter=among)
            for n_rerank in (10, 40)
        )
        assert (much.distances <= little.distances).all()


def test_an_index_grown_by_tenths_in_any_order_finds_what_it_holds() -> None:
    """hnsw_incremental_build.rs, with its ids of 64 random bits: four of ten there."""
    rng = np.random.default_rng(42)
    rows, queries = uniform_rows(N, DIM), uniform_rows(50, DIM, seed=1)
    ids = rng.integers(-(2**63), 2**63, N)
    index = quiver.Index.create(DIM, params=SPARE)
    for part in np.array_split(rng.permutation(N), 10):
        index.add(rows[part], ids[part])
        assert recall(index, queries, 10) >= 0.95
    np.testing.assert_array_equal(index.get(ids), rows)


def test_every_point_is_within_reach(index: quiver.Index) -> None:
    """test_graph_connectivity.rs, which asks for a link to each; and after changes."""
    assert_sound_graph(index)
    changed = index.snapshot()
    changed.remove(changed.ids[::3], consolidate="manual")
    changed.consolidate()
    assert_sound_graph(changed)


def test_points_selected_by_a_filter_are_removed_until_none_is_left() -> None:
    """test_filtered_delete.py, and that the others answer meanwhile."""
    n = bounded(3000)
    rows, keyword = odd_rows(n, 4), np.arange(n) % 5
    index = quiver.Index.build(rows, metric="inner_product", params=SPARE)
    queries = uniform_rows(20, 4, seed=1)
    for value in range(5):
        index.remove(index.ids[keyword[index.ids] == value])
        assert len(index) == (keyword > value).sum()
        assert not (keyword[index.ids] == value).any()
        assert_exact(index, queries, 10)
    found = index.search(queries, k=10)
    assert (found.counts == 0).all()
    assert (found.ids == -1).all()


def few_points() -> quiver.Index:
    """Return ten points, 1 … 10, of four numbers, in the cities of ``CITY``."""
    return quiver.Index.build(
        uniform_rows(10, 4), metric="inner_product", ids=np.arange(1, 11)
    )


def test_points_are_removed_by_id() -> None:
    """test_delete_points.py."""
    index = few_points()
    index.remove(5)
    assert len(index) == 9
    index.remove([1, 2, 3, 4])
    assert index.ids.tolist() == [6, 7, 8, 9, 10]


QUERY = [0.2, 0.1, 0.9, 0.7]
CITY = np.array(["Berlin", "London", "Moscow", "London", "Berlin", *["Oslo"] * 5])


def test_any_of_some_values_may_match_and_any_of_none_matches_nothing() -> None:
    """test_filter.py, test_match_any_empty.py."""
    index = few_points()
    found = index.search(QUERY, k=3, filter=np.isin(CITY, ["London", "Moscow"]))
    assert sorted(found.ids.tolist()) == [2, 3, 4]
    assert index.search(QUERY, k=3, filter=np.isin(CITY, [])).counts == 0


def test_all_but_some_values_may_match_and_all_but_none_is_everything() -> None:
    """test_match_except_empty.py."""
    index = few_points()
    found = index.search(QUERY, k=10, filter=~np.isin(CITY, ["London", "Moscow"]))
    assert sorted(found.ids[: found.counts].tolist()) == [1, 5, 6, 7, 8, 9, 10]
    found = index.search(QUERY, k=10, filter=~np.isin(CITY, []))
    assert sorted(found.ids.tolist()) == list(range(1, 11))


def test_what_a_filter_selects_is_counted() -> None:
    """test_count.py."""
    assert len(few_points().filter(np.isin(CITY, ["London", "Berlin"]))) == 4


def test_a_threshold_between_two_answers_leaves_those_before_it() -> None:
    """test_score_threshold.py, whose scores are negative distances here. Which rows of
    a few lie within is told by codes, so that the margin must be wide."""
    index = few_points()
    second = float(index.search(QUERY, k=3).distances[1])
    for radius, n_answers in ((second - 1e-4, 1), (second + 1e-4, 2)):
        found = index.search_radius(QUERY, radius, confidence=10, max_results=3)
        assert found.counts.tolist() == [n_answers]
        assert found.complete.all()


def test_pages_are_slices_of_a_longer_answer() -> None:
    """pagination_test.rs."""
    rows = np.zeros((bounded(1000), 4), dtype=np.float32)
    rows[:, 0] = np.arange(len(rows))
    index = quiver.Index.build(rows, metric="inner_product", params=SPARE)
    n_pages = min(10, len(rows) // 10)
    whole = index.search([1.0, 0, 0, 0], k=10 * n_pages)
    assert whole.ids[0] == len(rows) - 1
    pages = index.pages([1.0, 0, 0, 0], size=10)
    for start in range(0, 10 * n_pages, 10):
        ids, distances = next(pages)
        np.testing.assert_array_equal(ids, whole.ids[start : start + 10])
        np.testing.assert_array_equal(distances, whole.distances[start : start + 10])


@pytest.mark.parametrize("width", [1, 250], ids=["few", "many"])
def test_a_batch_answers_as_its_queries_one_by_one(
    index: quiver.Index, width: int
) -> None:
    """batch_search_test.rs."""
    queries, marks = uniform_rows(20, DIM, seed=1), ranges(width, 1)[0]
    for among in (None, marks):
        batch = index.search(queries, k=10, filter=among)
        for number, query in enumerate(queries):
            alone = index.search(query, k=10, filter=among)
            np.testing.assert_array_equal(batch.ids[number], alone.ids)
            np.testing.assert_array_equal(batch.distances[number], alone.distances)


def upsert(index: quiver.Index, ids: np.ndarray, vectors: Vectors) -> None:
    """Update what is known and add what is new: the recipe of the documentation."""
    is_known = np.isin(ids, index.ids)
    index.update(ids[is_known], vectors[is_known])
    index.add(vectors[~is_known], ids[~is_known])


def test_a_series_of_operations_ends_where_the_last_of_each_point_left_it() -> None:
    """test_batch_update.py. To remove an unknown id is an error here, and no upsert:
    `add` and `update` say which of both is meant."""
    index, one = few_points(), np.array([[1.0, 2, 3, 4]])
    index.remove([7, 8, 10])
    upsert(index, np.array([7, 9]), np.repeat(one, 2, axis=0))
    upsert(index, np.array([8]), one)
    index.remove(8)
    upsert(index, np.array([7]), one[:, [1, 0, 2, 3]])
    with pytest.raises(InvalidArgumentError, match="ids must be in the index, got 10"):
        index.remove(10)
    assert sorted(index.ids.tolist()) == [1, 2, 3, 4, 5, 6, 7, 9]
    np.testing.assert_array_equal(index.get([7, 9]), [[2, 1, 3, 4], [1, 2, 3, 4]])


def test_only_known_points_are_updated_and_only_new_ones_added() -> None:
    """test_update_mode.py: those that do not fit are passed over there, and refused
    here, with all that were given beside them."""
    index = few_points()
    before = index.state
    with pytest.raises(InvalidArgumentError, match="ids must be in the index, got 11"):
        index.update([1, 11], np.ones((2, 4)))
    with pytest.raises(InvalidArgumentError, match="new to the index, got 1"):
        index.add(np.ones((2, 4)), [11, 1])
    assert index.state is before


def test_the_neighbours_of_a_point_are_those_of_its_vector_without_itself() -> None:
    """test_query.py, of queries by id."""
    index = few_points()
    vector = index.get(3)
    found = index.search(vector, k=9, filter=index.ids != 3)
    assert 3 not in found.ids
    whole = index.search(vector, k=10).ids
    assert found.ids.tolist() == whole[whole != 3].tolist()
