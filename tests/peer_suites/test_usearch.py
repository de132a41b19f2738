"""What usearch's own tests ask of an index, asked of quiver's.

Each docstring names the test of usearch's suite that it follows: of ``test_index.py``
of the Python binding unless another file is named.
"""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import (
    assert_exact,
    assert_same_answers,
    odd_rows,
    recall,
    share_found,
    uniform_rows,
)
from small_index import assert_same_index, bounded

import quiver
from quiver._typing import Metric, Vectors
from quiver.backends import Backend
from quiver.errors import InvalidArgumentError, InvalidTypeError

MANY = bounded(1024)
SIZES = [1, 7, MANY]


def filled(
    vectors: Any, metric: Metric = "cosine", ids: Any = None, **how: Any
) -> quiver.Index:
    """Return an index that was created empty and given all rows at once."""
    index = quiver.Index.create(len(vectors[0]), metric, **how)
    index.add(vectors, ids)
    return index


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dim", [3, 97, 256])
def test_rows_of_any_float_are_counted_listed_and_given_back(
    dtype: type, n: int, metric: Metric, dim: int
) -> None:
    """test_index_initialization_and_addition, test_index_retrieval: to a tenth there,
    to the bit here, for float32 is kept beside codes."""
    vectors = odd_rows(n, dim).astype(dtype)
    index = filled(vectors, metric)
    assert len(index) == n
    assert index.ids.tolist() == list(range(n))
    np.testing.assert_array_equal(index.get(index.ids), vectors.astype(np.float32))
    np.testing.assert_array_equal(np.asarray(index.vectors), index.get(index.ids))


def test_views_with_strides_are_the_rows_they_show() -> None:
    """test_index_retrieval. A transposed matrix is taken too, which it refuses."""
    wide, tall = uniform_rows(50, 9), uniform_rows(8, 50)
    np.testing.assert_array_equal(filled(wide[:, 1:]).get(range(50)), wide[:, 1:])
    np.testing.assert_array_equal(filled(tall.T).get(range(50)), tall.T)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_batch_has_an_axis_more_than_one_query(n: int, metric: Metric) -> None:
    """test_index_search. A batch of one is a batch: the shape follows the query's."""
    vectors = uniform_rows(n, 97)
    index = filled(vectors, metric)
    one, batch = index.search(vectors[0], k=10), index.search(vectors, k=10)
    assert one.ids.shape == one.distances.shape == (10,)
    assert batch.ids.shape == batch.distances.shape == (n, 10)
    assert (batch.counts == min(n, 10)).all()
    np.testing.assert_array_equal(batch.ids[0], one.ids)
    assert index.search(vectors[:1], k=10).ids.shape == (1, 10)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dim", [3, 97, 256])
def test_rows_find_themselves_and_the_cost_is_counted(n: int, dim: int) -> None:
    """test_index_self_recall, which asks for no share. Rows drawn in 256 dimensions are
    about as far from one another, and codes of two bits tell them apart the least."""
    vectors = uniform_rows(n, dim)
    index = filled(vectors)
    assert share_found(index, vectors) >= 0.985
    cost = index.search(vectors, k=1).stats
    assert (cost.reranked > 0).all()
    assert (cost.distance_computations > 0).all() == index.state.has_graph


@pytest.mark.parametrize("n", SIZES)
def test_a_known_id_is_refused_and_an_equal_vector_is_not(n: int) -> None:
    """test_index_duplicates. An id names one vector: there is no ``multi``. Equal
    vectors have ids of their own, and each of them answers."""
    vectors = uniform_rows(n, 8)
    index = filled(vectors, "euclidean")
    before = index.state
    with pytest.raises(InvalidArgumentError, match=r"got 0; update\(\)"):
        index.add(vectors, np.arange(n))
    assert index.state is before
    assert index.add(vectors).tolist() == list(range(n, 2 * n))
    assert len(index) == 2 * n
    found = index.search(vectors, k=2)
    expected = np.stack([np.arange(n), np.arange(n, 2 * n)], axis=1)
    np.testing.assert_array_equal(found.ids, expected)
    assert (found.distances == 0).all()


@pytest.mark.parametrize("n", [0, *SIZES])
@pytest.mark.parametrize("dim", [1, 3, 8, 256, 4096])
def test_a_file_its_view_and_a_copy_are_the_index(
    n: int, dim: int, tmp_path: Path
) -> None:
    """test_index_save_load_restore_copy, test_index_load_from_buffer: the buffer is a
    pickle, and a view is ``cold="mmap"``, whose vectors stay in the file."""
    index = filled(odd_rows(n, dim), "euclidean") if n else quiver.Index.create(dim)
    path = tmp_path / "index.quiver"
    index.save(path)
    restored = [quiver.open(path), quiver.open(path, cold="mmap", verify="full")]
    for other in (*restored, index.snapshot(), pickle.loads(pickle.dumps(index))):
        assert len(other) == n
        assert_same_index(other, index)
        np.testing.assert_array_equal(other.get(index.ids), index.get(index.ids))


def test_only_a_path_is_opened() -> None:
    """test_index_load_from_buffer."""
    with pytest.raises(InvalidTypeError, match="path-like, got 123"):
        quiver.open(123)


def test_a_copy_is_cleared_and_filled_without_the_first() -> None:
    """test_index_save_load_restore_copy. To clear is to remove every id."""
    vectors = uniform_rows(MANY, 8)
    index = filled(vectors)
    copy = index.snapshot()
    copy.remove(copy.ids)
    assert (len(copy), copy.state.n, len(index)) == (0, 0, MANY)
    assert (copy.search(vectors[:3], k=2).ids == -1).all()
    copy.add(vectors[::-1])
    np.testing.assert_array_equal(copy.get(copy.ids), vectors[::-1])
    assert share_found(copy, vectors) == 1


@pytest.mark.parametrize("threads", [1, 3, 7, 150])
def test_a_restored_index_answers_the_same_by_any_number_of_threads(
    threads: int, tmp_path: Path
) -> None:
    """test_index_restore_multithread_search: within a tenth there, bit for bit here."""
    index = filled(uniform_rows(MANY, 32))
    queries = uniform_rows(MANY, 32, seed=1)
    expected = index.search(queries, k=10, threads=1)
    index.save(tmp_path / "index.quiver")
    for cold in ("memory", "mmap"):
        again = quiver.open(tmp_path / "index.quiver", cold=cold)
        assert_same_answers(again.search(queries, k=10, threads=threads), expected)


def test_removed_ids_are_not_in_the_index_and_are_not_removed_again() -> None:
    """test_index_contains_remove_rename, first half. To remove what is not there is an
    error here that names it, and silent there."""
    index = filled(uniform_rows(32, 8))
    gone, left = np.arange(16), np.arange(16, 32)
    index.remove(gone)
    assert len(index) == 16
    assert [number in index for number in range(32)] == [False] * 16 + [True] * 16
    assert np.isin(np.arange(32), index.ids).sum() == 16
    with pytest.raises(InvalidArgumentError, match="ids must be in the index, got 0"):
        index.remove(gone)
    assert index.ids.tolist() == left.tolist()


def test_rows_go_on_under_other_ids() -> None:
    """test_index_contains_remove_rename, second half. There is no rename: a row leaves
    under one id and joins under another, and is as near as it was."""
    vectors = uniform_rows(32, 8)
    index = filled(vectors)
    index.remove(np.arange(16))
    moved = index.get(np.arange(16, 32))
    before = index.search(vectors, k=16)
    index.remove(np.arange(16, 32))
    index.add(moved, np.arange(16))
    assert index.ids.tolist() == list(range(16))
    after = index.search(vectors, k=16)
    np.testing.assert_array_equal(after.ids, before.ids - 16)
    np.testing.assert_array_equal(after.distances, before.distances)


@pytest.mark.parametrize("n", [3, 17, 33, MANY])
@pytest.mark.parametrize("threads", [1, 4])
def test_asked_for_more_than_there_are_every_row_answers(n: int, threads: int) -> None:
    """test_index_oversubscribed_search, which is skipped there as not guaranteed."""
    vectors = uniform_rows(n, 8)
    index = filled(vectors, "euclidean")
    found = index.search(vectors, k=10 * n, threads=threads)
    assert (found.counts == n).all()
    assert found.ids[:, 0].tolist() == list(range(n))
    assert (np.sort(found.ids[:, :n]) == np.arange(n)).all()
    assert (found.ids[:, n:] == -1).all()


def test_ids_are_iterated_over_once() -> None:
    """test_index_keys_iteration."""
    assert list(filled([[0.2, 0.3, 0.5]], ids=[42]).ids) == [42]


@pytest.mark.parametrize("n", [1, 77, 100])
@pytest.mark.parametrize("k", [1, 5])
def test_a_look_at_every_row_finds_each_in_any_order(n: int, k: int) -> None:
    """test_tooling.py, test_exact_search."""
    rows = np.random.default_rng(0).random((n, 97))
    order = np.random.default_rng(1).permutation(n)
    assert quiver.exact_knn(rows, rows[order], min(k, n))[0][:, 0].tolist() == [*order]


def test_vectors_of_another_length_are_refused_by_every_verb() -> None:
    """lib.rs, test_add_get_vector and test_search_vector."""
    first, second = [0.2, 0.1, 0.2, 0.1, 0.3], [0.3, 0.2, 0.4, 0.0, 0.1]
    index = filled([first, second], ids=[1, 2])
    for wrong in ([*second, 0.1], second[:4]):
        with pytest.raises(InvalidArgumentError, match="5 columns like the index"):
            index.add([wrong], [3])
        with pytest.raises(InvalidArgumentError, match="5 columns like the index"):
            index.update([2], [wrong])
        with pytest.raises(InvalidArgumentError, match="5 columns like the index"):
            index.search(wrong, k=1)
    assert index.ids.tolist() == [1, 2]
    np.testing.assert_array_equal(index.get(1), np.array(first, dtype=np.float32))


def test_ids_of_64_bits_come_and_go_one_by_one() -> None:
    """lib.rs, test_add_remove_vector: unsigned ones too, but 2**64 - 1, which is -1 and
    marks a place left empty."""
    index = quiver.Index.create(4, "inner_product")
    near = 483367403120493160
    for number in (near, near + 65536, near + 131072, near + 131073, 2**64 - 2):
        index.add([[0.3, 0.2, 0.4, 0.0]], np.array([number], dtype=np.uint64))
        assert number in index
        found = index.search([1.0, 0.0, 0.0, 0.0], k=1).ids
        assert found.view(np.uint64).tolist() == [number]
        index.remove(number)
        assert number not in index
    assert len(index) == 0
    with pytest.raises(InvalidArgumentError, match="must not hold -1"):
        index.add([[0.3, 0.2, 0.4, 0.0]], np.array([2**64 - 1], dtype=np.uint64))


def test_a_filter_may_be_any_function_of_ids(backend: Backend) -> None:
    """lib.rs, test_search_with_stateless_filter, test_search_with_stateful_filter."""
    first, second = [0.2, 0.1, 0.2, 0.1, 0.3], [0.3, 0.2, 0.4, 0.0, 0.1]
    index = filled([first, second, first], ids=[1, 2, 5], backend=backend)
    assert index.search(first, k=3, filter=lambda i: i % 2 == 1).ids.tolist() == [
        1,
        5,
        -1,
    ]
    allowed = {2, 5, 9}
    is_allowed = np.vectorize(allowed.__contains__)
    assert index.search(first, k=3, filter=is_allowed).ids.tolist() == [5, 2, -1]


def test_distances_of_halves_do_not_vanish(tmp_path: Path) -> None:
    """lib.rs, test_zero_distances."""
    rows = np.zeros((3, 8))
    rows[:, 0], rows[:, 1:3] = [0.4, 0.5, 0.6], 0.1
    path = tmp_path / "halves.quiver"
    filled(rows, "euclidean").save(path, cold_dtype="float16")
    query = np.array([0.05, 0.1, 0.1, 0, 0, 0, 0, 0])
    _, distances = quiver.open(path).search(query, k=3)
    np.testing.assert_allclose(distances, [0.35, 0.45, 0.55], atol=1e-3)


def test_what_a_beam_finds_is_at_best_what_is_there() -> None:
    """lib.rs, test_exact_search: rows along a curve."""
    at = np.arange(100)
    rows = np.stack([at * 0.1, np.sin(at * 0.05), np.cos(at * 0.05), 0 * at], axis=1)
    index = quiver.Index.build(rows, metric="euclidean")
    query = np.array([[4.5, 0.0, 1.0, 0.0]], dtype=np.float32)
    assert_exact(index, query, 10)
    assert recall(index, query, 10) == 1


def test_threads_that_add_and_read_at_once_see_what_they_added() -> None:
    """lib.rs, test_concurrency."""
    n = bounded(1000)
    vectors = np.random.default_rng(42).uniform(-1, 1, (n, 128)).astype(np.float32)
    index = quiver.Index.create(128)

    def add_and_read(part: np.ndarray) -> None:
        index.add(vectors[part], part)
        np.testing.assert_array_equal(index.get(part), vectors[part])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_and_read, np.array_split(np.arange(n), 40)))
    assert len(index) == n
    # In which order the threads come, and so the graph, is anybody's guess.
    assert share_found(index, vectors, ef=n) == 1


@pytest.mark.parametrize(
    "allowed",
    [lambda ids: ids != 0, lambda ids: ids < 0, lambda ids: ids == 10],
    ids=["all but one", "none", "one"],
)
def test_all_but_one_none_and_only_one_may_answer(allowed: Any) -> None:
    """test.cpp, test_filtered_search."""
    rows = uniform_rows(bounded(2048), 32)
    index = quiver.Index.build(rows)
    found = index.search(rows[0], k=10, filter=allowed)
    n_allowed = allowed(index.ids).sum()
    assert found.counts == min(10, n_allowed)
    assert allowed(found.ids[: found.counts]).all()
    assert_exact(index, rows[:3], 10, allowed(index.ids))


def test_a_row_removed_and_added_under_its_id_answers_from_its_new_place() -> None:
    """test.cpp, test_replacing_update; by one `update` and by two operations."""
    index = filled([[1.1], [2.1], [3.1]], "euclidean", [42, 43, 44])
    assert index.search([1.0], k=3).ids.tolist() == [42, 43, 44]
    index.remove(43)
    index.add([[2.2]], [43])
    assert index.search([1.0], k=3).ids.tolist() == [42, 43, 44]
    index.update([42], [[3.2]])
    ids, distances = index.search([1.0], k=3)
    assert ids.tolist() == [43, 44, 42]
    np.testing.assert_allclose(distances, [1.2, 2.1, 2.2], rtol=1e-6)
    assert len(index) == 3


def test_a_graph_freed_of_every_other_row_is_whole() -> None:
    """test.cpp, test_isolate."""
    rows: Vectors = uniform_rows(bounded(4000), 32)
    index = quiver.Index.build(rows)
    index.remove(index.ids[::2], consolidate="manual")
    index.consolidate()
    assert index.state.n == len(index)
    assert index.check(full=True).ok
    assert share_found(index, rows[1::2]) == 1


def test_distances_on_paper() -> None:
    """usearch.test.js, whose distances are squared."""
    rows, ids = [[10, 20], [10, 25], [20, 40], [20, 45]], [15, 16, 25, 26]
    index = filled(rows, "euclidean", ids)
    ids, distances = index.search([13, 14], k=2)
    assert ids.tolist() == [15, 16]
    np.testing.assert_allclose(np.square(distances), [45, 130], rtol=1e-6)
    index.remove(15)
    assert index.search([13, 14], k=2).ids.tolist() == [16, 25]
    index.remove([25])
    assert index.search([13, 14], k=2).ids.tolist() == [16, 26]
