"""Search: batches, rows that no walk reaches, and answers longer than the base."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from diagnosed import needs_kernels
from rows import normal_rows
from small_index import small_index

import quiver
from quiver._typing import Bits, Metric
from quiver.conformance import hazards
from quiver.errors import InvalidArgumentError
from quiver.filters.filter import Filter
from quiver.reference.bounds import LEAST_DIM, SHORT_BEAM
from quiver.reference.keys import NO_ID
from quiver.rerank import GATHER_BYTES
from quiver.search import LEAST_SCAN_EF, SEARCH_CHUNK, least_scan_ef
from quiver.storage.cold import ColdVectors
from quiver.storage.header import ColdDtype

PARAMS = quiver.BuildParams(max_degree=8, ef_construction=16)


def axis_index() -> quiver.Index:
    """Row 1 equals row 0, and rows 3 and 5 have no direction."""
    rows = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [-1, 0], [0, 0]], np.float32)
    return quiver.Index.build(rows, metric="cosine", backend="reference")


def test_a_batch_of_one_chunk_and_a_query_more_equals_single_queries() -> None:
    index = small_index(n=30)
    queries = normal_rows(SEARCH_CHUNK + 1, 5, seed=4)
    batch = index.search(queries, k=3, ef=5, threads=2)
    singles = [index.search(query[None], k=3, ef=5) for query in queries]
    for part in ("ids", "distances", "counts"):
        joined = np.concatenate([getattr(one, part) for one in singles])
        np.testing.assert_array_equal(getattr(batch, part), joined)
    hops = np.concatenate([one.stats.hops for one in singles])
    np.testing.assert_array_equal(batch.stats.hops, hops)


def test_no_queries_are_answered_in_the_right_shape() -> None:
    found = small_index().search(np.empty((0, 5), np.float32), k=3)
    assert found.ids.shape == found.distances.shape == (0, 3)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_copies_and_zero_rows_take_their_place_by_distance_then_row(k: int) -> None:
    index = axis_index()
    assert index.state.unlinked.tolist() == [[0, 1], [NO_ID, 3], [NO_ID, 5]]
    found = index.search(np.array([[1, 0]], np.float32), k=k)
    assert found.ids[0].tolist() == [0, 1, 2, 3, 5, 4][:k]
    assert found.distances[0].tolist() == [0, 0, 1, 1, 1, 2][:k]


def test_more_neighbors_than_rows_leave_marked_places() -> None:
    found = axis_index().search(np.array([[1, 0]], np.float32), k=8)
    assert found.counts.tolist() == [6]
    assert found.ids[0].tolist() == [0, 1, 2, 3, 5, 4, -1, -1]
    assert found.distances[0, 6:].tolist() == [np.inf, np.inf]


def drawn_index(
    n: int, metric: Metric = "euclidean", dim: int = 40, **encoding: object
) -> quiver.Index:
    rows = normal_rows(n, dim, seed=5) + np.float32(0.3)
    coding = quiver.Encoding(**encoding)
    return quiver.Index.build(rows, metric=metric, encoding=coding, params=PARAMS)


def assert_same_answer(one: quiver.SearchResult, other: quiver.SearchResult) -> None:
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.distances, other.distances)


@pytest.mark.parametrize("metric", hazards.METRICS)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_by_default_a_search_reads_less_than_its_beam_and_loses_nothing_of_it(
    metric: Metric, bits: Bits
) -> None:
    index = drawn_index(400, metric, bits=bits)
    queries = normal_rows(30, 40, seed=6) + np.float32(0.3)
    found = index.search(queries, k=5, ef=150)
    whole = index.search(queries, k=5, ef=150, n_rerank=150)
    assert_same_answer(found, whole)
    assert (whole.stats.reranked == 150).all()
    assert (found.stats.reranked >= 5).all()
    assert found.stats.reranked.mean() < {2: 145, 4: 60, 8: 20}[bits]


def test_a_query_is_answered_alike_alone_and_in_a_batch() -> None:
    index = drawn_index(300)
    queries = normal_rows(SEARCH_CHUNK + 3, 40, seed=6)
    batch = index.search(queries, k=3, ef=100)
    singles = [index.search(query[None], k=3, ef=100) for query in queries]
    one_by_one = quiver.SearchResult.concatenate(singles)
    assert_same_answer(batch, one_by_one)
    np.testing.assert_array_equal(batch.stats.reranked, one_by_one.stats.reranked)


@pytest.mark.parametrize(
    ("dim", "ef", "encoding"),
    [
        (LEAST_DIM - 1, 80, {"bits": 8}),
        (40, SHORT_BEAM[2], {"bits": 2}),
        (40, SHORT_BEAM[4], {"bits": 4}),
        (40, SHORT_BEAM[8], {"bits": 8}),
        (40, 80, {"rotate": False, "bits": 8}),
        (40, 80, {"query": "symmetric"}),
        (40, 80, {"weights": "published", "query": "symmetric"}),
    ],
)
def test_a_beam_is_read_whole_where_nothing_bounds_its_distances(
    dim: int, ef: int, encoding: dict[str, object]
) -> None:
    index = drawn_index(120, dim=dim, **encoding)
    found = index.search(normal_rows(4, dim, seed=6), k=3, ef=ef)
    assert (found.stats.reranked == ef).all()


@needs_kernels
@pytest.mark.parametrize("metric", hazards.METRICS)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_halves_far_from_the_origin_are_answered_as_if_the_beam_were_read_whole(
    tmp_path: Path, metric: Metric, bits: Bits
) -> None:
    # Halves near 1000 are multiples of a half, and this is the spread of the rows.
    rows = normal_rows(600, 40, seed=5) + np.float32(1000)
    coding = quiver.Encoding(bits=bits)
    index = quiver.Index.build(rows, metric=metric, encoding=coding, params=PARAMS)
    index.save(tmp_path / "halves.quiver", cold_dtype="float16")
    halves = quiver.open(tmp_path / "halves.quiver")
    queries = normal_rows(50, 40, seed=6) + np.float32(1000)
    found = halves.search(queries, k=5, ef=150)
    assert_same_answer(found, halves.search(queries, k=5, ef=150, n_rerank=150))
    assert (found.stats.reranked == 150).all()


@needs_kernels
@pytest.mark.parametrize("bits", [2, 4])
def test_a_beam_is_read_whole_if_few_coordinates_of_the_query_are_not_zero(
    bits: Bits,
) -> None:
    rng = np.random.default_rng(7)
    rows = np.zeros((1500, 200), dtype=np.float32)
    for row in rows:
        row[rng.choice(200, 3, replace=False)] = rng.standard_normal(3)
    rows[:10] = rng.standard_normal((10, 200))
    rows[1, LEAST_DIM:], rows[2, LEAST_DIM - 1 :] = 0, 0
    kind = {"metric": "euclidean", "encoding": quiver.Encoding(bits=bits)}
    index = quiver.Index.build(rows, params=PARAMS, **kind)
    found = index.search(rows, k=5, ef=100)
    assert (found.stats.reranked[[0, 1]] < 100).all()
    assert (found.stats.reranked[2] == 100).all()
    assert (found.stats.reranked[10:] == 100).all()
    assert_same_answer(found, index.search(rows, k=5, ef=100, n_rerank=100))


@pytest.mark.parametrize("cold_dtype", ["float32", "int8"])
@pytest.mark.parametrize("bits", [2, 8])
def test_neither_answer_nor_count_depends_on_where_the_vectors_are(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cold_dtype: ColdDtype,
    bits: Bits,
) -> None:
    rows = hazards.as_bytes(normal_rows(209, 40, seed=5), "int8").astype(np.float32)
    kind = {"metric": "euclidean", "encoding": quiver.Encoding(bits=bits)}
    warm = quiver.Index.build(rows[:200], params=PARAMS, **kind)
    path = tmp_path / "cold.quiver"
    warm.save(path, cold_dtype=cold_dtype)
    cold = quiver.open(path, cold="mmap")
    queries = rows[200:]
    expected = warm.search(queries, k=4, ef=90)
    assert expected.stats.reranked.min() < 90
    monkeypatch.setattr(ColdVectors, "needs_copy", True)
    gathered = count_gathered(monkeypatch)
    for batch in (GATHER_BYTES, 1):
        monkeypatch.setattr("quiver.rerank.GATHER_BYTES", batch)
        found = cold.search(queries, k=4, ef=90)
        assert_same_answer(found, expected)
        np.testing.assert_array_equal(found.stats.reranked, expected.stats.reranked)
    # Query by query, hardly more is copied than is read.
    assert sum(gathered[2:]) <= 2 * expected.stats.reranked.sum()


def count_gathered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many rows are gathered, call by call."""
    sizes, gather = [], ColdVectors.gather

    def counting(vectors: ColdVectors, rows: np.ndarray) -> np.ndarray:
        sizes.append(len(rows))
        return gather(vectors, rows)

    monkeypatch.setattr(ColdVectors, "gather", counting)
    return sizes


@pytest.mark.parametrize("n", [1, 511, 512, 15_359, 15_360, 100_000])
def test_the_least_scan_ef_is_past_a_thirtieth_of_the_rows(n: int) -> None:
    least = least_scan_ef(n)
    assert least * 30 > n
    assert least == LEAST_SCAN_EF or (least - 1) * 30 <= n


@pytest.mark.parametrize("metric", hazards.METRICS)
def test_a_beam_of_a_large_share_of_the_rows_is_found_by_a_scan(
    metric: Metric,
) -> None:
    index = drawn_index(700, metric)
    queries = normal_rows(4, 40, seed=6)
    walked = index.search(queries, k=10, ef=LEAST_SCAN_EF - 1)
    scanned = index.search(queries, k=10, ef=LEAST_SCAN_EF)
    assert (walked.stats.hops > 0).all()
    assert (scanned.stats.hops == 0).all()
    assert (scanned.stats.distance_computations == 700).all()
    ids, distances = quiver.exact_knn(index.vectors, queries, 10, metric=metric)
    np.testing.assert_array_equal(scanned.ids, index.ids[ids])
    np.testing.assert_array_equal(scanned.distances, distances)


def test_a_scan_answers_with_unlinked_rows_and_leaves_places_beyond_the_rows() -> None:
    rows = normal_rows(540, 40, seed=5)
    rows[500:520] = rows[:20]
    rows[530:] = 0
    index = quiver.Index.build(rows, metric="cosine", params=PARAMS)
    assert len(index.state.unlinked) == 30
    found = index.search(rows[:3], k=600)
    assert (found.stats.hops == 0).all()
    assert found.counts.tolist() == [540] * 3
    for answer, distances in zip(found.ids, found.distances, strict=True):
        assert sorted(answer[:540]) == list(range(540))
        assert (answer[540:] == -1).all()
        assert (distances[answer >= 530] == 1).all()


def test_a_scan_in_small_parts_answers_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = drawn_index(540)
    queries = normal_rows(5, 40, seed=6)
    expected = index.search(queries, k=300)
    monkeypatch.setattr("quiver.search.SCAN_VALUES", 1)
    assert_same_answer(index.search(queries, k=300), expected)


def test_what_a_scan_found_cannot_be_explained_as_a_walk() -> None:
    index = drawn_index(540)
    with pytest.raises(InvalidArgumentError, match="ef must be below 512 to be expl"):
        index.explain(normal_rows(1, 40)[0], ef=512)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_horizon_ends_walks_one_by_one_in_batches_and_among_the_live(
    metric: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few rows would be scanned.
    monkeypatch.setattr(Filter, "is_scanned", lambda *_: False)
    monkeypatch.setattr(Filter, "budget", 2**62)
    index = quiver.Index.build(normal_rows(300, 40, 0), metric=metric, params=PARAMS)
    queries = normal_rows(20, 40, seed=6)
    effort = {"k": 3, "ef": 40, "horizon": 1.02}
    for _ in range(2):
        found = index.search(queries, **effort)
        whole = index.search(queries, k=3, ef=40)
        assert (found.stats.hops <= whole.stats.hops).all()
        assert found.stats.hops.sum() < whole.stats.hops.sum()
        for number, query in enumerate(queries):
            alone = index.search(query, **effort)
            np.testing.assert_array_equal(alone.ids, found.ids[number])
            assert alone.stats.hops == found.stats.hops[number]
        # A filter that all rows pass walks by rules to the same end.
        filtered = index.search(queries, **effort, filter=np.ones(index.n, bool))
        np.testing.assert_array_equal(filtered.ids, found.ids)
        np.testing.assert_array_equal(filtered.stats.hops, found.stats.hops)
        index.remove(found.ids[0])


def test_no_row_is_beyond_a_far_horizon_nor_is_a_scan_ended() -> None:
    index = small_index(n=300, metric="euclidean")
    queries = normal_rows(20, 5, seed=6)
    for ef, horizon in ((12, 1000.0), (600, 1.0)):
        found = index.search(queries, ef=ef, horizon=horizon)
        whole = index.search(queries, ef=ef)
        np.testing.assert_array_equal(found.ids, whole.ids)
        np.testing.assert_array_equal(found.stats.hops, whole.stats.hops)


def test_products_have_no_horizon() -> None:
    index = small_index(metric="inner_product")
    with pytest.raises(InvalidArgumentError, match="horizon must be None under"):
        index.search(normal_rows(1, 5, seed=0), k=1, horizon=1.1)
