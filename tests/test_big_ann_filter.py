"""Quiver in the filter track: words, truth, and what its runner asks for."""

from __future__ import annotations

from pathlib import Path

import big_ann
import numpy as np
import pytest
import yaml
from big_ann import adapter
from big_ann.adapter import QuiverFiltered
from big_ann.truth import recall
from big_ann.words import (
    Words,
    generated,
    nearest_with_all,
    rows_by_word,
    with_all,
    words_of,
    write_words,
)
from living_model import untidy_pool

import quiver
from quiver.datasets import load_demo

FOLDER = Path(big_ann.__file__).parent
N_WORDS = 12
POOL = untidy_pool(300)
QUERIES = POOL[::15]


def described(seed: int = 0) -> tuple[list[set[int]], list[set[int]]]:
    """Return words of rows, and of queries: none, one, two, and one nobody has."""
    rng = np.random.default_rng(seed)
    rows = [set(rng.integers(0, 8, rng.integers(0, 5)).tolist()) for _ in POOL]
    wanted = [set(rng.integers(0, 8, i % 3).tolist()) for i in range(len(QUERIES))]
    return rows, [*wanted[:-2], {9}, {11}]


def matrix(words: list[set[int]], n_words: int):
    sparse = pytest.importorskip("scipy.sparse", reason="their filters are its")
    indptr, indices = words_of([*map(tuple, words)])
    shape = len(words), n_words
    return sparse.csr_matrix((np.ones(len(indices)), indices, indptr), shape=shape)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch):
    """Build by way of one of their data sets, whose base knows ten words."""
    rows, _ = described()

    class Source:
        def get_dataset(self):
            return POOL

        def search_type(self):
            return "knn_filtered"

        def get_dataset_metadata(self):
            return matrix(rows, 10)

    monkeypatch.setitem(adapter.DATASETS, "mine", Source)
    algorithm = QuiverFiltered("euclidean", {"max_degree": 6, "threads": 1})
    assert not algorithm.load_index("mine")
    algorithm.fit("mine")
    algorithm.set_query_arguments({"ef": 256, "n_rerank": 256, "threads": 1})
    return algorithm


@pytest.mark.parametrize("mark_bytes", [1, 700, 1 << 29])
def test_every_query_finds_the_nearest_rows_with_all_of_its_words(
    fitted, monkeypatch, mark_bytes
):
    monkeypatch.setattr(adapter, "MARK_BYTES", mark_bytes)
    rows, wanted = described()
    fitted.filtered_query(QUERIES, matrix(wanted, N_WORDS), 7)
    for words, query, found in zip(wanted, QUERIES, fitted.get_results(), strict=True):
        allowed = [i for i, own in enumerate(rows) if words <= own]
        if not allowed:
            assert (found == -1).all()
            continue
        assert set(found) <= {*allowed, -1}
        k = min(7, len(allowed))
        _, true = quiver.exact_knn(POOL[allowed], query[None], k, metric="euclidean")
        got = np.linalg.norm(POOL[found[:k]] - query, axis=1)
        np.testing.assert_allclose(got, true[0], rtol=1e-5)
        assert (found[k:] == -1).all()
    assert fitted.get_additional()["dist_comps"] > 0


def test_equal_filters_are_made_once_a_block(fitted, monkeypatch):
    made = []
    real = QuiverFiltered._with_all
    monkeypatch.setattr(
        QuiverFiltered, "_with_all", lambda self, w: made.append(w) or real(self, w)
    )
    fitted.filtered_query(POOL[:9], matrix([{1}, {2}, {1, 2}] * 3, N_WORDS), 3)
    assert sorted(made) == [(1,), (1, 2), (2,)]


def test_without_words_it_answers_as_any_index(fitted):
    fitted.query(QUERIES, 3)
    expected = fitted._index.search(QUERIES, 3, ef=256, n_rerank=256).ids
    np.testing.assert_array_equal(fitted.get_results(), expected)


def test_new_query_arguments_count_anew(fitted):
    fitted.query(QUERIES, 3)
    fitted.set_query_arguments({"ef": 10})
    assert fitted.get_additional() == {"dist_comps": 0}
    assert "'ef': 10" in str(fitted)


def test_the_configuration_names_what_the_adapter_has():
    definition = yaml.safe_load((FOLDER / "filter.yaml").read_text())["any"]["quiver"]
    assert definition["module"] == "neurips23.filter.quiver.adapter"
    assert definition["docker-tag"] == "neurips23-filter-quiver"
    assert definition["base-args"] == ["@metric"]
    constructor = getattr(adapter, definition["constructor"])
    group = definition["run-groups"]["base"]
    (settings,) = yaml.safe_load(group["args"])
    algorithm = constructor("angular", settings)
    for effort in yaml.safe_load(group["query-args"]):
        algorithm.set_query_arguments(effort)


def test_words_are_written_as_the_harness_reads_them(tmp_path):
    words = words_of([(3, 1, 3), (), (0,)])
    write_words(tmp_path / "words", words, 5)
    raw = (tmp_path / "words").read_bytes()
    assert np.frombuffer(raw, "<i8", 3).tolist() == [3, 5, 3]
    assert np.frombuffer(raw, "<i8", 4, offset=24).tolist() == [0, 2, 2, 3]
    assert np.frombuffer(raw, "<i4", 3, offset=56).tolist() == [1, 3, 0]
    assert np.frombuffer(raw, "<f4", offset=68).tolist() == [1, 1, 1]


def test_rows_are_sorted_by_word_and_met():
    words = words_of([(0, 2), (2,), (), (0, 1, 2)])
    rows = rows_by_word(words, 4)
    assert [having.tolist() for having in rows] == [[0, 3], [3], [0, 1, 3], []]
    assert with_all((0, 2), rows).tolist() == [0, 3]
    assert with_all((1, 3), rows).tolist() == []


def test_generated_words_let_every_query_find_enough_rows():
    demo = load_demo()
    base, queries = demo.vectors[:1000], demo.queries[:50]
    base_words, query_words = generated(base, queries, 30, least=20)
    again = generated(base, queries, 30, least=20)
    np.testing.assert_array_equal(again[1].indices, query_words.indices)
    lists = base_words.lists()
    assert all(list(own) == sorted(set(own)) for own in lists)
    counts = [len(own) for own in query_words.lists()]
    assert set(counts) == {1, 2}
    rows = rows_by_word(base_words, 30)
    found = [len(with_all(own, rows)) for own in query_words.lists()]
    assert min(found) >= 20
    assert max(found) > 300


def test_the_truth_is_the_nearest_among_rows_with_all_words():
    rows, _ = described()
    base_words = words_of([*map(tuple, rows)])
    query_words = words_of([(1,), (2, 3), (9,)])
    nearest = nearest_with_all(POOL, base_words, POOL[:3], query_words, "euclidean")
    for i, words in enumerate(query_words.lists()):
        allowed = [row for row, own in enumerate(rows) if set(words) <= own]
        distances = np.linalg.norm(POOL[allowed] - POOL[i], axis=1)
        expected = np.sort(distances)[:100]
        got = nearest.distances[i, : len(expected)]
        np.testing.assert_allclose(got, expected, rtol=1e-5)
        assert set(nearest.tags[i]) <= {*allowed, -1}
        assert (nearest.distances[i, len(expected) :] == np.inf).all()
    assert (
        recall(nearest.tags[:2, :5], type(nearest)(*(p[:2] for p in nearest)), 5) == 1
    )


def test_rows_without_any_word_are_taken():
    empty = Words(np.zeros(4, dtype=np.int64), np.zeros(0, dtype=np.int32))
    assert empty.lists() == [(), (), ()]
