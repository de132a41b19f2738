"""The boundary of the compiled kernels: nothing is read or written outside an array.

Every case is one valid call with one part made wrong; the unchanged call succeeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from strategies import plain_transform, random_codes

import quiver
from quiver.backends.cython_backend import CythonBackend
from quiver.errors import (
    BackendUnavailableError,
    InvalidArgumentError,
    InvalidTypeError,
)
from quiver.reference.codes import CACHE_LINE, Queries, least_lines

# Two cache lines at 2 bits; one would hold 224 dimensions.
N, DIM, Q, WIDTH, EF, K = 20, 230, 3, 4, 5, 2
BITS, PLANES, ROW_BYTES = 2, 4, 128


@pytest.fixture(scope="module")
def kernels():
    """Return the raw functions of the target that is compiled everywhere."""
    try:
        backend = quiver.get_backend("cython-scalar")
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    assert isinstance(backend, CythonBackend)
    return backend._kernels


def zeros(*shape, dtype):
    return np.zeros(shape, dtype=dtype)


def base():
    rows = random_codes(np.random.default_rng(0), N, DIM).rows
    assert rows.shape == (N, ROW_BYTES)
    return {"rows": rows, "dim": DIM, "bits": BITS, "weights": "corrected"}


def int8_queries():
    return {
        "query_rows": None,
        "values": zeros(Q, PLANES, ROW_BYTES, dtype=np.int8),
        "corrections": zeros(Q, 2, dtype=np.float32),
    }


def transform():
    return plain_transform("cosine", DIM)._asdict()


def valid_calls():
    """Return the arguments of one good call of every function."""
    vectors = np.random.default_rng(1).normal(size=(N, DIM)).astype(np.float32)
    candidates = np.tile(np.arange(WIDTH, dtype=np.uint32), (Q, 1))
    return {
        "encode": {
            "vectors": vectors,
            **transform(),
            "bits": BITS,
            "weights": "corrected",
            "rows": zeros(N, ROW_BYTES, dtype=np.uint8),
        },
        "quantize": {
            "vectors": vectors[:Q],
            **transform(),
            "bits": BITS,
            "values": zeros(Q, PLANES, ROW_BYTES, dtype=np.int8),
            "corrections": zeros(Q, 2, dtype=np.float32),
        },
        "distance": {
            **base(),
            **int8_queries(),
            "candidates": candidates,
            "distances": zeros(Q, WIDTH, dtype=np.float32),
        },
        "prune": {
            **base(),
            "candidates": candidates.astype(np.uint64),
            "alpha": 1.1,
            "beta": 0.7,
            "rule": "vamana",
            "neighbors": zeros(Q, WIDTH, dtype=np.uint32),
        },
        "merge": {
            **base(),
            "neighbors": np.tile(np.arange(WIDTH, dtype=np.uint32), (N, 1)),
            "sources": np.arange(Q, dtype=np.uint32),
            "edges": candidates,
            "start": 1,
            "stop": N,
            "max_degree": WIDTH,
            "alpha": 1.1,
            "beta": 0.7,
            "rule": "vamana",
            "allowed": None,
            "targets": zeros(Q * WIDTH, dtype=np.uint32),
            "merged": zeros(Q * WIDTH, WIDTH, dtype=np.uint32),
        },
        "search": {
            **base(),
            "neighbors": np.tile(np.arange(WIDTH, dtype=np.uint32), (N, 1)),
            **int8_queries(),
            "entry_points": zeros(2, dtype=np.uint32),
            "ef": EF,
            "allowed": None,
            "budget": None,
            "limits": None,
            "screened": True,
            "horizon": (2, 1.5),
            "keys": zeros(Q, EF, dtype=np.uint64),
            "hops": zeros(Q, dtype=np.int64),
            "distance_computations": zeros(Q, dtype=np.int64),
            "lines_read": zeros(Q, dtype=np.int64),
            "complete": zeros(Q, dtype=np.bool_),
        },
        "scan": {
            **base(),
            **int8_queries(),
            "scanned": np.arange(N, dtype=np.uint32),
            "ef": EF,
            "keys": zeros(Q, EF, dtype=np.uint64),
        },
        "rerank": {
            "vectors": vectors,
            "queries": vectors[:Q],
            "candidates": candidates,
            "bounds": zeros(Q, WIDTH, dtype=np.float32),
            "metric": "cosine",
            "ids": zeros(Q, K, dtype=np.uint32),
            "distances": zeros(Q, K, dtype=np.float32),
            "reranked": zeros(Q, dtype=np.int64),
        },
    }


def call(kernels, method, **changed):
    arguments = {**valid_calls()[method], **changed}
    getattr(kernels, method)(*arguments.values())


@pytest.mark.parametrize("method", valid_calls())
def test_the_valid_call_is_accepted(kernels, method):
    call(kernels, method)


WRONG_SHAPES = {
    "encode: mean": ("mean", (DIM - 1,)),
    "encode: rows that the spread coordinates overflow": ("signs", (2, 481)),
    "encode: rows": ("rows", (N - 1, ROW_BYTES)),
    "encode: rows of another dim": ("rows", (N, ROW_BYTES - 64)),
    "quantize: mean": ("mean", (DIM - 1,)),
    "quantize: values": ("values", (Q - 1, PLANES, ROW_BYTES)),
    "quantize: values of another dim": ("values", (Q, PLANES, ROW_BYTES - 64)),
    "quantize: values of other bits": ("values", (Q, PLANES // 2, ROW_BYTES)),
    "quantize: corrections": ("corrections", (Q, 1)),
    "distance: rows": ("rows", (N, ROW_BYTES - 64)),
    "distance: query_rows": ("query_rows", (Q, ROW_BYTES - 64)),
    "distance: values": ("values", (Q, PLANES, ROW_BYTES - 64)),
    "distance: values of other bits": ("values", (Q, 1, PLANES * ROW_BYTES)),
    "distance: corrections": ("corrections", (Q - 1, 2)),
    "distance: candidates": ("candidates", (Q - 1, WIDTH)),
    "distance: distances": ("distances", (Q, WIDTH - 1)),
    "distance: rows of distances": ("distances", (Q - 1, WIDTH)),
    "prune: rows": ("rows", (N, ROW_BYTES - 64)),
    "prune: neighbors": ("neighbors", (Q - 1, WIDTH)),
    "merge: rows": ("rows", (N, ROW_BYTES - 64)),
    "merge: neighbors": ("neighbors", (N - 1, WIDTH)),
    "merge: edges": ("edges", (Q - 1, WIDTH)),
    "merge: allowed": ("allowed", (1, 2)),
    "merge: masks of sources": ("allowed", (Q, 1)),
    "merge: targets": ("targets", (Q * WIDTH - 1,)),
    "merge: merged": ("merged", (Q * WIDTH, WIDTH - 1)),
    "merge: rows of merged": ("merged", (Q * WIDTH - 1, WIDTH)),
    "search: rows": ("rows", (N, ROW_BYTES - 64)),
    "search: neighbors": ("neighbors", (N - 1, WIDTH)),
    "search: values": ("values", (Q, PLANES, ROW_BYTES - 64)),
    "search: values of other bits": ("values", (Q, 2, ROW_BYTES)),
    "search: query_rows": ("query_rows", (Q, ROW_BYTES - 64)),
    "search: keys": ("keys", (Q - 1, EF)),
    "search: hops": ("hops", (Q - 1,)),
    "search: counts": ("distance_computations", (Q - 1,)),
    "search: lines": ("lines_read", (Q - 1,)),
    "search: complete": ("complete", (Q + 1,)),
    "search: masks of fewer queries": ("allowed", (Q - 1, 1)),
    "search: masks of more rows": ("allowed", (1, 2)),
    "search: budget": ("budget", (Q - 1,)),
    "search: limits": ("limits", (Q + 1,)),
    "scan: rows": ("rows", (N, ROW_BYTES - 64)),
    "scan: values": ("values", (Q, PLANES, ROW_BYTES - 64)),
    "scan: keys": ("keys", (Q, EF - 1)),
    "rerank: queries": ("queries", (Q, DIM - 1)),
    "rerank: candidates": ("candidates", (Q - 1, WIDTH)),
    "rerank: bounds": ("bounds", (Q, WIDTH - 1)),
    "rerank: reranked": ("reranked", (Q - 1,)),
    "rerank: ids": ("ids", (Q - 1, K)),
    "rerank: distances": ("distances", (Q, K - 1)),
}


@pytest.mark.parametrize("case", WRONG_SHAPES)
def test_a_shape_that_leads_outside_an_array_is_refused(kernels, case):
    method = case.partition(":")[0]
    name, shape = WRONG_SHAPES[case]
    like = valid_calls()[method][name]
    # The valid call has neither coded queries nor rules.
    absent = {"allowed": np.uint64, "budget": np.int64, "limits": np.float32}
    dtype = absent.get(name, np.uint8) if like is None else like.dtype
    with pytest.raises(InvalidArgumentError, match=r"must have shape .*, got \("):
        call(kernels, method, **{name: np.zeros(shape, dtype=dtype)})


@pytest.mark.parametrize("method", ["distance", "prune", "merge", "search", "scan"])
@pytest.mark.parametrize(("bits", "dim"), [(2, 481), (4, 241), (8, 121)])
def test_a_dim_that_the_rows_cannot_hold_is_refused(kernels, method, bits, dim):
    needed = CACHE_LINE * least_lines(dim, bits)
    expected = rf"codes must have shape \(any, {needed}\), got \({N}, "
    with pytest.raises(InvalidArgumentError, match=expected):
        call(kernels, method, dim=dim, bits=bits)


@pytest.mark.parametrize(
    "method", ["encode", "quantize", "distance", "prune", "merge", "search", "scan"]
)
@pytest.mark.parametrize("bits", [0, 1, 3, 16])
def test_bits_that_no_kernel_knows_are_refused(kernels, method, bits):
    with pytest.raises(
        InvalidArgumentError, match=f"bits must be 2, 4 or 8, got {bits}"
    ):
        call(kernels, method, bits=bits)


@pytest.mark.parametrize("method", ["encode", "quantize"])
def test_fewer_coded_coordinates_than_dimensions_are_refused(kernels, method):
    rule = f"signs must have at least {DIM} columns, got {DIM - 1}"
    with pytest.raises(InvalidArgumentError, match=rule):
        call(kernels, method, signs=zeros(2, DIM - 1, dtype=np.float32))


def test_the_public_tuples_are_guarded_too(kernels):
    backend = quiver.get_backend("cython-scalar")
    codes = random_codes(np.random.default_rng(0), N, DIM)
    with pytest.raises(InvalidArgumentError, match="codes must have shape"):
        backend.distance(codes._replace(dim=481), codes)
    values = zeros(1, PLANES, ROW_BYTES - 64, dtype=np.int8)
    queries = Queries(values, zeros(1, 2, dtype="f4"))
    start, graph = zeros(1, dtype=np.uint32), zeros(N, 1, dtype=np.uint32)
    with pytest.raises(InvalidArgumentError, match="values must have shape"):
        backend.search(codes, graph, queries, start, 3)


@pytest.mark.parametrize(
    ("method", "name", "dtype"),
    [
        ("distance", "candidates", np.uint64),
        ("distance", "candidates", np.int32),
        ("prune", "candidates", np.uint32),
        ("prune", "neighbors", np.uint64),
        ("merge", "neighbors", np.int32),
        ("merge", "sources", np.uint64),
        ("merge", "edges", np.int64),
        ("merge", "targets", np.int64),
        ("search", "neighbors", np.uint64),
        ("search", "entry_points", np.int64),
        ("search", "hops", np.int32),
        ("search", "complete", np.int8),
        ("scan", "scanned", np.int64),
        ("search", "corrections", np.float64),
        ("rerank", "candidates", np.uint64),
        ("rerank", "bounds", np.float64),
        ("rerank", "reranked", np.int32),
        ("rerank", "ids", np.uint64),
        ("rerank", "vectors", np.float64),
        ("rerank", "vectors", np.uint16),
        ("rerank", "vectors", np.float16),
        ("rerank", "vectors", np.bool_),
        ("rerank", "queries", np.uint8),
        ("encode", "mean", np.float64),
        ("quantize", "values", np.uint8),
    ],
)
def test_a_type_of_another_width_or_sign_is_refused(kernels, method, name, dtype):
    array = valid_calls()[method][name].astype(dtype)
    with pytest.raises(InvalidTypeError, match=r"must have \d dimensions of .*, got"):
        call(kernels, method, **{name: array})


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_vectors_to_rerank_may_be_bytes_but_in_rows(kernels, dtype):
    vectors = valid_calls()["rerank"]["vectors"].astype(dtype)
    call(kernels, "rerank", vectors=vectors)
    expected = "vectors must have 2 dimensions of u?int8, got 1"
    with pytest.raises(InvalidTypeError, match=expected):
        call(kernels, "rerank", vectors=vectors[0])
    with pytest.raises(InvalidTypeError, match="of float32, uint8 or int8, got 2"):
        call(kernels, "rerank", vectors=vectors.astype("u2"))
    with pytest.raises(InvalidArgumentError, match="dim must be at least 1"):
        call(kernels, "rerank", vectors=vectors[:, :0].copy())
    with pytest.raises(InvalidArgumentError, match="queries must have shape"):
        call(kernels, "rerank", vectors=vectors[:, 1:].copy())
    with pytest.raises((BufferError, ValueError), match="contiguous"):
        call(kernels, "rerank", vectors=vectors[:, 1:])


def test_swapped_bytes_and_missing_axes_are_refused(kernels):
    candidates = valid_calls()["distance"]["candidates"]
    for wrong in (candidates.astype(">u4"), candidates[0].copy()):
        with pytest.raises(InvalidTypeError, match="2 dimensions of uint32"):
            call(kernels, "distance", candidates=wrong)


@pytest.mark.parametrize(
    ("method", "changed", "rule"),
    [
        (
            "search",
            {"entry_points": np.array([N - 1, N], dtype=np.uint32)},
            f"entry_points must be rows below {N}, got {N}",
        ),
        (
            "search",
            {"entry_points": zeros(0, dtype=np.uint32)},
            "the number of entry_points must be at least 1",
        ),
        (
            "merge",
            {"sources": np.array([0, 1, N], dtype=np.uint32)},
            f"rows must be rows below {N}, got {N}",
        ),
        ("merge", {"stop": N + 1}, f"stop must be in 0 … {N}, got {N + 1}"),
        ("merge", {"start": -1}, f"start must be in 0 … {N}, got -1"),
        ("merge", {"start": 3, "stop": 2}, "start must be in 0 … 2, got 3"),
        (
            "merge",
            {"max_degree": WIDTH + 1},
            f"max_degree must be in 0 … {WIDTH}, got {WIDTH + 1}",
        ),
        ("search", {"ef": 0}, "ef must be at least 1"),
        (
            "search",
            {"ef": 0, "limits": zeros(Q, dtype=np.float32)},
            "ef must be at least 1",
        ),
        (
            "scan",
            {"ef": 0, "keys": zeros(Q, 0, dtype=np.uint64)},
            "ef must be at least 1",
        ),
        (
            "scan",
            {"scanned": np.array([1, N], dtype=np.uint32)},
            f"rows must be rows below {N}, got {N}",
        ),
        (
            "rerank",
            {"ids": zeros(Q, 0, dtype="u4"), "distances": zeros(Q, 0, dtype="f4")},
            "k must be at least 1",
        ),
        (
            "rerank",
            {"vectors": zeros(N, 0, dtype="f4"), "queries": zeros(Q, 0, dtype="f4")},
            "dim must be at least 1",
        ),
        (
            "encode",
            {
                "vectors": zeros(N, 0, dtype="f4"),
                "mean": zeros(0, dtype="f4"),
                "signs": zeros(0, 0, dtype="f4"),
            },
            "dim must be at least 1",
        ),
    ],
)
def test_a_number_that_leads_outside_an_array_is_refused(
    kernels, method, changed, rule
):
    with pytest.raises(InvalidArgumentError, match=rule):
        call(kernels, method, **changed)


def test_an_edge_that_is_there_twice_counts_once(kernels):
    # More of them than scratch has room for, were each to count.
    edges = zeros(Q, 400, dtype=np.uint32)
    targets, merged = zeros(N, dtype=np.uint32), zeros(N, WIDTH, dtype=np.uint32)
    changed = {"edges": edges, "start": 0, "targets": targets, "merged": merged}
    arguments = {**valid_calls()["merge"], **changed}
    assert kernels.merge(*arguments.values()) == 1


@pytest.fixture(scope="module")
def searched_type(kernels):
    from quiver.backends._simd.bindings import Searched

    def borrow(**changed):
        return Searched(kernels, **{**searched_parts(), **changed})

    return borrow


def searched_parts():
    vectors = np.random.default_rng(1).normal(size=(N, DIM)).astype(np.float32)
    return {
        "codes": tuple(base().values()),
        "neighbors": np.tile(np.arange(WIDTH, dtype=np.uint32), (N, 1)),
        "entry_points": zeros(2, dtype=np.uint32),
        "vectors": vectors,
        "transform": tuple(transform().values()),
        "metric": "cosine",
        "mean": zeros(DIM, dtype=np.float32),
        "ids": np.arange(N),
        "allowed": None,
        "beside": zeros(1, dtype=np.uint32),
        "unlinked": np.array([[0, N - 1]], dtype=np.uint32),
        "screened": True,
        "terms": (0.5, 0.0, 1.0, 1.0),
        "least_dim": 32,
    }


def no_rounds(coded_dim):
    """Return mean and signs of a transform that does not rotate."""
    return zeros(DIM, dtype="f4"), zeros(0, coded_dim, dtype="f4")


def asked_of_searched(**changed):
    vectors = np.random.default_rng(1).normal(size=(Q, DIM)).astype(np.float32)
    arguments = {
        "queries": vectors,
        "ef": EF,
        "depth": EF,
        "is_bounded": True,
        "horizon": (2, 1.5),
        "ids": zeros(Q, K, dtype=np.int64),
        "distances": zeros(Q, K, dtype=np.float32),
        "counters": zeros(5, Q, dtype=np.int64),
    }
    return {**arguments, **changed}.values()


def test_what_is_searched_is_borrowed_and_asked(searched_type):
    searched_type().answer(*asked_of_searched())


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"neighbors": zeros(N - 1, WIDTH, dtype="u4")}, "neighbors must have shape"),
        ({"entry_points": np.array([N], "u4")}, f"must be rows below {N}, got {N}"),
        ({"entry_points": zeros(0, dtype="u4")}, "entry_points must be at least 1"),
        ({"vectors": zeros(N - 1, DIM, dtype="f4")}, f"rows of vectors must be {N}"),
        ({"vectors": zeros(N, DIM - 1, dtype="f4")}, "mean must have shape"),
        ({"mean": zeros(DIM - 1, dtype="f4")}, "mean must have shape"),
        ({"ids": zeros(N - 1, dtype="i8")}, "ids must have shape"),
        ({"allowed": zeros(2, 1, dtype="u8")}, "allowed must have shape"),
        ({"allowed": zeros(1, 2, dtype="u8")}, "allowed must have shape"),
        ({"beside": np.array([N], "u4")}, f"beside must be rows below {N}"),
        ({"unlinked": zeros(2, 3, dtype="u4")}, "unlinked must have shape"),
        ({"unlinked": np.array([[0, N]], "u4")}, f"unlinked must be rows below {N}"),
        (
            {"transform": tuple(plain_transform("cosine", DIM + 1))},
            "mean must have shape",
        ),
        (
            {
                "transform": (
                    "cosine",
                    zeros(DIM, dtype="f4"),
                    zeros(0, 480, dtype="f4"),
                )
            },
            f"coded_dim must be {DIM}, got 480",
        ),
    ],
)
def test_what_leads_outside_of_what_is_searched_is_refused(
    searched_type, changed, rule
):
    with pytest.raises(InvalidArgumentError, match=rule):
        searched_type(**changed)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"queries": zeros(Q, DIM - 1, dtype="f4")}, "queries must have shape"),
        ({"ef": 0, "depth": 0}, "depth must be at least 1"),
        ({"depth": EF + 1}, f"depth must be at most ef, {EF}, got {EF + 1}"),
        ({"horizon": (0, 1.5)}, "the rank of a horizon must be at least 1"),
        ({"ids": zeros(Q - 1, K, dtype="i8")}, "ids must have shape"),
        (
            {"ids": zeros(Q, 0, dtype="i8"), "distances": zeros(Q, 0, dtype="f4")},
            "k must be at least 1",
        ),
        ({"distances": zeros(Q, K - 1, dtype="f4")}, "distances must have shape"),
        ({"counters": zeros(3, Q, dtype="i8")}, "counters must have shape"),
        ({"counters": zeros(5, Q - 1, dtype="i8")}, "counters must have shape"),
    ],
)
def test_an_answer_that_leads_outside_an_array_is_refused(searched_type, changed, rule):
    with pytest.raises(InvalidArgumentError, match=rule):
        searched_type().answer(*asked_of_searched(**changed))


def test_an_answer_is_not_written_where_nothing_may_be(searched_type):
    ids = zeros(Q, K, dtype=np.int64)
    ids.setflags(write=False)
    with pytest.raises((BufferError, ValueError), match=r"read-only|not writable"):
        searched_type().answer(*asked_of_searched(ids=ids))
