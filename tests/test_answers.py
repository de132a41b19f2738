"""Answers in one word and by several: the same, alone and from many threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver._typing import Bits, ColdDtype, Metric
from quiver.conformance import hazards
from quiver.state import State
from quiver.storage.cold import ColdVectors

N, DIM = 260, 40
PARAMS = quiver.BuildParams(max_degree=8, ef_construction=16)
QUERIES = normal_rows(9, DIM, seed=8)


def drawn_index(metric: Metric, bits: Bits = 2, **options: object) -> quiver.Index:
    rows = normal_rows(N, DIM, seed=5)
    rows[:3] *= 60
    rows[N - 20 :] = rows[: 20 // 5].repeat(5, axis=0)
    if metric == "cosine":
        rows[100:103] = 0
    encoding = quiver.Encoding(bits=bits)
    shape = {"metric": metric, "encoding": encoding, "params": PARAMS}
    return quiver.Index.build(rows, ids=7000 - np.arange(N), **shape, **options)


def parts(found: quiver.SearchResult) -> list[np.ndarray]:
    stats = found.stats
    costs = stats.hops, stats.distance_computations, stats.reranked
    return [found.ids, found.distances, found.counts, *costs]


def assert_equal_parts(one: quiver.SearchResult, other: quiver.SearchResult) -> None:
    for left, right in zip(parts(one), parts(other), strict=True):
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype


@pytest.mark.parametrize("metric", hazards.METRICS)
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize(
    "asked", [(3, 9, None), (3, 90, None), (5, 70, 8), (200, 250, 250)]
)
def test_one_word_answers_as_several(
    metric: Metric,
    bits: Bits,
    asked: tuple[int, int, int | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = drawn_index(metric, bits)
    assert index.state.searched is not None
    k, ef, n_rerank = asked
    queries = np.concatenate([QUERIES, index.vectors[:2], 0 * QUERIES[:1]])
    whole = index.search(queries, k, ef=ef, n_rerank=n_rerank)
    monkeypatch.setattr(State, "searched", None)
    assert_equal_parts(index.search(queries, k, ef=ef, n_rerank=n_rerank), whole)


@pytest.mark.parametrize("metric", hazards.METRICS)
@pytest.mark.parametrize("is_unique", [False, True])
def test_one_word_answers_as_several_once_rows_are_removed(
    metric: Metric, is_unique: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = drawn_index(metric)
    if is_unique:
        index.remove(index.ids[index.state.unlinked[:, 1]])
        index.consolidate()
    index.remove(index.ids[[1, 50, 51]])
    assert (index.state.searched is not None) == is_unique
    whole = index.search(QUERIES, k=5)
    monkeypatch.setattr(State, "searched", None)
    assert_equal_parts(index.search(QUERIES, k=5), whole)


@pytest.mark.parametrize("cold_dtype", ["float32", "int8"])
def test_one_word_reads_vectors_in_a_file_and_bytes_where_they_are(
    tmp_path: Path, cold_dtype: ColdDtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = hazards.as_bytes(normal_rows(N, DIM), "int8").astype(np.float32)
    index = quiver.Index.build(rows, metric="euclidean", params=PARAMS)
    index.save(tmp_path / "cold.quiver", cold_dtype=cold_dtype)
    expected = index.search(QUERIES, k=4, ef=90)
    monkeypatch.setattr(ColdVectors, "needs_copy", False)
    monkeypatch.setattr("quiver.search._answer_by_words", None)
    for cold in ("memory", "mmap"):
        opened = quiver.open(tmp_path / "cold.quiver", cold=cold)
        assert_equal_parts(opened.search(QUERIES, k=4, ef=90), expected)


def test_many_threads_get_the_answers_of_one() -> None:
    index = drawn_index("cosine", 4)
    expected = [index.search(query, k=6, ef=50) for query in QUERIES]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda q: index.search(q, k=6, ef=50), [*QUERIES] * 40)
        for number, answer in enumerate(found):
            assert_equal_parts(answer, expected[number % len(expected)])


def test_a_version_that_is_searched_meanwhile_keeps_its_answers() -> None:
    index = drawn_index("euclidean")
    before = index.snapshot()
    expected = before.search(QUERIES, k=4)
    removed = np.unique(expected.ids[:, 0])
    index.remove(removed)
    assert not np.isin(index.search(QUERIES, k=4).ids, removed).any()
    assert_equal_parts(before.search(QUERIES, k=4), expected)
