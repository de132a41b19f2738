"""Tuning: the answer holds its target, and nothing cheaper on the grid does."""

from __future__ import annotations

import numpy as np
import pytest
from diagnosed import needs_kernels
from rows import normal_rows

import quiver
from quiver.datasets.generators import find_regime, generate
from quiver.errors import CancelledError, InvalidArgumentError, InvalidTypeError
from quiver.recall.intervals import queries_needed


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    return normal_rows(150, 24, seed=8)


@pytest.fixture(scope="module")
def index() -> quiver.Index:
    vectors = np.random.default_rng(7).normal(size=(900, 24))
    params = quiver.BuildParams(max_degree=8, ef_construction=16)
    # By the eight bits that a line has room for, the first k were the right ones.
    encoding = quiver.Encoding()
    return quiver.Index.build(vectors, params=params, encoding=encoding)


def recall(index: quiver.Index, queries: np.ndarray, ef: int, n_rerank: int) -> float:
    _, true = quiver.exact_knn(index.vectors, queries, 10)
    found = index.search(queries, k=10, ef=ef, n_rerank=n_rerank)
    return quiver.recall_at_k(found.distances, true)


@needs_kernels
@pytest.mark.parametrize("target", [0.6, 0.8, 0.95])
def test_the_effort_found_holds_its_target(
    index: quiver.Index, queries: np.ndarray, target: float
) -> None:
    tuned = quiver.tune(index, queries, target)
    measured = recall(index, queries, tuned.ef, tuned.n_rerank)
    assert measured == pytest.approx(tuned.recall.mean)
    assert target <= tuned.recall.low < measured
    assert 10 <= tuned.n_rerank <= tuned.ef


def test_the_effort_found_holds_its_target_under_a_filter(
    index: quiver.Index, queries: np.ndarray
) -> None:
    marks = np.arange(index.n) % 8 != 0
    tuned = quiver.tune(index, queries, 0.8, filter=marks)
    _, true = quiver.exact_knn(index.vectors[np.flatnonzero(marks)], queries, 10)
    effort = {"ef": tuned.ef, "n_rerank": tuned.n_rerank}
    found = index.search(queries, k=10, filter=marks, **effort)
    measured = quiver.recall_at_k(found.distances, true)
    assert measured == pytest.approx(tuned.recall.mean)
    assert tuned.recall.low >= 0.8


@needs_kernels
def test_one_less_to_rerank_does_not_hold(
    index: quiver.Index, queries: np.ndarray
) -> None:
    tuned = quiver.tune(index, queries, 0.8)
    fewer = recall(index, queries, tuned.ef, tuned.n_rerank - 1)
    assert fewer < tuned.recall.mean
    margin = tuned.recall.mean - tuned.recall.low
    assert fewer - margin < 0.8 + 0.005


@needs_kernels
def test_more_confidence_never_costs_less(
    index: quiver.Index, queries: np.ndarray
) -> None:
    costs = [
        quiver.tune(index, queries, 0.8, confidence=level).bytes_per_query
        for level in (0.6, 0.95, 0.999)
    ]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


@needs_kernels
def test_the_answer_is_the_same_with_any_number_of_threads(
    index: quiver.Index, queries: np.ndarray
) -> None:
    assert quiver.tune(index, queries, 0.8, threads=1) == quiver.tune(
        index, queries, 0.8, threads=3
    )


@needs_kernels
def test_ground_truth_saves_the_exact_search(
    index: quiver.Index, queries: np.ndarray
) -> None:
    ids, _ = quiver.exact_knn(index.vectors, queries, 10)
    assert quiver.tune(index, queries, 0.8, ground_truth=ids) == quiver.tune(
        index, queries, 0.8
    )


def test_a_target_out_of_reach_is_an_error_that_says_what_was_reached(
    index: quiver.Index, queries: np.ndarray
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"3 queries find 1\.0000, which"):
        quiver.tune(index, queries[:3], 0.99, max_ef=900)
    with pytest.raises(InvalidArgumentError, match="proven with ef <= 12"):
        quiver.tune(index, queries, 0.95, max_ef=12)


def test_too_few_queries_are_told_how_many_are_needed(
    index: quiver.Index, queries: np.ndarray
) -> None:
    needed = queries_needed(np.ones(3), 0.9, 0.9)
    words = (
        r"got 0\.9: 3 queries find 1\.0000, which proves no more than 0\.5\d+, its "
        rf"lower bound at confidence 0\.95; give about {needed} queries like these"
    )
    with pytest.raises(InvalidArgumentError, match=words):
        quiver.tune(index, queries[:3], 0.9, max_ef=900)
    tuned = quiver.tune(index, np.tile(queries[:1], (needed, 1)), 0.9, max_ef=900)
    assert tuned.recall.low >= 0.9
    with pytest.raises(InvalidArgumentError, match=r"answers .* 52 queries"):
        quiver.tune(index, queries[:20], 0.95, max_ef=11)
    with pytest.raises(InvalidArgumentError, match=r"larger max_degree or [a-z_]+$"):
        quiver.tune(index, queries, 0.95, max_ef=11)


@pytest.mark.parametrize("measure", [quiver.tune, quiver.evaluate])
def test_an_empty_index_is_refused_with_what_to_do(measure) -> None:
    empty = quiver.Index.create(24, backend="reference")
    with pytest.raises(
        InvalidArgumentError, match=r"got none in version 0; add\(\) some"
    ):
        measure(empty, np.ones((3, 24), dtype=np.float32))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"target_recall": 1.0}, InvalidArgumentError),
        ({"target_recall": "high"}, InvalidTypeError),
        ({"confidence": 0}, InvalidArgumentError),
        ({"confidence": True}, InvalidTypeError),
        ({"k": 0}, InvalidArgumentError),
        ({"max_ef": 9}, InvalidArgumentError),
    ],
)
def test_wrong_arguments_are_named(
    index: quiver.Index, queries: np.ndarray, options: dict, error: type[Exception]
) -> None:
    with pytest.raises(error, match=next(iter(options))):
        quiver.tune(index, queries, **options)


def test_tuning_can_be_cancelled(index: quiver.Index, queries: np.ndarray) -> None:
    with pytest.raises(CancelledError):
        quiver.tune(index, queries, 0.8, progress=lambda *_: False)


@needs_kernels
def test_progress_stays_within_its_total(
    index: quiver.Index, queries: np.ndarray
) -> None:
    steps: list[tuple[int, int]] = []
    quiver.tune(index, queries, 0.8, progress=lambda *step: steps.append(step))
    assert all(done <= total for done, total in steps)
    assert [done for done, _ in steps] == list(range(1, len(steps) + 1))


def test_the_old_name_of_the_result_works_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r"now quiver\.TuneResult") as caught:
        assert quiver.Tuned is quiver.TuneResult
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="no attribute 'Tuner'"):
        _ = quiver.Tuner


@needs_kernels
def test_a_horizon_is_taken_where_it_reads_less() -> None:
    rows, asked = generate(find_regime("text-384"), 3000, 300)
    shape = {"max_degree": 16, "ef_construction": 32}
    index = quiver.Index.build(rows, encoding="default", **shape)
    alone = quiver.tune(index, asked, 0.97)
    tuned = quiver.tune(index, asked, 0.97, horizon=True)
    assert alone.horizon is None
    assert tuned.horizon is not None
    assert tuned.bytes_per_query < 0.95 * alone.bytes_per_query
    effort = {"ef": tuned.ef, "n_rerank": tuned.n_rerank, "horizon": tuned.horizon}
    found = index.search(asked, k=10, **effort)
    _, true = quiver.exact_knn(rows, asked, 10)
    measured = quiver.recall_at_k(found.distances, true)
    assert measured == pytest.approx(tuned.recall.mean)
    assert tuned.recall.low >= 0.97


def test_products_are_tuned_without_a_horizon(queries: np.ndarray) -> None:
    rows = np.random.default_rng(7).normal(size=(300, 24))
    index = quiver.Index.build(rows, metric="inner_product")
    alone, tuned = (
        quiver.tune(index, queries, 0.8, horizon=tried) for tried in (False, True)
    )
    assert tuned == alone
    with pytest.raises(InvalidTypeError, match="horizon must be"):
        quiver.tune(index, queries, 0.8, horizon=1.1)
