"""Arrays: any layout of real numbers becomes float32, and ids become int64."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

from quiver._typing import Metric
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.validation.arrays import (
    MAX_MAGNITUDE,
    as_ids,
    as_int64,
    as_matrix,
    as_queries,
    as_vectors,
)


@pytest.mark.parametrize("dtype", ["uint8", ">f8", "int64", "float16", "longdouble"])
def test_every_real_dtype_becomes_float32(dtype: str) -> None:
    matrix = np.arange(12).reshape(3, 4).astype(dtype)
    found = as_vectors(np.asfortranarray(matrix), "vectors", metric="euclidean")
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, np.arange(12).reshape(3, 4))


def test_what_is_float32_in_order_is_not_copied() -> None:
    rows = normal_rows(5, 3)
    assert np.shares_memory(as_vectors(rows, "vectors", metric="cosine"), rows)
    assert as_matrix(rows, "vectors") is rows


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e39, 1.01 * MAX_MAGNITUDE])
def test_a_value_out_of_range_is_named_by_its_place(value: float) -> None:
    matrix = np.ones((6, 3))
    matrix[4, 1] = value
    with pytest.raises(InvalidArgumentError, match=r"in row 104, column 1"):
        as_vectors(matrix, "vectors", metric="euclidean", first_row=100)
    if abs(value) < float(np.finfo(np.float32).max):
        as_vectors(matrix, "vectors", metric="cosine")


def test_one_query_is_known_from_a_batch_of_one() -> None:
    for queries, is_single in (([1.0, 2.0], True), ([[1.0, 2.0]], False)):
        rows, found = as_queries(queries, metric="cosine", dim=2)
        assert (rows.shape, found) == ((1, 2), is_single)


def test_ids_default_to_row_numbers_and_keep_their_bits() -> None:
    assert as_ids(None, 3).tolist() == [0, 1, 2]
    assert as_ids([2**63, 7], 2).tolist() == [-(2**63), 7]
    assert as_int64(np.uint8([[200]]), "ids").tolist() == [[200]]


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([1, 1], InvalidArgumentError, "got 1 in row 0 and again in row 1"),
        ([1, -1], InvalidArgumentError, "must not hold -1"),
        ([1, 2**64], InvalidArgumentError, "64 bits at most"),
        ([1], InvalidArgumentError, r"shape \(2,\), one per vector"),
        ([1.0, 2.5], InvalidTypeError, r"astype\(np.int64\)"),
        (["a", "b"], InvalidTypeError, r"result.take\(names\)"),
    ],
)
def test_ids_that_cannot_be_kept_are_refused(
    ids: list[object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        as_ids(ids, 2)


def outcome(queries: np.ndarray, metric: Metric) -> bytes | str:
    """Return the bytes of checked queries, or why they were refused."""
    try:
        return as_queries(queries, metric=metric, dim=41)[0].tobytes()
    except InvalidArgumentError as error:
        return str(error)


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1e-45, 1e16, -1.1e16, 3e38, np.inf, -np.inf, np.nan]
)
@pytest.mark.parametrize("place", [0, 6, 40])
def test_one_plain_query_is_checked_as_a_batch_is(
    metric: Metric, value: float, place: int
) -> None:
    query = np.ones(41, dtype=np.float32)
    query[place] = value
    closely = outcome(query.astype(np.float64), metric)
    assert outcome(query, metric) == closely
    assert outcome(query[None], metric) == closely


@pytest.mark.parametrize("shape", [(41,), (1, 41)])
def test_one_plain_query_is_neither_copied_nor_looked_at_closely(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("quiver.validation.arrays.as_vectors")
    query = np.ones(shape, dtype=np.float32)
    rows, is_single = as_queries(query, metric="cosine", dim=41)
    assert (rows.shape, is_single) == ((1, 41), len(shape) == 1)
    assert np.shares_memory(rows, query)


def test_no_ids_are_of_any_dtype() -> None:
    for none in ([], np.array([]), np.empty(0, dtype=np.uint64)):
        ids = as_int64(none, "ids")
        assert ids.dtype == np.int64
        assert ids.shape == (0,)
