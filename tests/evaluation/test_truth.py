"""Ground truth: what another library's rounding explains passes, the rest does not."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from diagnosed import needs_kernels

import quiver
from quiver._typing import Metric
from quiver.conformance import hazards
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.evaluation.truth import true_distances

K = 10


@cache
def points(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a base and queries on which float32 rounds in its own way."""
    rng = np.random.default_rng(3)
    base = rng.normal(size=(700, 24)).astype(np.float32)
    if kind == "offset":
        base += 10
    if kind == "copies":
        base = np.repeat(base[:35], 20, axis=0)
    if kind == "near copies":
        base = np.repeat(base[:35], 20, axis=0) + np.float32(1e-7) * base
    return np.ascontiguousarray(base[:600]), np.ascontiguousarray(base[600:660])


@cache
def index_over(kind: str, metric: Metric) -> quiver.Index:
    return quiver.Index.build(points(kind)[0], metric=metric)


def by_matrix_product(
    kind: str, metric: Metric, dtype: str, n: int = 600
) -> np.ndarray:
    """Return the nearest ids as libraries compute them: by one product in dtype."""
    base, queries = (part.astype(dtype) for part in points(kind))
    if metric == "cosine":
        base /= np.linalg.norm(base, axis=1, keepdims=True)
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    table = -(queries @ base[:n].T)
    if metric == "euclidean":
        table = (queries**2).sum(axis=1)[:, None] + (base[:n] ** 2).sum(axis=1)
        table -= 2 * (queries @ base[:n].T)
    return np.argsort(table, axis=1, kind="stable")[:, :K]


def random_ids(*, in_order: bool) -> np.ndarray:
    rng = np.random.default_rng(4)
    ids = np.stack([rng.choice(600, K, replace=False) for _ in range(60)])
    if in_order:
        base, queries = points("normal")
        table = queries @ base.T / np.linalg.norm(base, axis=1)
        picked = np.take_along_axis(-table, ids, axis=1)
        ids = np.take_along_axis(ids, np.argsort(picked, axis=1), axis=1)
    return ids


def with_one_wrong() -> np.ndarray:
    ids = by_matrix_product("normal", "cosine", "f8")
    base, queries = points("normal")
    ids[7, -1] = quiver.exact_knn(base, queries[7:8], 14)[0][0, -1]
    return ids


@needs_kernels
@pytest.mark.parametrize("kind", ["normal", "offset", "copies", "near copies"])
@pytest.mark.parametrize("metric", hazards.METRICS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_truth_of_a_matrix_product_passes(
    kind: str, metric: Metric, dtype: str
) -> None:
    base, queries = points(kind)
    given = by_matrix_product(kind, metric, dtype)
    found = true_distances(index_over(kind, metric), queries, given, K)
    _, exact = quiver.exact_knn(base, queries, K, metric=metric)
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-5)
    assert (np.diff(found) >= 0).all()


WRONG = {
    "random": random_ids(in_order=False),
    "random, in order": random_ids(in_order=True),
    "shifted by one query": np.roll(by_matrix_product("normal", "cosine", "f8"), 1, 0),
    "another metric's": by_matrix_product("normal", "euclidean", "f8"),
    "of half the base": by_matrix_product("normal", "cosine", "f8", 300),
    "one id wrong": with_one_wrong(),
    "farthest first": by_matrix_product("normal", "cosine", "f8")[:, ::-1],
}


@needs_kernels
@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("ask", [quiver.evaluate, quiver.tune])
def test_a_wrong_truth_is_refused(name: str, ask) -> None:
    index, (_, queries) = index_over("normal", "cosine"), points("normal")
    with pytest.raises(InvalidArgumentError, match=r"for query \d+.*another metric"):
        ask(index, queries, ground_truth=WRONG[name])


@pytest.mark.parametrize("name", ["random", "one id wrong"])
def test_the_proof_names_query_rows_and_distances(name: str) -> None:
    index, (base, queries) = index_over("normal", "cosine"), points("normal")
    with pytest.raises(InvalidArgumentError) as caught:
        true_distances(index, queries, WRONG[name], K)
    message = str(caught.value)
    query = int(re.search(r"query (\d+)", message)[1])
    nearest, distances = quiver.exact_knn(base, queries[query : query + 1], 600)
    exact = dict(zip(nearest[0].tolist(), distances[0], strict=True))
    named = [exact[int(id_)] for id_ in re.findall(r"\bid (\d+)", message)]
    assert [str(distance) in message for distance in named] == [True, True]
    assert named[0] > named[1]
    if name == "one id wrong":
        assert query == 7
        assert "wrong for at least 1 of 60 queries" in message


@needs_kernels
def test_ids_of_a_lookup_are_compared_as_integers() -> None:
    # As floats these would be one number.
    ids = (1 << 62) + np.arange(600)
    index = quiver.Index.build(points("normal")[0], ids=ids)
    given = ids[by_matrix_product("normal", "cosine", "f8")]
    queries = points("normal")[1]
    expected = true_distances(index, queries, given, K)
    found = true_distances(index, queries, given.astype(np.uint64), K)
    np.testing.assert_array_equal(found, expected)
    half = ids[by_matrix_product("normal", "cosine", "f8", 300)].astype(np.uint64)
    with pytest.raises(InvalidArgumentError, match="must hold the k=10 nearest"):
        true_distances(index, queries, half, K)
    given[5, 3] += 1 << 20
    with pytest.raises(InvalidArgumentError, match=f"{given[5, 3]} for query 5"):
        true_distances(index, queries, given.astype(np.uint64), K)


@needs_kernels
def test_half_precision_vectors_do_not_prove_a_truth_of_whole_ones_wrong(
    tmp_path,
) -> None:
    index_over("normal", "euclidean").save(f"{tmp_path}/half", cold_dtype="float16")
    index = quiver.open(f"{tmp_path}/half")
    given = by_matrix_product("normal", "euclidean", "f8")
    true_distances(index, points("normal")[1], given, K)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda ids: ids[:, :9], InvalidArgumentError, r"\(60, >= 10\).*got \(60, 9\)"),
        (lambda ids: ids[:59], InvalidArgumentError, r"got \(59, 10\)"),
        (lambda ids: ids.astype(float), InvalidTypeError, "integer ids"),
        (lambda ids: [*ids.tolist(), [3]], InvalidTypeError, "one row per query"),
        (lambda ids: ids * 0 + 600, InvalidArgumentError, "got 600 for query 0"),
        (lambda ids: ids * 0 + 5, InvalidArgumentError, "id 5 twice for query 0"),
    ],
)
def test_ids_that_do_not_fit_are_named(change, error, words: str) -> None:
    given = change(by_matrix_product("normal", "cosine", "f8"))
    with pytest.raises(error, match=words):
        true_distances(index_over("normal", "cosine"), points("normal")[1], given, K)


@needs_kernels
def test_with_a_filter_the_truth_is_of_the_rows_that_may_answer() -> None:
    base, queries = points("plain")
    index = index_over("plain", "euclidean")
    marks = np.arange(len(base)) % 3 == 0
    filters = [index.filter(marks), index.filter([5])] * (len(queries) // 2)
    computed = true_distances(index, queries, None, K, filters=filters)
    ids, exact = quiver.exact_knn(base[marks], queries, K, metric="euclidean")
    np.testing.assert_array_equal(computed[::2], exact[::2])
    assert np.isfinite(computed[1::2, 0]).all()
    assert (computed[1::2, 1:] == np.inf).all()
    own = [index.filter(marks)] * len(queries)
    given = true_distances(index, queries, 3 * ids, K, filters=own)
    np.testing.assert_array_equal(given, exact)
    message = r"rows that the filter lets answer, got id \d+ for query 0"
    with pytest.raises(InvalidArgumentError, match=message):
        true_distances(index, queries, 3 * ids + 1, K, filters=own)
