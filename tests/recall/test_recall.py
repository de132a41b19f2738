"""Recall by distances with its ties, and by ids; what cannot be right is refused."""

from __future__ import annotations

import numpy as np
import pytest

import quiver
from quiver.errors import InvalidArgumentError, InvalidTypeError


def test_recall_counts_hits_among_the_first_k() -> None:
    true = np.float32([[1, 2, 3], [1, 2, 3]])
    found = np.float32([[1, 3, 4], [2, 3, np.inf]])
    assert quiver.recall_at_k(found, true) == 4 / 6
    assert quiver.recall_at_k(found, true, k=1) == 1 / 2
    assert quiver.recall_at_k(found, true, k=2) == 2 / 4


def test_recall_counts_ties_as_hits() -> None:
    # Four rows share the second place: any of them is as good as the one listed.
    true = np.float32([[1, 2]])
    assert quiver.recall_at_k(np.float32([[2, 2]]), true) == 1.0


def test_recall_counts_no_absent_answer() -> None:
    true = np.float32([[1, np.inf]])
    assert quiver.recall_at_k(np.float32([[1, np.inf]]), true) == 0.5


@pytest.mark.parametrize(
    ("found", "true"),
    [((2, 3), (1, 3)), ((3,), (3,)), ((0, 3), (0, 3)), ((2, 3), (2, 3, 1))],
)
def test_recall_refuses_shapes_that_do_not_match(
    found: tuple[int, ...], true: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidArgumentError, match="found and true must be"):
        quiver.recall_at_k(np.zeros(found, np.float32), np.zeros(true, np.float32))


def test_recall_refuses_fewer_answers_than_k() -> None:
    # Silently averaging over the columns there are would flatter the index.
    true = np.zeros((2, 3), np.float32)
    with pytest.raises(InvalidArgumentError, match="at least k columns"):
        quiver.recall_at_k(true[:, :2], true)


@pytest.fixture(scope="module")
def answers() -> tuple[quiver.SearchResult, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    vectors = 3 * rng.normal(size=(800, 24)).astype(np.float32)
    queries = 3 * rng.normal(size=(40, 24)).astype(np.float32)
    params = quiver.BuildParams(max_degree=8, ef_construction=16)
    index = quiver.Index.build(vectors, metric="euclidean", params=params)
    ids, distances = quiver.exact_knn(vectors, queries, 10, metric="euclidean")
    return index.search(queries, k=10, ef=20), ids, distances


def test_both_recalls_agree_where_nothing_ties(answers) -> None:
    found, ids, distances = answers
    recall = quiver.recall_at_k(found.distances, distances)
    assert 0.5 < recall < 1
    assert quiver.recall_by_ids(found.ids, ids) == pytest.approx(recall)
    lists = found.distances.tolist(), distances.tolist()
    assert quiver.recall_at_k(*lists) == recall
    assert quiver.recall_by_ids(found.ids.tolist(), ids.tolist()) == pytest.approx(
        recall
    )


def test_distances_that_are_ids_are_refused(answers) -> None:
    found, ids, _ = answers
    for pair in ((found.ids, ids), (found.ids.tolist(), ids.tolist())):
        with pytest.raises(InvalidTypeError, match="ids are for recall_by_ids"):
            quiver.recall_at_k(*pair)


def test_ids_that_are_distances_are_refused(answers) -> None:
    found, _, distances = answers
    with pytest.raises(InvalidTypeError, match="distances are for recall_at_k"):
        quiver.recall_by_ids(found.distances, distances)


@pytest.mark.parametrize(
    ("convert", "words"),
    [
        (lambda d: d**2, "got squared Euclidean distances"),
        (lambda d: 2 * d, "got squared Euclidean distances of unit vectors"),
        (lambda d: 1 - d, "ascending.*similarities are no distances"),
        (lambda d: d[:, ::-1], "ascending"),
        (lambda d: np.where(d == d[3, 4], np.nan, d), "NaN for query 3"),
        (lambda d: d.astype(float) * (1 + 1e-9), "found must be rounded to float32"),
        (lambda d: np.nextafter(d, np.float32(0)), r"nearer than .* query 0 at rank 1"),
        (lambda d: np.roll(d, 1, axis=0), "nearer than the true neighbours"),
    ],
)
def test_distances_of_another_convention_are_refused(answers, convert, words) -> None:
    found, _, distances = answers
    with pytest.raises(InvalidArgumentError, match=words):
        quiver.recall_at_k(convert(found.distances), distances)


def test_similarities_of_the_nearest_alone_are_refused(answers) -> None:
    found, _, distances = answers
    for convert, words in ((lambda d: 1 - d, "similarities"), (np.negative, "inner")):
        with pytest.raises(InvalidArgumentError, match=f"got {words}"):
            quiver.recall_at_k(convert(found.distances[:, :1]), distances[:, :1])


def test_distances_of_one_other_library_are_compared_as_they_are(answers) -> None:
    found, _, distances = answers
    recall = quiver.recall_at_k(found.distances, distances)
    wide = (part.astype(np.float64) / 3 for part in (found.distances, distances))
    assert quiver.recall_at_k(*wide) == recall


def test_ids_count_once_and_padding_never() -> None:
    true = [[5, 7, 9], [1, 2, 3]]
    assert quiver.recall_by_ids([[5, 5, 5], [3, 2, 1]], true) == 4 / 6
    assert quiver.recall_by_ids([[9, -1, -1], [-1, -1, -1]], true) == 1 / 6
    assert quiver.recall_by_ids([[9, -1, -1]], [[9, 4, -1]]) == 1 / 3
    assert quiver.recall_by_ids([[9, 5, 7, 1], [4, 1, 0, 2]], true, k=2) == 2 / 4


def test_unsigned_ids_are_compared_exactly() -> None:
    large = 2**64 - 1 - np.arange(3, dtype=np.uint64)[None]
    assert quiver.recall_by_ids(large, large[:, ::-1]) == 1.0
    assert quiver.recall_by_ids(large - np.uint64(3), large) == 0.0


@pytest.mark.parametrize(
    ("found", "true", "words"),
    [
        ([[1, 2]], [[1, 2, 3]], "at least k columns"),
        ([[1, 2]], [[1, 2], [3, 4]], "found and true must be"),
        ([1, 2], [1, 2], "found and true must be"),
        ([[1, 2]], [[4, 4]], "id 4 twice for query 0"),
    ],
)
def test_recall_by_ids_refuses_what_cannot_be_right(found, true, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        quiver.recall_by_ids(found, true)
