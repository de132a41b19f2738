"""Radius: nothing beyond it, nearly all within it, whatever the rows are like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from diagnosed import needs_kernels
from rows import normal_rows

import quiver
from quiver.datasets import load_demo
from quiver.errors import InvalidArgumentError, InvalidTypeError

PARAMS = quiver.BuildParams(max_degree=8, ef_construction=24)
N = 300


def build(metric: Any = "cosine", **options: Any) -> quiver.Index:
    """Return an index with copies of rows 3 and 2 and, under cosine, zero rows."""
    vectors = normal_rows(N, 8, seed=1)
    vectors[50:90], vectors[95:100] = vectors[3], vectors[2]
    vectors[100:120] = 0
    return quiver.Index.build(vectors, metric=metric, params=PARAMS, **options)


def true_sets(index: quiver.Index, queries: np.ndarray) -> tuple[Any, Any]:
    return quiver.exact_knn(index.vectors, queries, index.n, metric=index.metric)


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
@pytest.mark.parametrize("rank", [0, 7, 80, 250])
@pytest.mark.parametrize("is_filtered", [False, True])
def test_all_rows_within_and_none_beyond(
    metric: Any, rank: int, is_filtered: bool
) -> None:
    index = build(metric)
    queries = np.concatenate([normal_rows(6, 8, seed=9), index.vectors[[2, 3]]])
    rows, exact = true_sets(index, queries)
    radius = exact[:, rank].astype(np.float64)
    marks = np.random.default_rng(0).random((len(queries), N)) < 0.5
    # Copies whose linked twin may not answer.
    marks[:, [2, 3]], marks[:, [60, 97, 110]] = False, True
    own = list(marks) if is_filtered else None
    found = index.search_radius(queries, radius, confidence=10, filter=own)
    assert found.complete.all()
    for number, (ids, distances) in enumerate(found):
        within = exact[number] <= radius[number]
        if is_filtered:
            within &= marks[number][rows[number]]
        assert ids.tolist() == rows[number][within].tolist()
        np.testing.assert_array_equal(distances, exact[number][within])
    np.testing.assert_array_equal(found.counts, np.diff(found.offsets))


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_without_a_graph_a_radius_is_exact_at_any_confidence(metric: Any) -> None:
    index = quiver.Index.create(4, metric=metric)
    assert len(index.search_radius(normal_rows(1, 4, seed=2)[0], 1.0).ids) == 0
    vectors = normal_rows(40, 4, seed=3)
    vectors[7], vectors[11:13] = vectors[3], 0
    index.add(vectors)
    index.remove([5, 9])
    queries = normal_rows(50, 4, seed=4)
    kept = np.delete(np.arange(40), [5, 9])
    rows, exact = quiver.exact_knn(vectors[kept], queries, 38, metric=metric)
    radius = exact[:, 3].astype(np.float64)
    found = index.search_radius(queries, radius, confidence=0)
    for number, (ids, _) in enumerate(found):
        within = exact[number] <= radius[number]
        assert ids.tolist() == kept[rows[number][within]].tolist()


@pytest.fixture(scope="module")
def demo_index() -> quiver.Index:
    if quiver.get_backend().name == "reference":
        pytest.skip("minutes with the reference, and the answer would be the same")
    return quiver.Index.build(load_demo().vectors)


@pytest.mark.parametrize("answers", [1, 10, 100])
@pytest.mark.parametrize("of_each", [True, False])
def test_with_the_usual_confidence_nineteen_of_twenty_are_found(
    demo_index: quiver.Index, answers: int, of_each: bool
) -> None:
    queries = load_demo().queries.astype(np.float32)
    rows, exact = quiver.exact_knn(load_demo().vectors, queries, 1000)
    radius = exact[:, answers - 1].astype(np.float64)
    if not of_each:
        radius = np.full(len(queries), np.sort(exact.ravel())[answers * len(queries)])
    found = demo_index.search_radius(queries, radius)
    true = [r[d <= far] for r, d, far in zip(rows, exact, radius, strict=True)]
    n_found = sum(np.isin(t, f).sum() for t, (f, _) in zip(true, found, strict=True))
    assert n_found / sum(map(len, true)) >= 0.95
    assert found.stats.reranked.mean() < 10 * answers + 60


def test_more_confidence_keeps_more(demo_index: quiver.Index) -> None:
    queries = load_demo().queries[:40]
    kept = [
        demo_index.search_radius(queries, 0.4, confidence=confidence)
        for confidence in (0.0, 1.0, 2.0, 4.0)
    ]
    reranked = [found.stats.reranked.sum() for found in kept]
    assert reranked == sorted(reranked)
    assert reranked[0] < reranked[-1]
    assert np.isin(kept[0].ids, kept[-1].ids).all()


@needs_kernels
def test_far_rows_of_many_norms_answer_too() -> None:
    vectors = normal_rows(2000, 32, seed=2)
    vectors *= np.exp(normal_rows(2000, 1, seed=3))
    queries = vectors[::50] + 0.1 * normal_rows(40, 32, seed=4)
    index = quiver.Index.build(vectors, metric="inner_product")
    rows, exact = true_sets(index, queries)
    radius = exact[:, 20].astype(np.float64)
    found = index.search_radius(queries, radius)
    pairs = zip(rows, found, strict=True)
    n_found = sum(np.isin(row[:21], ids).sum() for row, (ids, _) in pairs)
    assert n_found / (21 * 40) >= 0.95


def integers(n: int, dim: int, seed: int) -> np.ndarray:
    """Return rows of small integers about a thousand."""
    return np.random.default_rng(seed).integers(997, 1004, (n, dim)).astype(np.float32)


def of_many_lengths(n: int, dim: int, seed: int) -> np.ndarray:
    vectors = normal_rows(n, dim, seed) * np.exp(normal_rows(n, 1, seed + 1))
    vectors[:2] *= 1000
    return vectors.astype(np.float32)


def equal(n: int, dim: int, seed: int) -> np.ndarray:
    return np.repeat(integers(1, dim, seed) - 1000, n, axis=0)


def signs(n: int, dim: int, seed: int) -> np.ndarray:
    return np.sign(normal_rows(n, dim, seed))


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
@pytest.mark.parametrize(
    ("make", "dim"),
    [
        *[(make, 8) for make in (integers, of_many_lengths, signs, equal)],
        (of_many_lengths, 1),
        # Codes without an error, so that float32 and the query's rounding are all.
        *[(equal, dim) for dim in (1, 2, 3)],
        (normal_rows, 64),
    ],
)
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("rotate", [True, False])
def test_a_radius_that_is_the_distance_of_an_answer_finds_it(
    metric: Any, make: Any, dim: int, bits: Any, rotate: bool
) -> None:
    vectors, middle = make(40, dim, 1), np.zeros((1, dim), dtype=np.float32)
    queries = np.concatenate([vectors[:3], make(3, dim, 9), middle, vectors[:1] + 0.5])
    for center in (True, False):
        encoding = quiver.Encoding(bits=bits, rotate=rotate, center=center)
        options: Any = {"metric": metric, "params": PARAMS, "encoding": encoding}
        index = quiver.Index.build(vectors, **options)
        rows, exact = true_sets(index, queries)
        for rank in (0, 1, 5, 20, 39):
            radius = exact[:, rank].astype(np.float64)
            found = index.search_radius(queries, radius, confidence=10)
            for row, (ids, _) in zip(rows[:, rank], found, strict=True):
                assert row in ids


@pytest.mark.parametrize("radius", [1e19, 1e200])
def test_a_radius_beyond_every_float32_holds_all_rows(radius: float) -> None:
    for metric in ("cosine", "euclidean", "inner_product"):
        found = build(metric).search_radius(normal_rows(2, 8), radius)
        assert found.counts.tolist() == [N, N]


def test_most_results_are_the_nearest_and_it_says_that_more_are_there() -> None:
    index = build("euclidean")
    queries = normal_rows(2, 8, seed=9)
    whole = index.search_radius(queries, [3.0, 0.1], confidence=5)
    cut = index.search_radius(queries, [3.0, 0.1], confidence=5, max_results=4)
    assert whole.counts[0] > 4
    assert whole.counts[1] == 0
    assert cut.complete.tolist() == [False, True]
    assert cut.counts.tolist() == [4, 0]
    np.testing.assert_array_equal(cut.ids, whole.ids[:4])


def test_one_vector_and_no_vector_are_batches_too() -> None:
    index = build()
    one = index.search_radius(normal_rows(1, 8)[0], 0.3)
    ids, distances = one[0]
    assert len(one) == 1
    assert ids.tolist() == one.ids.tolist()
    assert distances.tolist() == one[-1][1].tolist()
    none = index.search_radius(np.empty((0, 8)), 0.3)
    assert (len(none), none.ids.size, none.offsets.tolist()) == (0, 0, [0])
    assert repr(none) == "RadiusResult(0 queries, 0 answers)"


def test_every_backend_and_number_of_threads_finds_the_same(backend: Any) -> None:
    expected = build("euclidean", backend="reference")
    index = quiver.Index(expected.state, backend)
    queries = normal_rows(130, 8, seed=6)
    marks = np.random.default_rng(1).random(N) < 0.98
    for own in (None, marks):
        one = expected.search_radius(queries, 2.0, ef=2, filter=own, threads=1)
        same = index.search_radius(queries, 2.0, ef=2, filter=own, threads=3)
        for name in ("offsets", "ids", "distances", "complete"):
            np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        for name in ("hops", "distance_computations", "reranked"):
            np.testing.assert_array_equal(
                getattr(one.stats, name), getattr(same.stats, name)
            )


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"radius": -0.1}, InvalidArgumentError, "radius must be finite and at least"),
        ({"radius": np.nan}, InvalidArgumentError, "radius must be .*, got nan; give"),
        (
            {"radius": [0.1, -2, -3]},
            InvalidArgumentError,
            "got -2.0 for query 1",
        ),
        (
            {"radius": [0.1, 0.2]},
            InvalidArgumentError,
            r"\(3,\), got shape \(2,\);",
        ),
        ({"radius": "far"}, InvalidTypeError, "one per query, got 'far' .*; give the"),
        ({"radius": None}, InvalidTypeError, "one per query, got None .* as search"),
        ({"radius": [True]}, InvalidTypeError, r"got \[True\] of dtype bool"),
        ({"confidence": -1.0}, InvalidArgumentError, "confidence must be in 0 … 10"),
        ({"ef": 0}, InvalidArgumentError, "ef must be in 1"),
        ({"max_results": 0}, InvalidArgumentError, "max_results must be in 1"),
        ({"filter": [1.5]}, InvalidTypeError, "filter must be integers"),
    ],
)
def test_wrong_arguments_are_typed_errors(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = {"radius": 0.5, **changed}
    with pytest.raises(error, match=message):
        build().search_radius(normal_rows(3, 8), **arguments)


@pytest.mark.parametrize(
    "encoding", [quiver.Encoding.paper(), quiver.Encoding(query="symmetric")]
)
def test_codes_without_a_known_error_are_refused(encoding: quiver.Encoding) -> None:
    with pytest.raises(InvalidArgumentError, match="error of symmetric distances"):
        build(encoding=encoding).search_radius(normal_rows(1, 8), 0.5)
