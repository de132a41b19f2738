"""Pages: every row once, the near ones first, of the version that was asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.errors import InvalidArgumentError, InvalidTypeError

PARAMS = quiver.BuildParams(max_degree=12, ef_construction=32)


@pytest.fixture(scope="module", params=["cosine", "euclidean", "inner_product"])
def index(request: pytest.FixtureRequest) -> quiver.Index:
    vectors = normal_rows(900, 8, seed=1)
    vectors[50:90], vectors[100:120] = vectors[3], 0
    return quiver.Index.build(vectors, metric=request.param, params=PARAMS)


@pytest.mark.parametrize("size", [1, 7, 100, 899, 900, 2000])
def test_all_rows_come_once_in_pages_of_one_size(
    index: quiver.Index, size: int
) -> None:
    pages = list(index.pages(normal_rows(1, 8, seed=2)[0], size=size))
    ids = np.concatenate([page for page, _ in pages])
    assert sorted(ids.tolist()) == list(range(900))
    assert {len(page) for page, _ in pages[:-1]} <= {size}
    assert 0 < len(pages[-1][0]) <= size
    for _, distances in pages:
        assert (np.diff(distances) >= 0).all()


def test_what_is_out_is_as_good_as_a_search_for_as_many(index: quiver.Index) -> None:
    query = normal_rows(1, 8, seed=3)[0]
    out: list[float] = []
    for _, distances in index.pages(query, size=40):
        out += distances.tolist()
        searched = index.search(query, k=len(out), ef=2 * len(out)).distances
        assert sum(out) <= float(searched.sum()) + 1e-3


def test_a_filter_holds_for_every_page(index: quiver.Index) -> None:
    marks = np.arange(900) % 3 == 0
    pages = index.pages(normal_rows(1, 8)[0], size=50, filter=marks)
    ids = np.concatenate([page for page, _ in pages])
    assert sorted(ids.tolist()) == list(range(0, 900, 3))
    assert list(index.pages(normal_rows(1, 8)[0], filter=[])) == []


def test_pages_stay_with_the_version_they_were_asked_of() -> None:
    points = normal_rows(300, 6)
    index = quiver.Index.build(points, params=PARAMS, ids=np.arange(300) + 7)
    expected = [ids.tolist() for ids, _ in index.pages(points[0], size=20)]
    pages = index.pages(points[0], size=20)
    first = next(pages)[0].tolist()
    index.state = quiver.Index.build(points[:9], params=PARAMS).state
    assert [first, *(ids.tolist() for ids, _ in pages)] == expected


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"size": 0}, InvalidArgumentError, "size must be in 1"),
        ({"size": 1.5}, InvalidTypeError, "size must be an integer"),
        ({"query": np.ones((1, 8))}, InvalidArgumentError, r"one vector .* \(1, 8\)"),
        ({"filter": [0.5]}, InvalidTypeError, "filter must be integers"),
    ],
)
def test_wrong_arguments_raise_before_the_first_page(
    index: quiver.Index,
    arguments: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        index.pages(**{"query": np.ones(8), **arguments})
