"""Index: shapes, ids, counters and the answers a user can check."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import normal_rows
from strategies import hazard_lists, rngs, told_of_tiny_squares

import quiver
from quiver._typing import Metric
from quiver.backends import Backend
from quiver.conformance import hazards
from quiver.errors import InvalidArgumentError
from quiver.reference import rerank
from quiver.reference.codes import Codes, Queries

PARAMS = quiver.BuildParams(max_degree=8, ef_construction=24)
ENCODINGS = {
    "default": quiver.Encoding(),
    "paper": quiver.Encoding.paper(),
    "symmetric": quiver.Encoding(query="symmetric"),
    "plain": quiver.Encoding(center=False, rotate=False),
}
# Inner product drops the biases that a corrected symmetric distance is made of.
GO_TOGETHER = [
    (metric, name)
    for metric in hazards.METRICS
    for name in ENCODINGS
    if (metric, name) != ("inner_product", "symmetric")
]


@pytest.fixture(scope="module", params=hazards.METRICS)
def index(request: pytest.FixtureRequest) -> quiver.Index:
    ids = 10**12 + 3 * np.arange(400)[::-1]
    return quiver.Index.build(
        normal_rows(400, 24), metric=request.param, ids=ids, params=PARAMS
    )


def test_attributes_say_what_was_built(index: quiver.Index) -> None:
    assert (index.n, len(index), index.dim) == (400, 400, 24)
    rule = PARAMS.rule_for(index.encoding, index.metric)
    assert index.params == replace(PARAMS, alpha=PARAMS.slack(rule))
    # Twenty-four coordinates of eight bits share their line with the corrections.
    assert index.encoding == quiver.Encoding(bits=8)
    assert index.backend.name == quiver.get_backend().name
    assert index.neighbors.shape == (400, 8)
    assert index.codes.n_rows == 400
    assert index.codes.dim == index.encoding.coded_dim(24) == 56
    for word in ("n=400", "dim=24", index.metric, index.backend.name):
        assert word in repr(index)


@pytest.mark.parametrize("module", ["index", "living.verbs", "living.upkeep"])
def test_every_method_checks_and_delegates_in_ten_lines(module: str) -> None:
    tree = ast.parse(inspect.getsource(sys.modules[f"quiver.{module}"]))
    (front,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert front.end_lineno - front.lineno < 400
    methods = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert methods
    for method in methods:
        body = method.body[1:] if ast.get_docstring(method) else method.body
        assert body[-1].end_lineno - body[0].lineno < 10, method.name
        assert not any(isinstance(n, ast.For | ast.While) for n in ast.walk(method))


def test_the_old_name_of_the_notes_warns_and_returns_them(index: quiver.Index) -> None:
    notes = {"verdict": "fits"}
    noted = quiver.Index(replace(index.state, notes=notes), index.backend)
    with pytest.warns(DeprecationWarning, match=r"is now Index\.notes") as caught:
        assert noted.diagnosis is notes
    assert caught[0].filename == __file__


def test_a_batch_has_a_row_per_query(index: quiver.Index) -> None:
    result = index.search(normal_rows(5, 24, seed=1), k=7, ef=20)
    assert result.ids.shape == result.distances.shape == (5, 7)
    assert (result.ids.dtype, result.distances.dtype) == (np.int64, np.float32)
    assert result.counts.tolist() == [7] * 5
    stats = result.stats
    for counter in (stats.hops, stats.distance_computations, stats.reranked):
        assert counter.shape == (5,)
        assert counter.dtype == np.int64


def test_one_vector_has_no_query_axis(index: quiver.Index) -> None:
    queries = normal_rows(5, 24, seed=1)
    batch, single = index.search(queries, k=7), index.search(queries[2], k=7)
    assert single.ids.tolist() == batch.ids[2].tolist()
    assert single.distances.tolist() == batch.distances[2].tolist()
    assert int(single.counts) == 7
    assert int(single.stats.hops) == batch.stats.hops[2]


FORMS = {
    "list": lambda x: x.tolist(),
    "float64": lambda x: x.astype(np.float64),
    "big-endian": lambda x: x.astype(">f4"),
    "strided": lambda x: np.repeat(x, 2)[::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "misaligned": lambda x: np.frombuffer(b"." + x.tobytes(), np.float32, offset=1),
    "read-only": lambda x: np.frombuffer(x.tobytes(), np.float32),
    "matrix row": lambda x: np.asfortranarray(np.stack([x, x]))[1],
}


@pytest.mark.parametrize("form", FORMS)
def test_one_vector_is_answered_alike_in_every_form(
    index: quiver.Index, form: str
) -> None:
    query = normal_rows(1, 24, seed=1)[0]
    expected, found = index.search(query), index.search(FORMS[form](query))
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.distances.tolist() == expected.distances.tolist()


def test_no_queries_give_no_rows(index: quiver.Index) -> None:
    result = index.search(np.empty((0, 24)), k=3)
    assert result.ids.shape == result.distances.shape == (0, 3)
    assert result.counts.shape == result.stats.hops.shape == (0,)


def test_answers_are_sorted_distinct_and_recomputable(index: quiver.Index) -> None:
    queries = normal_rows(30, 24, seed=2)
    result = index.search(queries, k=10, ef=40)
    assert (np.diff(result.distances, axis=1) >= 0).all()
    assert all(len(set(row)) == 10 for row in result.ids.tolist())
    rows = ((10**12 + 3 * 399 - result.ids) // 3).astype(np.uint32)
    assert (index.ids[rows] == result.ids).all()
    expected = rerank(index.vectors, queries, rows, 10, index.metric)
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(result.distances, expected[1])


def test_counters_are_bounded_by_their_meaning(index: quiver.Index) -> None:
    result = index.search(normal_rows(30, 24, seed=3), k=5, ef=30, n_rerank=12)
    stats = result.stats
    assert (stats.reranked == 12).all()
    assert (stats.hops >= 30).all(), "every entry of a full beam is expanded"
    assert (stats.distance_computations > stats.hops).all()
    assert (stats.distance_computations <= index.n).all()


def test_a_beam_of_everything_is_exact(index: quiver.Index) -> None:
    queries = normal_rows(20, 24, seed=4)
    _, true = quiver.exact_knn(index.vectors, queries, 10, metric=index.metric)
    found = index.search(queries, k=10, ef=400, n_rerank=400)
    np.testing.assert_array_equal(found.distances, true)
    assert (found.stats.distance_computations == 400).all()


def test_vectors_find_themselves(index: quiver.Index) -> None:
    result = index.search(index.vectors, k=1, ef=128)
    own = (index.vectors.astype(np.float64) ** 2).sum(axis=1)
    # A longer vector may have the larger inner product: it is as good an answer.
    limits = -own * (1 - 1e-6) if index.metric == "inner_product" else 1e-3
    assert (result.distances[:, 0] <= limits).mean() >= 0.99


def test_fewer_rows_than_k_leave_marked_places(backend: Backend) -> None:
    index = quiver.Index.build(normal_rows(4, 24), params=PARAMS, backend=backend.name)
    result = index.search(normal_rows(2, 24, seed=5), k=6)
    assert result.counts.tolist() == [4, 4]
    assert (np.sort(result.ids, axis=1)[:, 2:] == [0, 1, 2, 3]).all()
    assert (result.ids[:, 4:] == -1).all()
    assert np.isinf(result.distances[:, 4:]).all()
    assert result.stats.reranked.tolist() == [4, 4]


def test_one_row_answers_every_query(backend: Backend) -> None:
    index = quiver.Index.build(normal_rows(1, 24), ids=[77], backend=backend.name)
    result = index.search(normal_rows(3, 24, seed=6), k=1)
    assert result.ids.tolist() == [[77]] * 3
    assert result.stats.hops.tolist() == [1] * 3


@pytest.mark.parametrize(("metric", "name"), GO_TOGETHER)
def test_every_encoding_serves_every_metric(metric: Metric, name: str) -> None:
    index = quiver.Index.build(
        normal_rows(300, 24), metric=metric, params=PARAMS, encoding=ENCODINGS[name]
    )
    queries = normal_rows(40, 24, seed=7)
    _, true = quiver.exact_knn(normal_rows(300, 24), queries, 5, metric=metric)
    found = index.search(queries, k=5, ef=100, n_rerank=100)
    assert quiver.recall_at_k(found.distances, true) >= 0.85


@given(
    rng=rngs,
    names=hazard_lists,
    kind=st.sampled_from(GO_TOGETHER),
    n=st.sampled_from([1, 2, 9, 40]),
    dim=st.sampled_from([1, 2, 33, 129]),
)
def test_hazardous_vectors_are_found_without_a_warning_but_of_vanishing_squares(
    rng: np.random.Generator,
    names: list[str],
    kind: tuple[Metric, str],
    n: int,
    dim: int,
) -> None:
    metric, encoding = kind[0], ENCODINGS[kind[1]]
    vectors = np.clip(hazards.make_vectors(rng, n, dim, names), -1e15, 1e15)
    with told_of_tiny_squares(names, metric):
        index = quiver.Index.build(
            vectors, metric=metric, params=PARAMS, encoding=encoding
        )
    result = index.search(vectors, k=n, ef=n, n_rerank=n)
    # Everything is reachable, so a beam of n rows is exact whatever the codes say.
    _, true = quiver.exact_knn(vectors, vectors, n, metric=metric)
    np.testing.assert_array_equal(result.distances, true)
    assert not np.isnan(result.distances).any()
    assert (np.sort(result.ids, axis=1) == np.arange(n)).all()


def test_zero_vectors_are_at_cosine_distance_one() -> None:
    vectors = normal_rows(50, 24)
    vectors[[3, 30]] = 0
    index = quiver.Index.build(vectors, params=PARAMS)
    from_zero = index.search(np.zeros(24), k=50, ef=50, n_rerank=50)
    assert from_zero.distances.tolist() == [1.0] * 50
    assert from_zero.ids.tolist() == list(range(50))
    to_zero = index.search(vectors[0], k=50, ef=50, n_rerank=50)
    places = np.isin(to_zero.ids, [3, 30])
    assert to_zero.distances[places].tolist() == [1.0, 1.0]


def test_duplicates_come_back_in_the_order_of_their_rows() -> None:
    vectors = np.repeat(normal_rows(20, 24), 5, axis=0)
    index = quiver.Index.build(vectors, metric="euclidean", params=PARAMS)
    result = index.search(vectors[::5], k=5, ef=100, n_rerank=100)
    assert (result.distances == 0).all()
    assert (result.ids == np.arange(100).reshape(20, 5)).all()


def test_norms_count_for_the_inner_product_only() -> None:
    vectors = normal_rows(200, 24)
    vectors[13] *= 40
    query = vectors[13] / 40
    by_product = quiver.Index.build(vectors, metric="inner_product", params=PARAMS)
    found = by_product.search(query, k=1)
    assert found.ids.tolist() == [13]
    assert found.distances[0] == np.float32(-(vectors[13].astype(float) @ query))
    scaled = vectors * np.linspace(1, 9, 200, dtype=np.float32)[:, None]
    queries = normal_rows(20, 24, seed=8)
    answers = [
        quiver.Index.build(v, params=PARAMS).search(queries, k=5).ids
        for v in (vectors, 2 * vectors, scaled)
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert (answers[0] == answers[2]).mean() > 0.99


def test_parts_have_the_documented_types(index: quiver.Index) -> None:
    assert isinstance(index.codes, Codes)
    queries = index.backend.quantize(index.vectors, index.transform, index.codes.bits)
    assert isinstance(queries, Queries)
    assert index.neighbors.dtype == np.uint32
    assert index.ids.dtype == np.int64
    assert not index.vectors.flags.writeable


def test_an_empty_index_is_asked_for_any_number() -> None:
    index = quiver.Index.create(4, backend="reference")
    for k, ef in ((3, None), (256, None), (5, 600)):
        assert (index.search(np.ones(4), k=k, ef=ef).ids == -1).all()


def test_a_build_for_more_recall_needs_what_was_promised() -> None:
    points = np.random.default_rng(4).normal(size=(300, 40))
    kinds = {"backend": "reference", "encoding": "default"}
    high = quiver.Index.build(points, recall=0.99, max_degree=9, **kinds)
    assert high.params == quiver.BuildParams(
        max_degree=9, ef_construction=128, alpha=1.2
    )
    promised = quiver.BuildParams.for_recall(0.99)
    index = quiver.Index.build(points[:80], recall=0.99, **kinds)
    assert index.memory_report() == quiver.predict_memory(80, 40, promised)
    with pytest.raises(InvalidArgumentError, match="got it and recall"):
        quiver.Index.build(points, recall=0.9, params=quiver.BuildParams())
    with pytest.raises(InvalidArgumentError, match="recall must be in 0 … 1, got 99"):
        quiver.Index.build(points, recall=99)
