"""Results: they unpack, print, become JSON, and lead back to names."""

from __future__ import annotations

import json
from collections import UserDict
from typing import Any

import numpy as np
import pytest

import quiver
from quiver.errors import InvalidArgumentError

POINTS = np.eye(4, dtype=np.float32)
NAMES = ["north", "east", "south", "west"]


def search(queries: Any, k: int, ids: Any = None) -> quiver.SearchResult:
    index = quiver.Index.build(POINTS, metric="euclidean", ids=ids, backend="reference")
    return index.search(queries, k)


@pytest.mark.parametrize("queries", [POINTS[1], POINTS[:3], POINTS[:0]])
def test_a_result_unpacks_into_ids_and_distances(queries: np.ndarray) -> None:
    result = search(queries, 2)
    ids, distances = result
    assert ids is result.ids
    assert distances is result.distances
    with pytest.raises(ValueError, match="unpack"):
        _, _, _ = result


@pytest.mark.parametrize(
    ("queries", "k", "text"),
    [
        (POINTS[1], 2, "shape=(2,), ids=[1, 0], distances=[0, 1.414]"),
        (
            POINTS[1],
            9,
            "shape=(9,), ids=[1, 0, 2, ...], distances=[0, 1.414, 1.414, ...]",
        ),
        (POINTS[:1], 2, "shape=(1, 2), ids=[[0, 1]], distances=[[0, 1.414]]"),
        (POINTS, 1, "shape=(4, 1), ids=[[0], ...], distances=[[0], ...]"),
        (POINTS[:0], 3, "shape=(0, 3), ids=[], distances=[]"),
    ],
)
def test_a_result_prints_its_shape_and_first_answers(
    queries: np.ndarray, k: int, text: str
) -> None:
    assert repr(search(queries, k)) == f"SearchResult({text})"


def test_a_result_becomes_json_without_infinities() -> None:
    result = search(POINTS[:2], 5, ids=[2**62, -7, 3, 2**64 - 9])
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["ids"][0] == [2**62, -7, 3, -9, -1]
    assert document["distances"][1][0] == 0.0
    assert [row[-1] for row in document["distances"]] == [None, None]
    assert document["counts"] == [4, 4]
    assert document["stats"]["reranked"] == [4, 4]


def test_one_query_becomes_json_without_a_query_axis() -> None:
    document = json.loads(json.dumps(search(POINTS[1], 2).to_dict()))
    assert document["ids"] == [1, 0]
    assert document["counts"] == 2
    assert document["stats"]["reranked"] == 4


@pytest.mark.parametrize(
    "names", [NAMES, tuple(NAMES), np.array(NAMES), dict(enumerate(NAMES))]
)
def test_names_come_back_and_an_empty_place_is_not_the_last_name(names: Any) -> None:
    assert search(POINTS[2], 5).take(names) == [
        *("south", "north", "east", "west"),
        None,
    ]
    batch = search(POINTS[:2], 5).take(names, missing="")
    assert [row[0] for row in batch] == NAMES[:2]
    assert [row[-1] for row in batch] == ["", ""]


def test_names_of_a_column_are_taken_by_row_not_by_label() -> None:
    class Column:
        """A pandas Series of which some rows were dropped."""

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
            return np.array(NAMES, dtype=object)

        def __getitem__(self, label: int) -> str:
            raise AssertionError(label)

    assert search(POINTS[3], 1).take(Column()) == ["west"]


@pytest.mark.parametrize("kind", [dict, UserDict])
def test_own_ids_lead_to_names_by_a_mapping(kind: Any) -> None:
    ids = [2**64 - 9, 4, -7, 2**63]
    names = kind(zip(ids, NAMES, strict=True))
    given = np.array([i % 2**64 for i in ids], dtype=np.uint64)
    assert search(POINTS[0], 4, ids=given).take(names)[0] == "north"
    assert search(POINTS[2], 1, ids=ids).take(names) == ["south"]


@pytest.mark.parametrize(
    ("names", "ids", "word"),
    [
        (NAMES[:3], None, "none for id 3"),
        (NAMES, [5, 6, 7, 8], "none for id 8"),
        # A list would give its last item.
        (NAMES, [0, 1, 2, -4], "none for id -4"),
        ({0: "north"}, None, "none for id 3"),
    ],
)
def test_an_id_without_a_name_is_an_error_that_names_it(
    names: Any, ids: Any, word: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=word):
        search(POINTS[3], 1, ids=ids).take(names)


def test_results_compare_by_identity() -> None:
    result = search(POINTS[:2], 2)
    assert result == result
    assert result != search(POINTS[:2], 2)
