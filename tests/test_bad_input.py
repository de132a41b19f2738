"""Bad input: a typed error that names the argument, the value and the rule.

Nothing is half-built, and an index that refused a query answers the next one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

import quiver
from quiver._typing import Metric
from quiver.conformance import hazards
from quiver.errors import (
    BackendUnavailableError,
    FileFormatError,
    InvalidArgumentError,
    InvalidTypeError,
    QuiverError,
)

GOOD = hazards.make_vectors(np.random.default_rng(0), 30, 6, [])


def with_value(value: float, row: int = 7, column: int = 4) -> np.ndarray:
    vectors = GOOD.astype(np.float64)
    vectors[row, column] = value
    return vectors


# What is wrong with the vectors, the error, and words its message must have.
BAD_VECTORS: dict[str, tuple[Any, type[QuiverError], tuple[str, ...]]] = {
    "nan": (with_value(np.nan), InvalidArgumentError, ("nan", "row 7, column 4")),
    "inf": (with_value(np.inf), InvalidArgumentError, ("inf", "row 7, column 4")),
    "minus inf": (with_value(-np.inf), InvalidArgumentError, ("-inf", "row 7")),
    "past float32": (with_value(1e39), InvalidArgumentError, ("finite", "column 4")),
    "last row": (
        with_value(np.nan, 29, 5),
        InvalidArgumentError,
        ("row 29, column 5",),
    ),
    "0-d": (np.float32(3), InvalidArgumentError, ("2-d", "()")),
    "1-d": (GOOD[0], InvalidArgumentError, ("2-d", "(6,)")),
    "3-d": (GOOD[None], InvalidArgumentError, ("2-d", "(1, 30, 6)")),
    "no rows": (GOOD[:0], InvalidArgumentError, ("at least 1 row", "(0, 6)")),
    "no columns": (GOOD[:, :0], InvalidArgumentError, ("1 …", "(30, 0)")),
    "wide": (np.zeros((2, 65_537)), InvalidArgumentError, ("65536", "65537")),
    "object": (GOOD.astype(object), InvalidTypeError, ("object",)),
    "complex": (GOOD.astype(complex), InvalidTypeError, ("complex128",)),
    "bool": (GOOD > 0, InvalidTypeError, ("bool",)),
    "strings": (GOOD.astype(str), InvalidTypeError, ("<U",)),
    "dates": (GOOD.astype("M8[s]"), InvalidTypeError, ("datetime64",)),
    "records": (np.zeros(3, "f4,f4"), InvalidTypeError, ("f4",)),
    "ragged": ([[1.0, 2.0], [3.0]], InvalidTypeError, ("2 numbers", "1 in row 1")),
    "masked": (np.ma.masked_less(GOOD, 0), InvalidTypeError, ("masked",)),
    "sparse": (scipy.sparse.csr_array(GOOD), InvalidTypeError, (".toarray()",)),
    "none": (None, InvalidTypeError, ("None",)),
    "mapping": ({"a": 1}, InvalidTypeError, ("got dict",)),
}


@pytest.mark.parametrize("name", BAD_VECTORS)
def test_bad_vectors_are_named(name: str) -> None:
    vectors, error, words = BAD_VECTORS[name]
    with pytest.raises(error) as caught:
        quiver.Index.build(vectors)
    for word in ("vectors", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "name", [name for name in BAD_VECTORS if name not in ("1-d", "no rows", "0-d")]
)
def test_bad_queries_are_named_and_harm_nothing(name: str) -> None:
    queries, error, _ = BAD_VECTORS[name]
    index = quiver.Index.build(GOOD)
    before = index.search(GOOD, k=3)
    with pytest.raises(error, match="queries"):
        index.search(queries)
    after = index.search(GOOD, k=3)
    np.testing.assert_array_equal(after.ids, before.ids)
    np.testing.assert_array_equal(after.distances, before.distances)


def test_one_masked_query_is_not_unmasked() -> None:
    index = quiver.Index.build(GOOD)
    with pytest.raises(InvalidTypeError, match="queries must not be a masked"):
        index.search(np.ma.masked_less(GOOD[0], 0))


@pytest.mark.parametrize("shape", [(5,), (7,), (1, 5), (0, 7), ()])
def test_queries_of_another_shape_are_named(shape: tuple[int, ...]) -> None:
    index = quiver.Index.build(GOOD)
    with pytest.raises(InvalidArgumentError, match="queries must"):
        index.search(np.zeros(shape))


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
@pytest.mark.parametrize("value", [1e17, -1e30, 3e38])
def test_values_whose_distances_overflow_are_named(
    metric: Metric, value: float
) -> None:
    with pytest.raises(InvalidArgumentError, match="row 7, column 4") as caught:
        quiver.Index.build(with_value(value), metric=metric)
    assert "within ±1e+16" in str(caught.value)
    index = quiver.Index.build(GOOD, metric=metric)
    with pytest.raises(InvalidArgumentError, match="queries must be"):
        index.search(with_value(value))


@pytest.mark.parametrize("value", [1e17, -1e30, 3e38, 1e-45])
def test_cosine_takes_any_finite_value(value: float) -> None:
    vectors = with_value(value)
    index = quiver.Index.build(vectors)
    found = index.search(vectors, k=30, ef=30, n_rerank=30)
    _, true = quiver.exact_knn(vectors, vectors, 30)
    np.testing.assert_array_equal(found.distances, true)
    assert np.isfinite(found.distances).all()


@pytest.mark.parametrize(
    ("ids", "error", "words"),
    [
        ([*range(29), 3], InvalidArgumentError, ("unique", "3", "row 3", "row 29")),
        ([*range(29), -1], InvalidArgumentError, ("-1", "row 29")),
        (range(29), InvalidArgumentError, ("(30,)", "(29,)")),
        (np.zeros((30, 1), int), InvalidArgumentError, ("(30,)", "(30, 1)")),
        (np.arange(30.0), InvalidTypeError, ("integers", "float64", "np.int64")),
        ([1.0] * 30, InvalidTypeError, ("integers", "np.int64")),
        ([True] * 30, InvalidTypeError, ("integers", "bool", "np.int64")),
        ([str(i) for i in range(30)], InvalidTypeError, ("integers",)),
        ([None] * 30, InvalidTypeError, ("integers", "object")),
        (
            np.arange(30, dtype=np.uint64) - np.uint64(5),
            InvalidArgumentError,
            ("2**64 - 1", "row 4"),
        ),
        ([*range(29), 2**64], InvalidArgumentError, ("64 bits", f"{2**64}")),
        ([*range(29), -(2**63) - 1], InvalidArgumentError, ("64 bits",)),
        ([*range(28), 2**64 - 5, -5], InvalidArgumentError, ("unique", "-5")),
        (iter(range(30)), InvalidTypeError, ("integers", "list(ids)")),
        (5, InvalidArgumentError, ("(30,)", "()")),
    ],
)
def test_bad_ids_are_named(
    ids: Any, error: type[QuiverError], words: tuple[str, ...]
) -> None:
    with pytest.raises(error) as caught:
        quiver.Index.build(GOOD, ids=ids)
    for word in ("ids", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"metric": "hamming"}, InvalidArgumentError, ("metric", "cosine", "hamming")),
        ({"metric": None}, InvalidArgumentError, ("metric", "None")),
        ({"backend": "nomba"}, InvalidArgumentError, ("backend", "numba", "nomba")),
        ({"threads": 0}, InvalidArgumentError, ("threads", "0")),
        ({"threads": -2}, InvalidArgumentError, ("threads", "-2")),
        ({"threads": 1.5}, InvalidTypeError, ("threads", "1.5")),
        ({"params": 32}, InvalidTypeError, ("params", "BuildParams", "32")),
        ({"params": {"max_degree": 8}}, InvalidTypeError, ("params", "BuildParams")),
        (
            {
                "metric": "inner_product",
                "encoding": quiver.Encoding(query="symmetric"),
            },
            InvalidArgumentError,
            ("encoding", "query='asymmetric'", "inner_product"),
        ),
        ({"encoding": 2}, InvalidTypeError, ("encoding", "Encoding", "paper", "2")),
        ({"encoding": "papr"}, InvalidArgumentError, ("did you mean 'paper'",)),
        ({"prune_rule": "vamna"}, InvalidArgumentError, ("did you mean 'vamana'",)),
        ({"metric": "euclidian"}, InvalidArgumentError, ("did you mean 'euclidean'",)),
        ({"max_degre": 9}, InvalidTypeError, ("max_degre", "did you mean 'max_deg")),
        ({"metrc": "cosine"}, InvalidTypeError, ("metrc", "did you mean 'metric'")),
        ({"M": 16}, InvalidTypeError, ("'M'", "max_degree")),
        (
            {"max_degree": 9, "params": quiver.BuildParams()},
            InvalidArgumentError,
            ("params", "max_degree"),
        ),
    ],
)
def test_bad_build_arguments_are_named(
    arguments: dict[str, Any], error: type[QuiverError], words: tuple[str, ...]
) -> None:
    with pytest.raises(error) as caught:
        quiver.Index.build(GOOD, **arguments)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"k": 0}, InvalidArgumentError, ("k", "0")),
        ({"k": -1}, InvalidArgumentError, ("k", "-1")),
        ({"k": 2.0}, InvalidTypeError, ("k", "2.0", "float")),
        ({"k": True}, InvalidTypeError, ("k", "True")),
        ({"k": None}, InvalidTypeError, ("k", "None")),
        ({"k": np.array([1, 2])}, InvalidTypeError, ("k", "array([1, 2])")),
        ({"k": np.True_}, InvalidTypeError, ("k", "True")),
        ({"ef": np.arange(9)}, InvalidTypeError, ("ef", "array", "ndarray")),
        ({"ef": [16, 32]}, InvalidTypeError, ("ef", "[16, 32]")),
        ({"k": 10, "ef": 9}, InvalidArgumentError, ("ef must be >= k", "ef=9", "k=10")),
        ({"ef": "64"}, InvalidTypeError, ("ef", "'64'")),
        ({"k": 5, "n_rerank": 4}, InvalidArgumentError, ("n_rerank", "n_rerank=4")),
        ({"ef": 64, "n_rerank": 65}, InvalidArgumentError, ("n_rerank=65", "64")),
        ({"n_rerank": 3.5}, InvalidTypeError, ("n_rerank", "3.5")),
        ({"threads": 0}, InvalidArgumentError, ("threads", "0")),
    ],
)
def test_bad_search_arguments_are_named(
    arguments: dict[str, Any], error: type[QuiverError], words: tuple[str, ...]
) -> None:
    index = quiver.Index.build(GOOD)
    with pytest.raises(error) as caught:
        index.search(GOOD[0], **arguments)
    for word in words:
        assert word in str(caught.value)


def test_errors_are_also_what_numpy_users_expect() -> None:
    assert issubclass(InvalidArgumentError, ValueError)
    assert issubclass(InvalidTypeError, TypeError)
    assert issubclass(FileFormatError, ValueError)
    assert issubclass(BackendUnavailableError, ImportError)


def test_a_refused_build_tells_no_progress() -> None:
    calls: list[int] = []
    for vectors, error, _ in BAD_VECTORS.values():
        with pytest.raises(error):
            quiver.Index.build(vectors, progress=lambda done, _: calls.append(done))
    assert not calls
