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
from quiver.reference.codes import BLOCK_DIMS, Queries, row_bytes

N, DIM, Q, WIDTH, EF, K = 20, 130, 3, 4, 5, 2


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
    rng = np.random.default_rng(0)
    rows = random_codes(rng, N, DIM).rows
    return {"rows": rows, "dim": DIM, "strong": 3}


def int8_queries():
    n_values = 2 * BLOCK_DIMS
    return {
        "query_rows": None,
        "values": zeros(Q, n_values, dtype=np.int8),
        "corrections": zeros(Q, 2, dtype=np.float32),
    }


def transform():
    metric, mean, signs = plain_transform("cosine", DIM)
    return {"metric": metric, "mean": mean, "signs": signs}


def valid_calls():
    """Return the arguments of one good call of every function."""
    vectors = np.random.default_rng(1).normal(size=(N, DIM)).astype(np.float32)
    candidates = np.tile(np.arange(WIDTH, dtype=np.uint32), (Q, 1))
    return {
        "encode": {
            "vectors": vectors,
            **transform(),
            "strong": 3,
            "rows": zeros(N, row_bytes(DIM), dtype=np.uint8),
        },
        "quantize": {
            "vectors": vectors[:Q],
            **transform(),
            "values": zeros(Q, 2 * BLOCK_DIMS, dtype=np.int8),
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
            "rule": "vamana",
            "neighbors": zeros(Q, WIDTH, dtype=np.uint32),
        },
        "search": {
            **base(),
            "neighbors": np.tile(np.arange(WIDTH, dtype=np.uint32), (N, 1)),
            **int8_queries(),
            "entry_point": 0,
            "keys": zeros(Q, EF, dtype=np.uint64),
            "hops": zeros(Q, dtype=np.int64),
            "distance_computations": zeros(Q, dtype=np.int64),
        },
        "rerank": {
            "vectors": vectors,
            "queries": vectors[:Q],
            "candidates": candidates,
            "metric": "cosine",
            "ids": zeros(Q, K, dtype=np.uint32),
            "distances": zeros(Q, K, dtype=np.float32),
        },
    }


def call(kernels, method, **changed):
    arguments = {**valid_calls()[method], **changed}
    getattr(kernels, method)(*arguments.values())


@pytest.mark.parametrize("method", valid_calls())
def test_the_valid_call_is_accepted(kernels, method):
    call(kernels, method)


ROW_BYTES = row_bytes(DIM)
WRONG_SHAPES = {
    "encode: mean": ("mean", (DIM - 1,)),
    "encode: signs": ("signs", (2, DIM - 1)),
    "encode: rows": ("rows", (N - 1, ROW_BYTES)),
    "encode: rows of another dim": ("rows", (N, ROW_BYTES - 64)),
    "quantize: mean": ("mean", (DIM - 1,)),
    "quantize: values": ("values", (Q - 1, 2 * BLOCK_DIMS)),
    "quantize: values of another dim": ("values", (Q, BLOCK_DIMS)),
    "quantize: corrections": ("corrections", (Q, 1)),
    "distance: rows": ("rows", (N, ROW_BYTES - 64)),
    "distance: query_rows": ("query_rows", (Q, ROW_BYTES - 64)),
    "distance: values": ("values", (Q, BLOCK_DIMS)),
    "distance: corrections": ("corrections", (Q - 1, 2)),
    "distance: candidates": ("candidates", (Q - 1, WIDTH)),
    "distance: distances": ("distances", (Q, WIDTH - 1)),
    "distance: rows of distances": ("distances", (Q - 1, WIDTH)),
    "prune: rows": ("rows", (N, ROW_BYTES - 64)),
    "prune: neighbors": ("neighbors", (Q - 1, WIDTH)),
    "search: rows": ("rows", (N, ROW_BYTES - 64)),
    "search: neighbors": ("neighbors", (N - 1, WIDTH)),
    "search: values": ("values", (Q, BLOCK_DIMS)),
    "search: query_rows": ("query_rows", (Q, ROW_BYTES - 64)),
    "search: keys": ("keys", (Q - 1, EF)),
    "search: hops": ("hops", (Q - 1,)),
    "search: counts": ("distance_computations", (Q - 1,)),
    "rerank: queries": ("queries", (Q, DIM - 1)),
    "rerank: candidates": ("candidates", (Q - 1, WIDTH)),
    "rerank: ids": ("ids", (Q - 1, K)),
    "rerank: distances": ("distances", (Q, K - 1)),
}


@pytest.mark.parametrize("case", WRONG_SHAPES)
def test_a_shape_that_leads_outside_an_array_is_refused(kernels, case):
    method = case.partition(":")[0]
    name, shape = WRONG_SHAPES[case]
    like = valid_calls()[method][name]
    # Coded queries are absent from the valid call, which has int8 ones.
    dtype = np.uint8 if like is None else like.dtype
    with pytest.raises(InvalidArgumentError, match=r"must have shape .*, got \("):
        call(kernels, method, **{name: np.zeros(shape, dtype=dtype)})


@pytest.mark.parametrize("method", ["distance", "prune", "search"])
def test_a_dim_that_the_rows_cannot_hold_is_refused(kernels, method):
    expected = rf"codes must have shape \(any, {row_bytes(400)}\), got \({N}, "
    with pytest.raises(InvalidArgumentError, match=expected):
        call(kernels, method, dim=400)


def test_the_public_tuples_are_guarded_too(kernels):
    backend = quiver.get_backend("cython-scalar")
    codes = random_codes(np.random.default_rng(0), N, DIM)
    with pytest.raises(InvalidArgumentError, match="codes must have shape"):
        backend.distance(codes._replace(dim=400), codes)
    queries = Queries(zeros(1, BLOCK_DIMS, dtype=np.int8), zeros(1, 2, dtype="f4"))
    with pytest.raises(InvalidArgumentError, match="values of queries must have shape"):
        backend.search(codes, zeros(N, 1, dtype=np.uint32), queries, 0, 3)


@pytest.mark.parametrize(
    ("method", "name", "dtype"),
    [
        ("distance", "candidates", np.uint64),
        ("distance", "candidates", np.int32),
        ("prune", "candidates", np.uint32),
        ("prune", "neighbors", np.uint64),
        ("search", "neighbors", np.uint64),
        ("search", "hops", np.int32),
        ("search", "corrections", np.float64),
        ("rerank", "candidates", np.uint64),
        ("rerank", "ids", np.uint64),
        ("rerank", "vectors", np.float64),
        ("encode", "mean", np.float64),
        ("quantize", "values", np.uint8),
    ],
)
def test_a_type_of_another_width_or_sign_is_refused(kernels, method, name, dtype):
    array = valid_calls()[method][name].astype(dtype)
    with pytest.raises(InvalidTypeError, match=r"must have \d dimensions of .*, got"):
        call(kernels, method, **{name: array})


def test_swapped_bytes_and_missing_axes_are_refused(kernels):
    candidates = valid_calls()["distance"]["candidates"]
    for wrong in (candidates.astype(">u4"), candidates[0].copy()):
        with pytest.raises(InvalidTypeError, match="2 dimensions of uint32"):
            call(kernels, "distance", candidates=wrong)


@pytest.mark.parametrize(
    ("method", "changed", "rule"),
    [
        ("search", {"entry_point": N}, f"entry_point must be a row below {N}"),
        ("search", {"keys": zeros(Q, 0, dtype=np.uint64)}, "ef must be at least 1"),
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
