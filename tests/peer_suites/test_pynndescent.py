"""What pynndescent's own tests ask of an index, asked of quiver's.

All of ``test_pynndescent_.py`` that is not of trees, sparse or packed rows, its
transformer, or metrics that quiver has not: each docstring names the test it follows.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
from agreement import assert_exact, assert_same_answers, recall, uniform_rows
from small_index import assert_same_index, bounded

import quiver
from quiver._typing import Metric, Vectors
from quiver.errors import InvalidArgumentError, InvalidTypeError

N, DIM, K = bounded(1000), 5, 10
both_metrics = pytest.mark.parametrize("metric", ["euclidean", "cosine"])


def rows_and_two_zeros(n: int = N, dim: int = DIM) -> Vectors:
    return np.concatenate([uniform_rows(n, dim), np.zeros((2, dim), dtype=np.float32)])


def hanging_rows(n: int = bounded(2000)) -> Vectors:
    """Return rows of small counts, most of them zero and many of them equal."""
    rng = np.random.default_rng(3)
    rows = rng.poisson(0.08, (n, 32)).astype(np.float32)
    rows[rng.random(n) < 0.4] = 0
    return rows


@both_metrics
def test_every_row_has_its_neighbours(metric: Metric) -> None:
    """test_nn_descent_neighbor_accuracy, test_angular_nn_descent_neighbor_accuracy and
    test_random_state_none: 98 and 99 of 100 there. No state is random here."""
    rows = rows_and_two_zeros()
    index = quiver.Index.build(rows, metric=metric)
    assert recall(index, rows, K) >= 0.99


@both_metrics
def test_rows_left_out_find_their_neighbours(metric: Metric) -> None:
    """test_nn_descent_query_accuracy and its angular twin."""
    rows = rows_and_two_zeros()
    index = quiver.Index.build(rows[N // 5 :], metric=metric)
    assert recall(index, rows[: N // 5], K) >= 0.95


def test_rows_of_bytes_find_their_neighbours() -> None:
    """test_bitpacked_nn_descent_query_accuracy: bytes are numbers here, not eight bits,
    and there is no Jaccard metric."""
    rows = (uniform_rows(N, DIM) * 256).astype(np.uint8)
    index = quiver.Index.build(rows[N // 5 :], metric="euclidean")
    assert recall(index, rows[: N // 5].astype(np.float32), K) >= 0.95


def test_the_same_rows_make_the_same_index_and_answers() -> None:
    """test_deterministic: with a seed there, always here."""
    rng = np.random.default_rng(42)
    rows, queries = rng.normal(0, 100, (2, N, 50))
    one, other = (quiver.Index.build(rows, metric="euclidean") for _ in range(2))
    assert_same_index(other, one)
    assert_same_answers(other.search(queries), one.search(queries))


def assert_no_answer_twice(index: quiver.Index, queries: Vectors) -> None:
    ids = np.sort(index.search(queries, k=K).ids, axis=1)
    assert (np.diff(ids, axis=1) > 0).all()


def test_many_zero_and_equal_rows_give_no_answer_twice() -> None:
    """test_rp_trees_should_not_stack_overflow_with_duplicate_data."""
    rows = hanging_rows()
    index = quiver.Index.build(rows)
    assert_no_answer_twice(index, rows)
    assert recall(index, rows, K) >= 0.95


def test_the_same_rows_once_each_are_searched_as_any() -> None:
    """test_deduplicated_data_behaves_normally."""
    rows = np.unique(hanging_rows(), axis=0)
    rows = rows[rows.any(axis=1)][:1000]
    index = quiver.Index.build(rows)
    assert_no_answer_twice(index, rows)
    assert recall(index, rows, K) >= 0.95


def test_rows_that_are_nearly_equal_give_no_answer_twice() -> None:
    """test_rp_trees_should_not_stack_overflow_with_near_duplicate_data."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(1, 8)) * (1 + 1e-3 * rng.normal(size=(50, 8)))
    index = quiver.Index.build(rows)
    assert_no_answer_twice(index, rows.astype(np.float32))
    assert_exact(index, rows.astype(np.float32), K)


def test_a_build_is_silent_unless_asked(capfd: Any) -> None:
    """test_no_output_when_verbose_is_false, test_output_when_verbose_is_true."""
    told: list[tuple[int, int]] = []
    rows = rows_and_two_zeros()
    quiver.Index.build(rows)
    quiver.Index.build(rows, progress=lambda done, n: told.append((done, n)))
    assert capfd.readouterr() == ("", "")
    assert told[-1] == (len(rows), len(rows))


@pytest.mark.parametrize("by", ["pickle", "joblib"])
def test_an_index_from_a_stream_answers_the_same(by: str) -> None:
    """test_pickle_unpickle, test_compressed_pickle_unpickle, test_joblib_dump."""
    module: Any = pickle if by == "pickle" else pytest.importorskip("joblib")
    rows, queries = np.random.default_rng(42).normal(0, 100, (2, N, 50))
    index = quiver.Index.build(rows, metric="euclidean")
    index.remove(range(0, N, 50))
    stream = io.BytesIO()
    module.dump(index, stream)
    stream.seek(0)
    again = module.load(stream)
    assert_same_index(again, index)
    assert_same_answers(again.search(queries), index.search(queries))


@both_metrics
@pytest.mark.parametrize("prepared", [False, True])
def test_rows_that_join_are_found(metric: Metric, prepared: bool) -> None:
    """test_update_no_prepare_query_accuracy, test_update_w_prepare_query_accuracy:
    `consolidate` is the nearest to ``prepare``, and an index needs neither."""
    rows = rows_and_two_zeros()
    index = quiver.Index.build(rows[N // 5 : 4 * N // 5], metric=metric)
    index.add(rows[4 * N // 5 :])
    if prepared:
        index.consolidate()
    assert len(index) == len(rows) - N // 5
    assert recall(index, rows[: N // 5], K) >= 0.95


# Which rows get other vectors, whether these are of the other side, and how many join.
CHANGES = {
    "nothing": (slice(0, 0), False, 0),
    "as many join": (slice(0, 0), False, N),
    "all change": (slice(None), False, 0),
    "a few are turned": (slice(0, N // 20, 2), True, 0),
    "many are turned": (slice(0, N // 2, 2), True, 0),
    "all change, as many join": (slice(None), False, N),
    "a few are turned, few join": (slice(0, N // 20, 2), True, N // 10),
    "many are turned, as many join": (slice(0, N // 2, 2), True, N),
}


@both_metrics
@pytest.mark.parametrize("name", CHANGES)
def test_changed_and_joining_rows_are_found_among_the_others(
    metric: Metric, name: str
) -> None:
    """test_update_with_changed_data: asked for the old places and for the new."""
    part, is_turned, n_joining = CHANGES[name]
    rows, other, joining = np.split(uniform_rows(3 * N, DIM, seed=12345), 3)
    joining = joining[:n_joining]
    index = quiver.Index.build(rows, metric=metric)
    assert recall(index, rows, K) >= 0.95
    changed = np.arange(N)[part]
    vectors = -rows[changed] if is_turned else other[changed]
    index.update(changed, vectors)
    index.add(joining)
    expected = np.concatenate([rows, joining])
    expected[changed] = vectors
    np.testing.assert_array_equal(index.get(np.arange(len(expected))), expected)
    assert recall(index, np.concatenate([rows, joining]), K) >= 0.95
    if len(vectors):
        assert recall(index, vectors, K) >= 0.95


def test_an_index_of_one_row_grows_row_by_row() -> None:
    """test_tree_numbers_after_multiple_updates: no setting wears out by updates."""
    index = quiver.Index.build(np.array([[1.0]]), metric="euclidean", max_degree=4)
    for number in range(2, 60):
        index.add([[float(number)]])
        index.update([0], [[1.0 / number]])
    assert index.params.max_degree == 4
    assert len(index) == 59
    assert_exact(index, np.array([[0.0], [30.2], [99.0]], dtype=np.float32), 5)
    assert index.search([30.2], k=3).ids.tolist() == [29, 30, 28]


def test_rows_of_one_dimension_find_their_neighbours() -> None:
    """test_one_dimensional_data."""
    rows = rows_and_two_zeros(dim=1)
    index = quiver.Index.build(rows[N // 5 :], metric="euclidean")
    assert recall(index, rows[: N // 5], K) >= 0.95


@both_metrics
def test_ten_rows_are_enough(metric: Metric) -> None:
    """test_tree_no_split."""
    rows = np.random.default_rng(0).uniform(5, 40, (20, 5)).astype(np.float32)
    index = quiver.Index.build(rows[10:], metric=metric)
    assert_exact(index, rows[:10], 10)
    assert recall(index, rows[:10], 10) == 1


def test_square_roots_of_counts_are_rows_as_any() -> None:
    """test_bad_data."""
    rows = np.sqrt(hanging_rows())
    assert quiver.Index.build(rows).check(full=True).ok


def test_what_has_no_counterpart_is_refused_by_name() -> None:
    """The tests of sparse rows and of the Manhattan metric."""
    sparse = pytest.importorskip("scipy.sparse")
    rows = sparse.random(30, 8, density=0.5, format="csr")
    with pytest.raises(InvalidTypeError, match="toarray"):
        quiver.Index.build(rows)
    with pytest.raises(InvalidArgumentError, match="one of cosine, euclidean, inner"):
        quiver.Index.build(rows.toarray(), metric="manhattan")
