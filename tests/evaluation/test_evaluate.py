"""Evaluation against definitions written out query by query."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from diagnosed import needs_kernels
from lossy_index import ROWS, lossy_index
from rows import normal_rows
from spoiled_rows import long_rows

import quiver
from quiver.conformance.hazards import METRICS
from quiver.errors import CancelledError, InvalidArgumentError, InvalidTypeError


@pytest.fixture
def rows() -> np.ndarray:
    return ROWS


@pytest.mark.parametrize("metric", METRICS)
def test_the_losses_and_the_recall_add_up_to_one(rows: np.ndarray, metric: str) -> None:
    index = lossy_index(metric=metric)
    evaluation = quiver.evaluate(index, rows[600:], k=5, ef=[8, 40], n_rerank=6)
    for point in evaluation.points:
        lost = point.code_loss + point.graph_loss + point.rerank_loss
        assert lost + point.recall.mean == pytest.approx(1.0)
        assert point.code_loss > 0 or point.ef > 8


@pytest.mark.parametrize("metric", METRICS)
def test_recall_is_that_of_search(rows: np.ndarray, metric: str) -> None:
    index = lossy_index(metric=metric)
    queries = rows[600:]
    _, true = quiver.exact_knn(rows[:600], queries, 5, metric=metric)
    evaluation = quiver.evaluate(index, queries, k=5, ef=(8, 16, 40))
    for point in evaluation.points:
        found = index.search(queries, k=5, ef=point.ef, n_rerank=point.n_rerank)
        assert point.recall.mean == pytest.approx(
            quiver.recall_at_k(found.distances, true)
        )
        stats = found.stats
        assert point.hops == stats.hops.mean()
        assert point.distance_computations == stats.distance_computations.mean()
        assert point.reranked == stats.reranked.mean()


@pytest.mark.parametrize("horizon", [1.0, 1.05, 1000.0])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_walks_to_a_horizon_are_measured_as_they_are_searched(
    rows: np.ndarray, metric: str, horizon: float
) -> None:
    index, queries = lossy_index(metric=metric), rows[600:]
    _, true = quiver.exact_knn(rows[:600], queries, 5, metric=metric)
    (point,) = quiver.evaluate(index, queries, k=5, ef=40, horizon=horizon).points
    (whole,) = quiver.evaluate(index, queries, k=5, ef=40).points
    found = index.search(queries, k=5, ef=40, horizon=horizon)
    assert (point.horizon, whole.horizon) == (horizon, None)
    expected = quiver.recall_at_k(found.distances, true)
    assert point.recall.mean == pytest.approx(expected)
    assert point.distance_computations == found.stats.distance_computations.mean()
    lost = point.code_loss + point.graph_loss + point.rerank_loss
    assert lost + point.recall.mean == pytest.approx(1.0)
    assert point.code_loss == whole.code_loss
    if horizon == 1000:
        assert point.hops == whole.hops
    else:
        assert point.hops < whole.hops
        assert point.graph_loss > whole.graph_loss


@needs_kernels
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0.95, 0.3, 0.01, 0.0])
def test_with_a_filter_recall_is_of_the_rows_that_may_answer(
    metric: str, share: float
) -> None:
    rows = ROWS.copy()
    # Copies and zero rows, whose linked twin may not answer.
    rows[50:70], rows[80:90] = rows[3], 0
    index = quiver.Index.build(rows[:600], metric=metric)
    queries, rng = rows[600:], np.random.default_rng(0)
    marks = rng.random((len(queries), 600)) < share
    marks[:, 3] = False
    evaluation = quiver.evaluate(
        *(index, queries), k=5, ef=[8, 40], n_rerank=6, filter=list(marks)
    )
    for point in evaluation.points:
        lost = point.code_loss + point.graph_loss + point.rerank_loss
        assert lost + point.recall.mean == pytest.approx(1.0)
        found = index.search(
            queries, k=5, ef=point.ef, n_rerank=point.n_rerank, filter=list(marks)
        )
        shares = []
        for own, near, query in zip(marks, found.distances, queries, strict=True):
            base = rows[np.flatnonzero(own)]
            k = min(5, len(base))
            if k:
                _, true = quiver.exact_knn(base, query[None], k, metric=metric)
            shares.append(np.mean(near[:k] <= true[0, -1]) if k else 1.0)
        assert point.recall.mean == pytest.approx(np.mean(shares))
        stats = found.stats
        assert point.distance_computations == stats.distance_computations.mean()
        if share <= 0.01:
            assert point.recall.mean == 1.0


@pytest.mark.parametrize("n_rerank", [None, 40])
def test_long_rows_that_are_measured_anyway_are_lost_by_no_stage(
    n_rerank: int | None,
) -> None:
    base, queries = long_rows(600, 24), normal_rows(40, 24, seed=8)
    index = quiver.Index.build(base, metric="inner_product")
    (point,) = quiver.evaluate(index, queries, k=3, ef=40, n_rerank=n_rerank).points
    assert len(index.state.long_entry_points) == 3
    assert point.rerank_loss == pytest.approx(0.0)
    assert point.code_loss >= 0
    lost = point.code_loss + point.graph_loss + point.rerank_loss
    assert lost + point.recall.mean == pytest.approx(1.0)


def test_a_beam_wider_than_the_index_is_the_whole_index(rows: np.ndarray) -> None:
    index = quiver.Index.build(rows[:50])
    (point,) = quiver.evaluate(index, rows[600:], k=10, ef=500, n_rerank=500).points
    assert point.recall.mean == 1.0
    assert point.code_loss == point.graph_loss == point.rerank_loss == 0.0


def test_duplicates_count_as_hits(rows: np.ndarray) -> None:
    index = quiver.Index.build(np.repeat(rows[:30], 20, axis=0))
    (point,) = quiver.evaluate(index, rows[600:], k=10, ef=40, n_rerank=40).points
    assert 0 <= point.recall.mean <= 1
    assert point.recall.mean + point.graph_loss == pytest.approx(1 - point.code_loss)


@pytest.mark.parametrize("metric", METRICS)
def test_copies_and_zero_vectors_count_as_in_search(
    rows: np.ndarray, metric: str
) -> None:
    zeros = np.zeros((3, rows.shape[1]), dtype=np.float32)
    base = np.concatenate([rows[:300], np.repeat(rows[:40], 5, axis=0), zeros])
    # Seen from the other side, zero vectors are the nearest under cosine.
    queries = np.concatenate([rows[:40], rows[600:], -rows[600:610]])
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    index = quiver.Index.build(base, metric=metric, params=params)
    _, true = quiver.exact_knn(base, queries, 10, metric=metric)
    for point in quiver.evaluate(index, queries, k=10, ef=(10, 64, 500)).points:
        found = index.search(queries, k=10, ef=point.ef, n_rerank=point.n_rerank)
        expected = quiver.recall_at_k(found.distances, true)
        assert point.recall.mean == pytest.approx(expected)
    assert point.recall.mean == 1
    assert point.code_loss == point.graph_loss == 0, "a beam wide enough loses nothing"


def test_given_ground_truth_is_the_computed_one(rows: np.ndarray) -> None:
    ids = np.arange(600)[::-1] * 7
    index = quiver.Index.build(rows[:600], ids=ids)
    true_rows, _ = quiver.exact_knn(rows[:600], rows[600:], 10)
    computed = quiver.evaluate(index, rows[600:], ef=20)
    given = quiver.evaluate(index, rows[600:], ids[true_rows], ef=20)
    assert given.points[0].recall == computed.points[0].recall


def test_cold_vectors_give_the_same_evaluation(
    rows: np.ndarray, tmp_path: object
) -> None:
    index = lossy_index()
    index.save(f"{tmp_path}/cold.quiver")
    cold = quiver.open(f"{tmp_path}/cold.quiver", cold="mmap")
    one, other = (
        quiver.evaluate(i, rows[600:], ef=20).points[0] for i in (index, cold)
    )
    assert one.recall == other.recall
    assert one.code_loss == other.code_loss


def test_suggestions_name_the_stage_that_loses_most(rows: np.ndarray) -> None:
    walk_loses = quiver.evaluate(lossy_index(), rows[600:], ef=12, n_rerank=12)
    assert "The graph loses" in walk_loses.suggestions[1]
    ended = quiver.evaluate(lossy_index(), rows[600:], ef=40, horizon=1.0)
    assert any("raise horizon or ef" in one for one in ended.suggestions)
    index = quiver.Index.build(rows[:600])
    rerank_loses = quiver.evaluate(index, rows[600:], ef=300, n_rerank=10)
    assert "raise n_rerank" in rerank_loses.suggestions[1]


def test_the_document_is_json_and_the_drawing_xml(rows: np.ndarray) -> None:
    evaluation = quiver.evaluate(lossy_index(), rows[600:], ef=[16, 32])
    document = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert [point["ef"] for point in document["points"]] == [16, 32]
    assert document["points"][0]["recall"]["low"] < 1
    drawing = ElementTree.fromstring(evaluation.to_svg())
    assert drawing.tag.endswith("svg")
    assert "recall@10 of 60 queries" in str(evaluation)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"ef": 4}, InvalidArgumentError, "ef must hold a width >= k"),
        ({"ef": []}, InvalidArgumentError, "ef must hold a width >= k"),
        ({"ef": 12.0}, InvalidTypeError, "ef must be an integer"),
        ({"horizon": 0.5}, InvalidArgumentError, "horizon must be in"),
        ({"k": 601}, InvalidArgumentError, "k must be in"),
        ({"n_rerank": 3}, InvalidArgumentError, "n_rerank must be in"),
        ({"ground_truth": np.zeros((60, 9), int)}, InvalidArgumentError, "shape"),
        ({"ground_truth": np.zeros((60, 10))}, InvalidTypeError, "integer ids"),
        ({"ground_truth": np.full((60, 10), -5)}, InvalidArgumentError, "got -5"),
    ],
)
def test_wrong_arguments_are_named(
    rows: np.ndarray, options: dict, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        quiver.evaluate(lossy_index(), rows[600:], **options)


def test_inner_product_has_no_horizon_to_measure(rows: np.ndarray) -> None:
    index = lossy_index(metric="inner_product")
    with pytest.raises(InvalidArgumentError, match="horizon must be None under"):
        quiver.evaluate(index, rows[600:], ef=40, horizon=1.05)


def test_no_query_is_an_error(rows: np.ndarray) -> None:
    with pytest.raises(InvalidArgumentError, match="queries must have at least 1 row"):
        quiver.evaluate(lossy_index(), rows[:0])


def test_progress_ends_at_its_total_and_can_cancel(rows: np.ndarray) -> None:
    index, seen = lossy_index(), []
    quiver.evaluate(
        index, rows[600:], ef=[16, 32], progress=lambda *step: seen.append(step)
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(CancelledError):
        quiver.evaluate(index, rows[600:], progress=lambda *_: False)
