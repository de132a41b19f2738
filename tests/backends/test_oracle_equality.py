"""The contract: every method of every backend equals the reference in every bit.

No tolerance anywhere. Dtype, shape, memory order, counters and the bytes of padding
are part of equality, and inputs are left untouched.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from identical import assert_identical, call_untouched
from strategies import (
    Case,
    CodedCase,
    at_offset,
    bit_widths,
    cases,
    coded_cases,
    graph_kinds,
    hazard_lists,
    metrics,
    plain_transform,
    random_codes,
    rngs,
)

from quiver import reference
from quiver._typing import Bits, Metric
from quiver.backends import Backend
from quiver.conformance import hazards
from quiver.conformance.searched import make_searched
from quiver.reference.bounds import LEAST_DIM
from quiver.reference.codes import CACHE_LINE, capacity
from quiver.reference.keys import NO_ID, NO_KEY, key_ids
from quiver.reference.masks import make_mask

METHODS = (
    *("encode", "quantize", "distance", "prune", "merge"),
    *("search", "search_radius", "scan", "rerank", "answer"),
)


def assert_equals_reference(
    backend: Backend, method: str, *args: Any, **rules: Any
) -> None:
    actual = call_untouched(getattr(backend, method), *args, **rules)
    if backend.name != "reference":
        expected = getattr(reference, method)(*args, **rules)
        assert_identical(actual, expected, f"{backend.name}.{method}")


@given(case=cases())
def test_encode_equals_the_reference(backend: Backend, case: Case) -> None:
    kind = case.bits, case.weights
    assert_equals_reference(backend, "encode", case.vectors, case.transform, *kind)


@given(case=cases(min_n=1))
def test_encoded_rows_start_at_a_cache_line(backend: Backend, case: Case) -> None:
    kind = case.bits, case.weights
    codes = backend.encode(case.vectors, case.transform, *kind)
    assert codes.rows.ctypes.data % CACHE_LINE == 0


@given(case=cases())
def test_quantize_equals_the_reference(backend: Backend, case: Case) -> None:
    args = case.queries, case.transform, case.bits
    assert_equals_reference(backend, "quantize", *args)


@given(case=coded_cases())
def test_distance_to_every_row_equals_the_reference(
    backend: Backend, case: CodedCase
) -> None:
    assert_equals_reference(backend, "distance", case.codes, case.queries)
    assert_equals_reference(backend, "distance", case.codes, case.queries, None)


@given(case=coded_cases(), width=st.integers(0, 9))
def test_distance_to_candidates_equals_the_reference(
    backend: Backend, case: CodedCase, width: int
) -> None:
    shape = len(case.queries[0]), width
    candidates = hazards.make_ids(case.rng, case.codes.n_rows, shape)
    assert_equals_reference(backend, "distance", case.codes, case.queries, candidates)


@given(
    case=coded_cases(min_n=1, max_n=40),
    width_share=st.floats(0, 1),
    max_degree=st.sampled_from([1, 2, 3, 8, 32, 64]),
    alpha=st.sampled_from([1.0, 1.1, 1.2, 2.0, 1.0 + 2**-30]),
    beta=st.sampled_from([0.0, 0.7, 1.0, 1.0 - 2**-30]),
    rule=st.sampled_from(["vamana", "strict_first", "published"]),
    true_distances=st.booleans(),
)
def test_prune_equals_the_reference(
    backend: Backend,
    case: CodedCase,
    width_share: float,
    max_degree: int,
    alpha: float,
    beta: float,
    rule: str,
    true_distances: bool,
) -> None:
    width = round(width_share * (case.codes.n_rows - 1))
    keys = hazards.make_prune_keys(
        case.rng, case.codes, 3, width, true_distances=true_distances
    )
    settings = max_degree, alpha, beta, rule
    assert_equals_reference(backend, "prune", case.codes, keys, *settings)


@pytest.mark.parametrize("rule", ["vamana", "strict_first", "published"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_many_kept_rows_cover_as_the_reference_says(
    backend: Backend, bits: Bits, rule: str
) -> None:
    rng = np.random.default_rng(3)
    codes = random_codes(rng, 200, 9, bits)
    keys = hazards.make_prune_keys(rng, codes, 4, 199, true_distances=False)
    kept = reference.prune(codes, keys, 64, 1.1, 0.0, rule)
    # Kernels measure kept rows eight at a time: some lists take several turns.
    assert (kept != NO_ID).sum(axis=1).max() > 16
    assert_equals_reference(backend, "prune", codes, keys, 64, 1.1, 0.0, rule)


@given(
    case=coded_cases(min_n=1, max_n=40),
    kind=graph_kinds,
    width=st.sampled_from([1, 2, 7, 8, 13, 40]),
    degree_share=st.floats(0, 1),
    beta=st.sampled_from([0.0, 0.7, 1.0]),
    rule=st.sampled_from(["vamana", "strict_first", "published"]),
    rows=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    some_allowed=st.booleans(),
    copies=st.booleans(),
)
def test_merge_equals_the_reference(
    backend: Backend,
    case: CodedCase,
    kind: str,
    width: int,
    degree_share: float,
    beta: float,
    rule: str,
    rows: tuple[float, float],
    some_allowed: bool,
    copies: bool,
) -> None:
    rng, codes, n = case.rng, case.codes, case.codes.n_rows
    if copies:
        codes = codes.take(rng.integers(0, min(n, 3), n))
    neighbors = hazards.make_neighbors(rng, n, width, kind)
    links = codes, neighbors, *hazards.make_new_edges(rng, n)
    start, stop = sorted(round(share * n) for share in rows)
    choice = max(1, round(degree_share * width)), 1.1, beta, rule
    rules = {"allowed": hazards.make_masks(rng, n, 1)} if some_allowed else {}
    assert_equals_reference(backend, "merge", *links, start, stop, *choice, **rules)


@given(
    case=coded_cases(min_n=1, max_n=40),
    kind=graph_kinds,
    width=st.sampled_from([1, 2, 7, 8, 40]),
    ef=st.sampled_from([1, 2, 3, 10, 39, 40, 41, 64]),
    n_entries=st.sampled_from([1, 2, 7, 8, 9, 16, 40]),
    copies=st.booleans(),
)
def test_search_equals_the_reference(
    backend: Backend,
    case: CodedCase,
    kind: str,
    width: int,
    ef: int,
    n_entries: int,
    copies: bool,
) -> None:
    codes, n = case.codes, case.codes.n_rows
    if copies:
        # Few distinct distances: entry points tie with each other and with the beam.
        codes = codes.take(case.rng.integers(0, min(n, 3), n))
    neighbors = hazards.make_neighbors(case.rng, n, width, kind)
    entry_points = case.rng.permutation(n)[:n_entries].astype(np.uint32)
    assert_equals_reference(
        backend, "search", codes, neighbors, case.queries, entry_points, ef
    )


@given(
    case=coded_cases(min_n=1, max_n=90),
    kind=graph_kinds,
    width=st.sampled_from([1, 2, 7, 8, 40]),
    ef=st.sampled_from([1, 2, 3, 10, 41, 64, 90]),
    n_entries=st.sampled_from([1, 2, 9, 16]),
    rules=st.sets(st.sampled_from(["allowed", "budget"])),
    one_mask=st.booleans(),
    copies=st.booleans(),
)
def test_walks_by_every_rule_equal_the_reference(
    backend: Backend,
    case: CodedCase,
    kind: str,
    width: int,
    ef: int,
    n_entries: int,
    rules: set[str],
    one_mask: bool,
    copies: bool,
) -> None:
    rng, codes, n = case.rng, case.codes, case.codes.n_rows
    n_queries = len(case.queries[0])
    if copies:
        codes = codes.take(rng.integers(0, min(n, 3), n))
    neighbors = hazards.make_neighbors(rng, n, width, kind)
    entry_points = rng.permutation(n)[:n_entries].astype(np.uint32)
    drawn = {
        "allowed": hazards.make_masks(rng, n, 1 if one_mask else n_queries),
        "budget": hazards.make_budgets(rng, n, n_queries),
    }
    chosen = {name: drawn[name] for name in sorted(rules)}
    walked = codes, neighbors, case.queries, entry_points, ef
    assert_equals_reference(backend, "search", *walked, **chosen)
    assert_equals_reference(backend, "search", *walked, screened=True, **chosen)
    chosen["horizon"] = hazards.make_horizon(rng, ef)
    assert_equals_reference(backend, "search", *walked, **chosen)
    assert_equals_reference(backend, "search", *walked, screened=True, **chosen)
    del chosen["horizon"]
    limits = hazards.make_limits(rng, reference.distance(codes, case.queries))
    assert_equals_reference(backend, "search_radius", *walked, limits, **chosen)


@pytest.mark.parametrize("n", [64, 65, 128, 200])
def test_every_query_has_a_mask_of_its_own(backend: Backend, n: int) -> None:
    rng = np.random.default_rng(n)
    codes, places = random_codes(rng, n, dim=9), np.arange(n)
    neighbors = hazards.make_neighbors(rng, n, 8, "random")
    walked = codes, neighbors, codes.take(places[:3]), np.uint32([0, 1]), 10
    masks = np.stack([make_mask(places % 3 == rest) for rest in range(3)])
    answers = reference.search(*walked, allowed=masks)
    for rest, keys in enumerate(answers.keys):
        found = key_ids(keys[keys != NO_KEY])
        assert len(found)
        assert (found % 3 == rest).all()
    assert_equals_reference(backend, "search", *walked, allowed=masks)
    limits = np.full(3, np.inf, dtype=np.float32)
    assert_equals_reference(backend, "search_radius", *walked, limits, allowed=masks)


@given(
    case=coded_cases(min_n=1, max_n=90),
    share=st.sampled_from([0.0, 0.1, 0.9, 1.0]),
    ef=st.sampled_from([1, 2, 7, 8, 9, 64, 100]),
)
def test_scan_equals_the_reference(
    backend: Backend, case: CodedCase, share: float, ef: int
) -> None:
    n = case.codes.n_rows
    rows = np.flatnonzero(case.rng.random(n) < share).astype(np.uint32)
    assert_equals_reference(backend, "scan", case.codes, case.queries, rows, ef)


@given(case=cases(), width=st.integers(0, 9), k=st.integers(1, 11))
def test_rerank_equals_the_reference(
    backend: Backend, case: Case, width: int, k: int
) -> None:
    shape = len(case.queries), width
    candidates = hazards.make_ids(case.rng, len(case.vectors), shape)
    metric = case.transform.scaling
    asked = case.vectors, case.queries, candidates
    assert_equals_reference(backend, "rerank", *asked, k, metric)
    bounds = hazards.make_bounds(case.rng, *asked, metric)
    assert_equals_reference(backend, "rerank", *asked, k, metric, bounds)


@given(
    rng=rngs,
    dim=st.sampled_from([1, 7, 8, 9, 63, 64, 65]),
    metric=metrics,
    names=hazard_lists,
    offset=st.sampled_from([0, 1, 7]),
    k=st.integers(1, 11),
)
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_rerank_of_bytes_equals_that_of_the_same_numbers_in_float32(
    backend: Backend,
    dtype: str,
    rng: np.random.Generator,
    dim: int,
    metric: Metric,
    names: list[str],
    offset: int,
    k: int,
) -> None:
    drawn = hazards.make_vectors(rng, 12, dim, names)
    rows = at_offset(hazards.as_bytes(drawn, dtype), offset)
    queries = np.concatenate([50 * drawn[:2], rows[2:4].astype(np.float32)])
    candidates = hazards.make_ids(rng, len(rows), (len(queries), 9))
    asked = queries, candidates, k, metric
    bounds = hazards.make_bounds(rng, rows, queries, candidates, metric)
    for told in ((), (bounds,)):
        found = call_untouched(backend.rerank, rows, *asked, *told)
        expected = reference.rerank(rows.astype(np.float32), *asked, *told)
        assert_identical(found, expected, f"{backend.name}.rerank")


@given(
    case=cases(min_n=1, max_n=90),
    kind=graph_kinds,
    width=st.sampled_from([1, 2, 7, 8, 40]),
    ef=st.sampled_from([1, 2, 7, 8, 9, 64, 90]),
    depth_share=st.floats(0, 1),
    k=st.integers(1, 80),
    bounded=st.booleans(),
    copies=st.booleans(),
)
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_answer_equals_the_reference(
    backend: Backend,
    dtype: str,
    case: Case,
    kind: str,
    width: int,
    ef: int,
    depth_share: float,
    k: int,
    bounded: bool,
    copies: bool,
) -> None:
    rng, vectors, n = case.rng, case.vectors, len(case.vectors)
    if copies:
        vectors = vectors[rng.integers(0, min(n, 3), n)]
    codes = case.encode(vectors)
    kept = vectors if dtype == "float32" else hazards.as_bytes(vectors, dtype)
    neighbors = hazards.make_neighbors(rng, n, width, kind)
    entry_points = rng.permutation(n)[: rng.integers(1, 17)].astype(np.uint32)
    walked = codes, case.transform, neighbors, entry_points, case.transform.scaling
    searched = make_searched(rng, kept, *walked)
    asked = case.queries, k, ef, 1 + round(depth_share * (ef - 1))
    assert_equals_reference(backend, "answer", searched, *asked, bounded=bounded)


@given(
    rng=rngs,
    dim=st.sampled_from([LEAST_DIM - 1, LEAST_DIM, 230]),
    metric=metrics,
    bits=bit_widths,
)
def test_answers_that_pass_over_candidates_equal_the_reference(
    backend: Backend,
    rng: np.random.Generator,
    dim: int,
    metric: Metric,
    bits: Bits,
) -> None:
    n = 150
    vectors = rng.standard_normal((n + 3, dim)).astype(np.float32)
    queries, vectors = vectors[n:], vectors[:n]
    # One coordinate more than is needed to tell bounds, or one too few.
    queries[0, LEAST_DIM - 1 :] = 0
    scaling: Metric = "euclidean" if metric == "inner_product" else metric
    coded_dim = hazards.make_coded_dim(rng, dim, bits)
    transform = hazards.make_transform(
        rng, vectors, scaling, coded_dim, center=True, rotate=True
    )
    codes = reference.encode(vectors, transform, bits, "corrected")
    neighbors = hazards.make_neighbors(rng, n, 8, "random")
    entry_points = rng.permutation(n)[:4].astype(np.uint32)
    walked = codes, transform, neighbors, entry_points, metric
    searched = make_searched(rng, vectors, *walked)
    asked = searched, queries, 5, n, n
    assert_equals_reference(backend, "answer", *asked, bounded=True)


def test_what_a_backend_keeps_of_an_index_changes_no_later_answer(
    backend: Backend,
) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((30, 9)).astype(np.float32)
    transform = plain_transform("euclidean", 9)
    codes = reference.encode(vectors, transform, 4, "corrected")
    neighbors = hazards.make_neighbors(rng, 30, 6, "random")
    walked = codes, transform, neighbors, np.zeros(1, np.uint32), "euclidean"
    searched = make_searched(rng, vectors, *walked)
    for number in range(3):
        asked = searched, vectors[number : 3 * number], 4, 9, 7
        assert_equals_reference(backend, "answer", *asked)


@given(
    rng=rngs,
    lines=st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 16, 17]),
    bits=bit_widths,
    metric=metrics,
    hazard=st.sampled_from(["none", "zeros", "no scale", "far", "huge bias", "ties"]),
    n_queries=st.sampled_from([1, 2, 9, 17]),
    ef=st.sampled_from([1, 3, 12]),
    rules=st.sets(st.sampled_from(["allowed", "budget"])),
)
def test_screened_walks_equal_the_reference_where_rows_are_dropped(
    backend: Backend,
    rng: np.random.Generator,
    lines: int,
    bits: Bits,
    metric: Metric,
    hazard: str,
    n_queries: int,
    ef: int,
    rules: set[str],
) -> None:
    n = 60
    dim = capacity(lines, bits) - int(rng.integers(0, 9))
    queries = hazards.make_vectors(rng, n_queries, dim, [])
    # At all distances from the first query, so that some are far beyond a beam.
    spread = np.geomspace(0.01, 10, n)[:, None]
    noise = rng.standard_normal((n, dim))
    vectors = (queries[0] + spread * noise).astype(np.float32)
    transform = hazards.make_transform(
        rng, vectors, metric, dim, center=False, rotate=True
    )
    codes = reference.encode(vectors, transform, bits, "corrected")
    coded = reference.quantize(queries, transform, bits)
    some = rng.permutation(n)[: n // 3]
    if hazard == "zeros":
        codes.rows[some] = 0
    elif hazard == "no scale":
        codes.corrections[some, 0] = 0
    elif hazard == "far":
        codes.corrections[some] = np.finfo(np.float32).max
    elif hazard == "huge bias":
        codes.corrections[some, 1] = np.float32(np.inf)
    elif hazard == "ties":
        codes.rows[:] = codes.rows[rng.integers(0, 3, n)]
    neighbors = rng.random((n, n)).argsort(axis=1)[:, :12].astype(np.uint32)
    entry_points = rng.permutation(n)[:3].astype(np.uint32)
    drawn = {
        "allowed": hazards.make_masks(rng, n, 1),
        "budget": hazards.make_budgets(rng, n, n_queries),
    }
    chosen = {name: drawn[name] for name in sorted(rules)}
    walked = codes, neighbors, coded, entry_points, ef
    with np.errstate(over="ignore", invalid="ignore"):
        assert_equals_reference(backend, "search", *walked, screened=True, **chosen)


def test_a_query_of_zeros_and_one_of_one_coordinate_are_screened_alike(
    backend: Backend,
) -> None:
    rng = np.random.default_rng(5)
    vectors = rng.standard_normal((80, 992)).astype(np.float32)
    transform = plain_transform("euclidean", 992)
    codes = reference.encode(vectors, transform, 2, "corrected")
    queries = np.zeros((3, 992), np.float32)
    queries[1, 5], queries[2, 247] = 1, 1  # in the first line, and in the last
    coded = reference.quantize(queries, transform, 2)
    neighbors = hazards.make_neighbors(rng, 80, 12, "random")
    walked = codes, neighbors, coded, np.zeros(1, np.uint32), 4
    assert_equals_reference(backend, "search", *walked, screened=True)


def test_ids_above_16_bits_survive_every_method(backend: Backend) -> None:
    # A chain of long strides through 70 000 rows: most ids need a 17th bit.
    rng = np.random.default_rng(0)
    n, hops = 70_000, 300
    codes = random_codes(rng, n, dim=1)
    stops = rng.permutation(n)[:hops].astype(np.uint32)
    neighbors = np.full((n, 1), NO_ID, dtype=np.uint32)
    neighbors[stops[:-1], 0] = stops[1:]
    queries = codes.take(stops[:2])
    start = stops[:1]
    assert stops.max() >= 2**16
    assert_equals_reference(backend, "search", codes, neighbors, queries, start, hops)
    # A walk alone in so many codes looks ahead.
    alone = queries.take(np.arange(1))
    assert_equals_reference(backend, "search", codes, neighbors, alone, start, hops)
    beam = reference.search(codes, neighbors, queries, start, hops).keys
    assert (beam != NO_KEY).all()
    allowed = make_mask(np.arange(n) % 2 == 0)[None]
    walked = codes, neighbors, queries, start, 7
    assert_equals_reference(backend, "search", *walked, allowed=allowed)
    limits = np.full(2, np.inf, dtype=np.float32)
    assert_equals_reference(backend, "search_radius", *walked, limits, allowed=allowed)
    assert_equals_reference(backend, "scan", codes, queries, np.sort(stops), hops - 9)
    assert_equals_reference(backend, "prune", codes, beam, 8, 1.1, 0.7, "published")
    assert_equals_reference(backend, "distance", codes, queries, stops.reshape(2, -1))
    chosen = np.sort(stops[:100]), stops[100:].reshape(100, -1)
    links = codes, neighbors, *chosen, 0, n
    assert_equals_reference(backend, "merge", *links, 1, 1.1, 0.7, "vamana")
    vectors = rng.standard_normal((n, 1)).astype(np.float32)
    assert_equals_reference(
        backend, "rerank", vectors, vectors[:2], stops.reshape(2, -1), 5, "euclidean"
    )


@pytest.mark.parametrize("method", METHODS)
def test_signatures_are_those_of_the_protocol(backend: Backend, method: str) -> None:
    # isinstance on a runtime protocol accepts any arity, so names are compared.
    stated = list(inspect.signature(getattr(Backend, method)).parameters.values())[1:]
    found = list(inspect.signature(getattr(backend, method)).parameters.values())
    assert [parameter.name for parameter in found] == [
        parameter.name for parameter in stated
    ]
    assert [parameter.default for parameter in found] == [
        parameter.default for parameter in stated
    ]


def test_backends_offer_the_protocol_and_nothing_else(backend: Backend) -> None:
    assert isinstance(backend, Backend)
    public = {name for name in dir(backend) if not name.startswith("_")}
    assert public == {"name", "target", *METHODS}
