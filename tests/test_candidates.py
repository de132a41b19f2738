"""Candidates: the beam and, under inner product, the long entry points, once each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rows import normal_rows
from spoiled_rows import long_rows

import quiver
from quiver._typing import Metric, Vectors
from quiver.candidates import candidates
from quiver.encoding import encode_queries
from quiver.reference.keys import NO_ID, key_ids
from quiver.reference.rerank import exact_distance
from quiver.search import LEAST_SCAN_EF, walk
from quiver.storage.cold import ColdVectors

N, DIM = 560, 40
PARAMS = quiver.BuildParams(max_degree=8, ef_construction=16)
QUERIES = normal_rows(20, DIM, seed=8)
LONG_ROWS = {N - 3, N - 2, N - 1}


def spoiled_index(metric: Metric = "inner_product", **options: object) -> quiver.Index:
    rows = long_rows(N, DIM)
    return quiver.Index.build(rows, metric=metric, params=PARAMS, **options)


def expected_candidates(index: quiver.Index, ef: int, depth: int) -> list[set[int]]:
    """Return the first of each query's beam, and the long rows, which all start."""
    state = index.state
    coded = encode_queries(state, index.backend, QUERIES)
    graph = state.neighbors, coded, state.entry_points
    beams = key_ids(index.backend.search(state.codes, *graph, ef).keys)
    assert set(state.long_entry_points.tolist()) == LONG_ROWS
    return [{*beam[:depth].tolist(), *LONG_ROWS} for beam in beams]


@pytest.mark.parametrize("depth", [4, 7, 24])
@pytest.mark.parametrize("bits", [2, 8])
def test_the_answer_is_the_best_of_beam_and_long_rows(depth, bits) -> None:
    index = spoiled_index(encoding=quiver.Encoding(bits=bits))
    found = index.search(QUERIES, k=4, ef=24, n_rerank=depth)
    expected = expected_candidates(index, 24, depth)
    assert found.stats.reranked.tolist() == [len(rows) for rows in expected]
    for rows, query, answer in zip(expected, QUERIES, found.distances, strict=True):
        vectors = index.vectors[np.array(sorted(rows))]
        distances = np.sort(exact_distance(vectors, query, "inner_product"))
        np.testing.assert_array_equal(answer, distances[:4])


@pytest.mark.parametrize("ef", [24, 100, LEAST_SCAN_EF])
def test_a_row_is_a_candidate_once(ef: int) -> None:
    state = (index := spoiled_index()).state
    beam = key_ids(walk(state, index.backend, QUERIES, ef).keys)
    for found, rows in zip(candidates(state, beam), beam, strict=True):
        assert found[:ef].tolist() == rows.tolist()
        assert {*found.tolist()} - {NO_ID} == {*rows.tolist(), *LONG_ROWS} - {NO_ID}
        assert len(set(used := found[found != NO_ID].tolist())) == len(used)


@pytest.mark.parametrize("ef", [24, 100, LEAST_SCAN_EF])
def test_reading_only_what_can_matter_gives_what_reading_all_gives(ef: int) -> None:
    index = spoiled_index()
    some = index.search(QUERIES, k=4, ef=ef)
    whole = index.search(QUERIES, k=4, ef=ef, n_rerank=ef)
    np.testing.assert_array_equal(some.ids, whole.ids)
    assert (some.stats.reranked <= whole.stats.reranked).all()


def test_every_long_row_that_is_an_answer_is_found_whatever_its_code_says() -> None:
    index = spoiled_index(encoding=quiver.Encoding())
    true = quiver.exact_knn(index.vectors, QUERIES, 3, metric="inner_product")[0]
    found = index.search(QUERIES, k=3, ef=3).ids
    is_long = np.isin(true, list(LONG_ROWS))
    assert is_long.sum() > len(QUERIES)
    assert all(
        set(t[m]) <= set(f) for t, m, f in zip(true, is_long, found, strict=True)
    )


@pytest.mark.parametrize("ef", [24, 100])
def test_vectors_read_from_a_file_give_the_same_answer_and_count(
    ef: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = spoiled_index()
    index.save(tmp_path / "long.quiver")
    monkeypatch.setattr(ColdVectors, "needs_copy", True)
    cold = quiver.open(tmp_path / "long.quiver", cold="mmap")
    for n_rerank in (None, 9):
        found, expected = (
            one.search(QUERIES, k=4, ef=ef, n_rerank=n_rerank) for one in (cold, index)
        )
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.stats.reranked, expected.stats.reranked)


@pytest.mark.parametrize(
    ("metric", "encoding"),
    [
        ("cosine", quiver.Encoding()),
        ("euclidean", quiver.Encoding()),
        ("inner_product", quiver.Encoding.paper()),
    ],
    ids=["cosine", "euclidean", "published"],
)
def test_other_metrics_and_published_codes_read_the_beam_alone(
    metric: Metric, encoding: quiver.Encoding
) -> None:
    index = spoiled_index(metric, encoding=encoding)
    found = index.search(QUERIES, k=4, ef=24, n_rerank=9)
    assert (found.stats.reranked == 9).all()
    assert (index.search(QUERIES, k=4, ef=24).stats.reranked == 24).all()


def test_rows_of_usual_length_add_no_candidate() -> None:
    index = quiver.Index.build(
        normal_rows(N, DIM), metric="inner_product", params=PARAMS
    )
    assert not len(index.state.long_entry_points)
    found = index.search(QUERIES, k=4, ef=24, n_rerank=24)
    assert (found.stats.reranked == 24).all()


@pytest.mark.parametrize("n", [1, 3, 12])
def test_fewer_rows_than_are_asked_for_come_once_each(n: int) -> None:
    vectors: Vectors = long_rows(n, DIM, n_long=1)
    vectors[: n // 2] = 0
    index = quiver.Index.build(vectors, metric="inner_product")
    found = index.search(QUERIES, k=20)
    assert (found.counts == n).all()
    assert (np.sort(found.ids[:, :n], axis=1) == np.arange(n)).all()
