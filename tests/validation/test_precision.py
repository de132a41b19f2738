"""Precision: whoever loses digits to float32 is told how many, and what to do."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from diagnosed import needs_kernels
from rows import normal_rows

import quiver
from quiver.conformance.hazards import METRICS
from quiver.errors import PrecisionWarning
from quiver.validation.kept import as_stored_vectors
from quiver.validation.precision import EQUAL, LEAST_SPREAD, LOST

K = 5
EIGHT_BITS = quiver.Encoding(bits=8)


def told(vectors: np.ndarray, metric: str = "euclidean") -> str:
    """Return the warning; empty where there is none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        as_stored_vectors(vectors, metric)
    assert len(caught) <= 1
    assert all(warning.category is PrecisionWarning for warning in caught)
    return str(caught[0].message) if caught else ""


def times(n: int = 600) -> np.ndarray:
    """Return milliseconds since 1970 within a day, and a kind of event."""
    draw = np.random.default_rng(0)
    of_day = np.sort(draw.integers(0, 86_400_000, n))
    return np.c_[1_700_000_000_000 + of_day, draw.integers(0, 5, n)]


def metres() -> np.ndarray:
    """Return places in a street, from the middle of the earth."""
    corner = np.array([4_208_848, 2_334_863, 4_171_170])
    return corner + 50 * np.random.default_rng(1).random((600, 3))


def tiny_changes() -> np.ndarray:
    draw = np.random.default_rng(2)
    return 10 * draw.random(16) + 1e-9 * draw.random((600, 16))


BLURRED: dict[str, Callable[[], np.ndarray]] = {
    "milliseconds": times,
    "earth-centred metres": metres,
    "tiny changes": tiny_changes,
}


def share_found(index: quiver.Index, points: np.ndarray, queries: np.ndarray) -> float:
    """Return the share of the true neighbours by float64 that are found."""
    wide = points.astype(np.float64)
    distances = np.linalg.norm(wide[::9, None] - wide[None], axis=2)
    true = np.argsort(distances, axis=1, kind="stable")[:, :K]
    found = index.search(queries[::9], k=K).ids
    return np.mean([np.isin(a, b).mean() for a, b in zip(true, found, strict=True)])


@needs_kernels
@pytest.mark.parametrize("name", BLURRED)
def test_the_remedy_that_is_named_finds_all_that_was_lost(name: str) -> None:
    vectors = BLURRED[name]()
    with pytest.warns(PrecisionWarning, match="float32 blurs") as caught:
        blurred = quiver.Index.build(vectors, metric="euclidean")
    assert caught[0].filename == __file__
    assert share_found(blurred, vectors, vectors) < 0.99
    assert "center = np.median(vectors, axis=0)" in str(caught[0].message)
    center = np.median(vectors, axis=0)
    shifted = vectors - center
    assert told(shifted) == ""
    index = quiver.Index.build(shifted, metric="euclidean")
    assert share_found(index, vectors, shifted) >= 0.99
    pair = np.linalg.norm(vectors[0].astype(np.float64) - vectors[99])
    found = index.search(shifted[0], k=600, ef=600)
    distance = found.distances[found.ids == 99]
    np.testing.assert_allclose(distance, pair, rtol=1e-6)


def test_the_remedy_for_inner_product_keeps_order_and_distances() -> None:
    vectors = metres()
    assert "but not from queries" in told(vectors, "inner_product")
    center = np.median(vectors, axis=0)
    queries = normal_rows(9, 3, seed=4)
    index = quiver.Index.build(vectors - center, metric="inner_product")
    found = index.search(queries, k=3)
    products = queries.astype(np.float64) @ vectors.T
    np.testing.assert_array_equal(found.ids, np.argsort(-products, axis=1)[:, :3])
    distances = found.distances - (queries @ center)[:, None]
    np.testing.assert_allclose(distances, np.sort(-products)[:, :3], rtol=1e-6)


def test_the_rows_that_became_equal_are_counted() -> None:
    vectors = np.repeat(normal_rows(300, 4).astype(np.float64), 2, axis=0)
    # Rows 0 and 1 are equal as given, and count for nothing.
    vectors[3::2] += 1e-12
    message = told(vectors)
    assert "rounding makes 299 of 600 rows equal to another" in message
    assert "no shift or factor helps" in message


@pytest.mark.parametrize("n_equal", [int(600 * EQUAL), int(600 * EQUAL) + 1])
def test_few_rows_that_became_equal_are_not_told(n_equal: int) -> None:
    vectors = normal_rows(600, 4).astype(np.float64)
    vectors[1 : 2 * n_equal : 2] = vectors[0 : 2 * n_equal : 2] + 1e-12
    assert bool(told(vectors)) == (n_equal > 600 * EQUAL)


@pytest.mark.parametrize("times_the_bound", [0.9, 1.1])
def test_a_row_that_moves_further_than_the_bound_is_told(
    times_the_bound: float,
) -> None:
    # Halfway between two float32, whose step here is 2.
    vectors = 2.0**24 + np.array([[1], [3], [5]])
    vectors = np.hstack([vectors, np.zeros((3, 1))])
    vectors[0, 1], vectors[2, 1] = -1 / LOST / times_the_bound, 1 / LOST
    vectors[2, 1] /= times_the_bound
    assert bool(told(vectors)) == (times_the_bound > 1)


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_squares_that_vanish_are_told_from_the_bound_on(
    metric: str, dtype: type
) -> None:
    spread = np.float32(LEAST_SPREAD)
    row = np.array([0, 1], dtype)
    for size, is_told in ((spread, False), (np.nextafter(spread, 0), True)):
        vectors = np.array([-size * row, 0 * row, size * row], dtype)
        assert bool(told(vectors, metric)) == is_told
        assert told(vectors, "cosine") == ""


@needs_kernels
@pytest.mark.filterwarnings("ignore:8 bits keep:UserWarning")
@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_the_factor_that_is_named_finds_all_that_was_lost(metric: str) -> None:
    vectors = np.ldexp(normal_rows(300, 16), -75)
    with pytest.warns(PrecisionWarning, match=r"np\.ldexp\(vectors, 7\d\)") as caught:
        lost = quiver.Index.build(vectors, metric=metric, encoding=EIGHT_BITS)
    power = int(str(caught[0].message).split("vectors, ")[1].split(")")[0])
    larger = np.ldexp(vectors, power)
    assert told(larger, metric) == ""
    index = quiver.Index.build(larger, metric=metric, encoding=EIGHT_BITS)
    queries = larger[:50] * np.float32(1.1)
    expected = quiver.exact_knn(larger, queries, K, metric=metric)[0]
    shares = [
        np.mean(index.search(asked, k=K).ids == expected)
        for index, asked in ((lost, np.ldexp(queries, -power)), (index, queries))
    ]
    assert shares[0] < 0.5
    assert shares[1] > 0.98


def test_rows_too_small_for_float32_are_told_under_cosine_alone() -> None:
    vectors = normal_rows(300, 8).astype(np.float64)
    # A zero row is no loss.
    vectors[7], vectors[9], vectors[20] = vectors[7] * 1e-45, 1e-200, 0
    assert "2 of 300 vectors, the first in row 7, are so small" in told(
        vectors, "cosine"
    )
    assert told(vectors, "euclidean") == told(vectors, "inner_product") == ""
    peaks = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-300)
    assert told(vectors / peaks, "cosine") == ""


@pytest.mark.parametrize("exponent", [-140, -141])
def test_the_digits_of_a_row_vanish_at_its_bound(exponent: int) -> None:
    vectors = normal_rows(9, 2).astype(np.float64)
    # Half a step of the smallest float32, 2**-149.
    vectors[4] = 0, 2.0**exponent + 2.0**-150
    assert bool(told(vectors, "cosine")) == (LOST * vectors[4, 1] < 2.0**-150)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "vectors",
    [
        normal_rows(300, 16).astype(np.float64),
        normal_rows(300, 16) + 1000.0,
        np.full((300, 16), 1 / 3),
        np.zeros((300, 16)),
        np.repeat(normal_rows(30, 16).astype(np.float64), 10, axis=0),
        np.arange(600).reshape(300, 2),
        normal_rows(1, 16).astype(np.float64),
        np.array([[1e16], [-1e16], [1e-30]]),
    ],
    ids=[
        *("float64", "far off", "constant", "zeros", "copies", "integers"),
        *("one row", "extremes"),
    ],
)
def test_nothing_is_told_of_ordinary_rows(metric: str, vectors: np.ndarray) -> None:
    assert told(vectors, metric) == ""


@pytest.mark.parametrize("outlier", [0.0, 1e6, 1e12, 1e16])
def test_no_row_can_hide_what_is_lost(outlier: float) -> None:
    vectors = metres()
    vectors[7] = outlier
    assert "float32 blurs" in told(vectors)


def test_what_float32_holds_exactly_is_not_told() -> None:
    wide = times().astype(np.float32).astype(np.float64)
    assert told(wide) == told(wide.astype(np.int64)) == ""


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told(times())
    monkeypatch.setattr("quiver.validation.precision._BLOCK_VALUES", 1)
    assert told(times()) == whole != ""
