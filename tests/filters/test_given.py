"""What a caller may pass as a filter, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.filters.given import as_filters

N = 40
PARAMS = quiver.BuildParams(max_degree=4, ef_construction=8)


@pytest.fixture(scope="module")
def index() -> quiver.Index:
    return quiver.Index.build(
        normal_rows(N, 6), ids=1000 - 10 * np.arange(N), params=PARAMS
    )


WANTED = [990, 970, 620]
ROWS = [1, 3, 38]


@pytest.mark.parametrize(
    "given",
    [
        WANTED,
        tuple(WANTED),
        np.array(WANTED),
        np.array(WANTED, dtype=np.uint16),
        [*WANTED, 990, 990],
        # Ids that no row has.
        [*WANTED, 991, -1, 2**63 - 1],
        np.isin(np.arange(N), ROWS),
        np.isin(np.arange(N), ROWS).tolist(),
        lambda ids: np.isin(ids, WANTED),
        lambda ids: np.isin(ids, WANTED).tolist(),
    ],
    ids=lambda given: type(given).__name__,
)
def test_ids_bools_and_functions_name_the_same_rows(
    index: quiver.Index, given: Any
) -> None:
    assert np.flatnonzero(index.filter(given).is_allowed).tolist() == ROWS
    found = index.search(normal_rows(1, 6, seed=5)[0], k=5, filter=given)
    assert sorted(found.ids[:3].tolist()) == sorted(WANTED)
    assert found.ids[3:].tolist() == [-1, -1]
    assert found.distances[3:].tolist() == [np.inf, np.inf]
    assert int(found.counts) == 3


@pytest.mark.parametrize("given", [[], (), np.array([], dtype=np.int64), [5], [-1]])
def test_no_row_at_all_is_an_answer_without_rows(
    index: quiver.Index, given: Any
) -> None:
    found = index.search(normal_rows(2, 6), k=2, filter=given)
    assert found.ids.tolist() == [[-1, -1]] * 2
    assert found.counts.tolist() == [0, 0]
    assert found.stats.distance_computations.tolist() == [0, 0]


def test_a_function_is_called_once_with_ids_it_cannot_change(
    index: quiver.Index,
) -> None:
    calls = []

    def even_hundreds(ids: np.ndarray) -> np.ndarray:
        calls.append(ids)
        with pytest.raises(ValueError, match="read-only"):
            ids[0] = 5
        return ids % 200 == 0

    queries = normal_rows(100, 6, seed=7)
    found = index.search(queries, k=2, filter=even_hundreds, threads=2)
    assert (found.ids % 200 == 0).all()
    assert len(calls) == 1
    np.testing.assert_array_equal(calls[0], index.ids)
    index.search(queries[:3], k=2, filter=[even_hundreds] * 3)
    assert len(calls) == 2


def test_the_mask_of_a_caller_may_change_afterwards(index: quiver.Index) -> None:
    marks = np.isin(np.arange(N), ROWS)
    found = index.filter(marks)
    marks[:] = True
    assert len(found) == 3


def test_every_query_may_have_a_filter_of_its_own(index: quiver.Index) -> None:
    queries = normal_rows(5, 6, seed=2)
    marks = np.isin(np.arange(N), ROWS)
    few = index.filter([10 * n + 700 for n in range(4)])
    own: list[Any] = [WANTED, marks, few, lambda ids: ids > 900, []]
    batch = index.search(queries, k=4, filter=own)
    for number, one in enumerate(own):
        single = index.search(queries[number], k=4, filter=one)
        assert batch.ids[number].tolist() == single.ids.tolist()
        assert batch.distances[number].tolist() == single.distances.tolist()


@pytest.mark.parametrize("dtype", [np.int64, np.bool_])
def test_the_rows_of_a_matrix_are_a_filter_each(
    index: quiver.Index, dtype: type
) -> None:
    marks = np.zeros((2, N), dtype=bool)
    marks[0, ROWS], marks[1, 5:8] = True, True
    given = marks if dtype is np.bool_ else np.stack([index.ids[ROWS], index.ids[5:8]])
    filters = as_filters(index.state, given, 2)
    assert filters is not None
    assert [np.flatnonzero(one.is_allowed).tolist() for one in filters] == [
        ROWS,
        [5, 6, 7],
    ]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            np.ones(N - 1, dtype=bool),
            InvalidArgumentError,
            rf"shape \({N},\), got shape \({N - 1},\)",
        ),
        ([1.5, 2.0], InvalidTypeError, "filter must be integers, got dtype float64"),
        (["a", "b", "c"], InvalidArgumentError, "one a query: 2, got 3"),
        ("all", InvalidTypeError, "filter must be integers, got dtype <U3"),
        (7, InvalidArgumentError, r"\(m,\), got the number 7; .* answer give \[7\]"),
        ([[[1]], [[2]]], InvalidArgumentError, r"got shape \(1, 1\); give one list"),
        ([None, [1]], InvalidTypeError, r"got None; for a query .* dtype=bool"),
        ([1, None], InvalidTypeError, "which rows may answer, got None in place 1"),
        (np.bool_(True), InvalidArgumentError, r"got shape \(\); fewer .* by ids"),
        ({1, 2}, InvalidTypeError, r"filter must be integers, .* give list\(filter\)"),
        ([[1, 2]] * 3, InvalidArgumentError, "one a query: 2, got 3"),
        (np.ones((3, N), dtype=bool), InvalidArgumentError, "one a query: 2, got 3"),
        ([[1.0], [2]], InvalidTypeError, "filter must be integers, got dtype float64"),
        (
            lambda ids: ids[:3] > 0,
            InvalidArgumentError,
            rf"shape \({N},\), got shape \(3,\)",
        ),
        (lambda ids: ids, InvalidTypeError, r"bools, .* int64; .* np\.isin\(ids"),
        (lambda _: None, InvalidTypeError, "must return bools, .* got dtype object"),
    ],
)
def test_anything_else_is_refused(
    index: quiver.Index,
    given: Any,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        index.search(normal_rows(2, 6), k=2, filter=given)


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one, one]])
def test_a_filter_of_another_version_is_refused(
    index: quiver.Index, wrap: Callable[[Any], Any]
) -> None:
    other = quiver.Index.build(normal_rows(N, 6), params=PARAMS)
    with pytest.raises(InvalidArgumentError, match=r"make it again by index\.filter"):
        index.search(normal_rows(2, 6), k=2, filter=wrap(other.filter([1])))


def test_what_a_function_raises_reaches_its_caller(index: quiver.Index) -> None:
    def broken(ids: np.ndarray) -> np.ndarray:
        msg = "no such column"
        raise KeyError(msg)

    with pytest.raises(KeyError, match="no such column"):
        index.search(normal_rows(2, 6), k=2, filter=broken)
