"""Exact neighbours against scipy and brute force, whatever the base is stored as."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from small_index import saved
from strategies import hazard_lists, metrics, rngs

import quiver
from quiver._typing import Metric
from quiver.conformance import hazards
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.recall import exact
from quiver.reference import rerank
from quiver.storage.cold import ColdVectors
from quiver.storage.header import ColdDtype

BLOCK_VALUES = exact._BLOCK_VALUES
MOST_BYTES = 256 << 20


def every_row(n_queries: int, n: int) -> np.ndarray:
    return np.tile(np.arange(n, dtype=np.uint32), (n_queries, 1))


def reversed_bytes(vectors: np.ndarray) -> np.ndarray:
    return vectors.astype(vectors.dtype.newbyteorder())


def doubled_rows(vectors: np.ndarray) -> np.ndarray:
    return np.repeat(vectors, 2, axis=0)[::2]


@pytest.mark.parametrize("metric", hazards.METRICS)
def test_exact_neighbors_are_those_of_scipy(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    vectors = hazards.make_vectors(rng, 500, 24, [])
    queries = hazards.make_vectors(rng, 7, 24, [])
    ids, distances = quiver.exact_knn(vectors, queries, 9, metric=metric)
    wide, asked = vectors.astype(np.float64), queries.astype(np.float64)
    table = -asked @ wide.T if metric == "inner_product" else cdist(asked, wide, metric)
    np.testing.assert_array_equal(ids, np.argsort(table, axis=1)[:, :9])
    expected = np.sort(table, axis=1)[:, :9]
    np.testing.assert_allclose(distances, expected, rtol=1e-6, atol=1e-7)
    assert (ids.dtype, distances.dtype) == (np.int64, np.float32)


@given(
    rng=rngs,
    names=hazard_lists,
    metric=metrics,
    n=st.integers(1, 60),
    dim=st.sampled_from([1, 2, 9, 65]),
    share=st.floats(0, 1),
    block_values=st.sampled_from([1, 100, 1000, BLOCK_VALUES]),
)
def test_the_screen_never_loses_a_neighbor(
    rng: np.random.Generator,
    names: list[str],
    metric: Metric,
    n: int,
    dim: int,
    share: float,
    block_values: int,
) -> None:
    vectors = np.clip(hazards.make_vectors(rng, n, dim, names), -1e15, 1e15)
    queries = np.clip(hazards.make_vectors(rng, 3, dim, names), -1e15, 1e15)
    k = max(1, round(share * n))
    expected = rerank(vectors, queries, every_row(3, n), k, metric)
    with mock.patch.object(exact, "_BLOCK_VALUES", block_values):
        ids, distances = quiver.exact_knn(vectors, queries, k, metric=metric)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(distances, expected[1])


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_products_lost_to_underflow_lose_no_neighbor(metric: Metric) -> None:
    # At 3e-23 a product of two coordinates is about the smallest float32.
    rng = np.random.default_rng(0)
    vectors = hazards.make_vectors(rng, 60, 65, []) * np.float32(3e-23)
    expected, _, _ = rerank(vectors, vectors[:2], every_row(2, 60), 3, metric)
    ids, _ = quiver.exact_knn(vectors, vectors[:2], 3, metric=metric)
    np.testing.assert_array_equal(ids, expected)


def test_equal_distances_are_ordered_by_row() -> None:
    vectors = np.ones((50, 4), dtype=np.float32)
    ids, _ = quiver.exact_knn(vectors, vectors[:2], 6, metric="euclidean")
    assert ids.tolist() == [[0, 1, 2, 3, 4, 5]] * 2


def test_no_queries_give_no_rows() -> None:
    vectors = np.ones((5, 4), dtype=np.float32)
    ids, distances = quiver.exact_knn(vectors, vectors[:0], 3)
    assert ids.shape == distances.shape == (0, 3)


@pytest.mark.parametrize("k", [0, 6, -1])
def test_k_must_be_a_number_of_rows(k: int) -> None:
    with pytest.raises(InvalidArgumentError, match="k must be in 1 … 5"):
        quiver.exact_knn(np.ones((5, 4)), np.ones((1, 4)), k)


def test_wrong_arguments_of_exact_knn_are_typed_errors() -> None:
    ones = np.ones((5, 4))
    with pytest.raises(InvalidArgumentError, match="metric must be one of"):
        quiver.exact_knn(ones, ones, 1, metric="hamming")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="queries must have 4 columns"):
        quiver.exact_knn(ones, np.ones((1, 3)), 1)
    with pytest.raises(InvalidTypeError, match="vectors must have a real"):
        quiver.exact_knn(ones.astype(complex), ones, 1)


@pytest.mark.parametrize("metric", hazards.METRICS)
def test_a_base_that_gets_ever_better_loses_no_neighbor(
    monkeypatch: pytest.MonkeyPatch, metric: Metric
) -> None:
    # Every block beats all before it, and the longest rows come first.
    monkeypatch.setattr(exact, "_BLOCK_VALUES", 40 * 12)
    rng = np.random.default_rng(1)
    vectors, queries = rng.normal(size=(2, 600, 12)).astype(np.float32)
    vectors *= np.geomspace(1e3, 1, 600, dtype=np.float32)[:, None]
    _, far, _ = rerank(vectors, queries[:1], every_row(1, 600), 600, metric)
    order = quiver.exact_knn(vectors, queries[:1], 600, metric=metric)[0][0, ::-1]
    vectors = np.ascontiguousarray(vectors[order])
    expected = rerank(vectors, queries[:5], every_row(5, 600), 7, metric)
    ids, distances = quiver.exact_knn(vectors, queries[:5], 7, metric=metric)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(distances, expected[1])
    np.testing.assert_array_equal(distances[0], far[0, :7])


@pytest.mark.parametrize("block_rows", [40, 600])
@pytest.mark.parametrize("metric", hazards.METRICS)
def test_rows_that_the_product_confuses_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, metric: Metric, block_rows: int
) -> None:
    # Far from the origin rounding outweighs every difference between rows.
    monkeypatch.setattr(exact, "_BLOCK_VALUES", block_rows * 12)
    rng = np.random.default_rng(4)
    vectors = (1000 + rng.normal(size=(600, 12))).astype(np.float32)
    queries = (1000 + rng.normal(size=(9, 12))).astype(np.float32)
    expected = rerank(vectors, queries, every_row(9, 600), 5, metric)
    ids, distances = quiver.exact_knn(vectors, queries, 5, metric=metric)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(distances, expected[1])


def peak_bytes(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def overlapping_rows(n: int, dim: int, dtype: str) -> np.ndarray:
    """Return a matrix of any size that takes almost no memory."""
    values = np.random.default_rng(0).normal(size=n + dim - 1).astype(dtype)
    return np.lib.stride_tricks.sliding_window_view(values, dim)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", ["float16", ">f4"])
def test_a_base_is_never_converted_whole(metric: Metric, dtype: str) -> None:
    # As float32 it would take 293 MiB.
    base = overlapping_rows(300_000, 256, dtype)
    queries = base[[77, 250_000]].astype(np.float32)
    found: list[tuple[np.ndarray, np.ndarray]] = []

    def ask() -> None:
        found.append(quiver.exact_knn(base, queries, 3, metric=metric))

    assert peak_bytes(ask) < MOST_BYTES
    assert found[0][0][:, 0].tolist() == [77, 250_000]


def test_many_queries_that_all_tie_stay_within_the_bound() -> None:
    # Nothing can be screened out, so every pair is measured and kept for a moment.
    base = np.ones((4000, 4), dtype=np.float32)
    queries = np.ones((1024, 4), dtype=np.float32)
    for k in (10, 1000):
        outputs = 12 * k * len(queries)
        peak = peak_bytes(partial(quiver.exact_knn, base, queries, k))
        assert peak - outputs < MOST_BYTES
    ids, _ = quiver.exact_knn(base, queries, 10)
    np.testing.assert_array_equal(ids, np.tile(np.arange(10), (1024, 1)))


@pytest.mark.parametrize("cold_dtype", ["float32", "float16"])
def test_cold_vectors_are_read_in_blocks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cold_dtype: ColdDtype
) -> None:
    path, _ = saved(tmp_path, n=60, dim=20, metric="cosine", cold_dtype=cold_dtype)
    opened = quiver.open(path, cold="mmap", backend="reference")
    vectors = opened.vectors[:]
    expected = quiver.exact_knn(vectors, vectors[:5], 4)
    monkeypatch.setattr(ColdVectors, "__array__", refuse_to_convert)
    monkeypatch.setattr(exact, "_BLOCK_VALUES", 25 * 20)
    ids, distances = quiver.exact_knn(opened.vectors, vectors[:5], 4)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(distances, expected[1])
    assert opened.explain(vectors[0], k=3, ef=60).recall == 1.0
    assert quiver.evaluate(opened, vectors[:5], ef=60).points[0].recall.mean == 1.0


def refuse_to_convert(*_: object) -> None:
    pytest.fail("cold vectors were converted whole")


@pytest.mark.parametrize("change", [np.asfortranarray, reversed_bytes, doubled_rows])
def test_any_layout_gives_the_same_neighbors(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    rng = np.random.default_rng(3)
    vectors, queries = rng.normal(size=(2, 90, 5)).astype(np.float32)
    expected = quiver.exact_knn(vectors, queries, 4)
    monkeypatch.setattr(exact, "_BLOCK_VALUES", 100)
    ids, distances = quiver.exact_knn(change(vectors), change(queries), 4)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(distances, expected[1])


def test_a_wrong_value_is_named_by_its_row_in_the_whole_base(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exact, "_BLOCK_VALUES", 40)
    vectors = np.ones((50, 4), dtype=np.float64)
    vectors[33, 2] = np.nan
    with pytest.raises(InvalidArgumentError, match=r"vectors .* row 33, column 2"):
        quiver.exact_knn(vectors, np.ones((1, 4)), 1)
    with pytest.raises(InvalidArgumentError, match=r"queries .* row 33, column 2"):
        quiver.exact_knn(np.ones((1, 4)), vectors, 1)
