"""Sums over rows by every way there is: each the same as in plain integers.

Which way a processor takes is told by its features; here each is made to run that can,
the one for any processor always.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="needs the extra `numba`")

import numba as nb
from numba.core import types
from numba.core.registry import cpu_target

from quiver.backends._numba import products
from quiver.backends._numba.primitives import readonly, writable
from quiver.backends._numba.products import BY_FOURS, BY_PAIRS, ONE_BY_ONE
from quiver.reference.codes import CACHE_LINE

WAYS = {
    "VNNI": (BY_FOURS, {"+avx512vnni", "+avx512bw"}),
    "AVX2": (BY_PAIRS, {"+avx2"}),
    "any": (ONE_BY_ONE, set()),
}
FEATURES = set(cpu_target.target_context.codegen().magic_tuple()[-1].split(","))
COUNTS = (0, 1, 3, 4, 5, 9)
N, Q = 7, 3


@pytest.fixture(scope="module", params=[2, 4, 8])
def bits(request):
    return request.param


@pytest.fixture(scope="module", params=WAYS)
def write_products(request, bits):
    """Return a kernel of one way to multiply, if the processor here has it."""
    multiply, needed = WAYS[request.param]
    if missing := needed - FEATURES:
        pytest.skip(f"this processor lacks {', '.join(sorted(missing))}")
    sums = products.products(bits, multiply)
    words, number = readonly(types.uint64, 2), types.int64
    ids, out = readonly(types.uint32, 1), writable(types.float32, 1)

    @nb.njit(types.void(words, ids, number, words, number, number, number, out))
    def write(words, ids, count, query_words, query, factor, offset, out):
        lines = words.shape[1] // 8
        sums(words, ids, count, query_words, query, 0, lines, factor, offset, out)

    return write


def products_of(rows, values, bits):
    """Return Σ v·u of every row and query, in plain integers."""
    planes = [
        (rows >> shift & (1 << bits) - 1).astype(np.int64)
        for shift in range(0, 8, bits)
    ]
    flat = np.concatenate(planes, axis=1)
    return flat @ values.reshape(len(values), -1).astype(np.int64).T


def made_cases(bits, lines):
    """Yield rows and queries: any bytes, and those of the largest products."""
    rng = np.random.default_rng(lines)
    width = CACHE_LINE * lines
    shape = (Q, 8 // bits, width)
    rows = rng.integers(0, 256, (N, width), dtype=np.uint8)
    yield rows, rng.integers(-127, 128, shape, dtype=np.int8)
    for peak in (127, -127):
        yield np.full_like(rows, 255), np.full(shape, peak, dtype=np.int8)


@pytest.mark.parametrize("lines", [1, 2, 3, 7])
def test_products_are_those_of_plain_integers(write_products, bits, lines):
    factor, offset = 2, -15
    for rows, values in made_cases(bits, lines):
        expected = factor * products_of(rows, values, bits) + offset
        words, asked = rows.view(np.uint64), values.reshape(Q, -1).view(np.uint64)
        for count in COUNTS:
            ids = np.arange(count, dtype=np.uint32) * 3 % N
            for query in range(Q):
                out = np.full(count, np.nan, dtype=np.float32)
                write_products(words, ids, count, asked, query, factor, offset, out)
                wanted = expected[ids, query].astype(np.float32)
                np.testing.assert_array_equal(out, wanted, strict=True)


def test_sums_over_some_lines_are_those_of_plain_integers(bits):
    sums, lines = products.products(bits), 7

    @nb.njit
    def write(words, ids, asked, query, start, stop, out):
        sums(words, ids, len(ids), asked, query, start, stop, 1, 0, out)

    for rows, values in made_cases(bits, lines):
        words, asked = rows.view(np.uint64), values.reshape(Q, -1).view(np.uint64)
        ids = np.arange(N, dtype=np.uint32)
        for start, stop in ((0, 2), (2, 4), (4, 7), (6, 7), (3, 3)):
            part = slice(CACHE_LINE * start, CACHE_LINE * stop)
            expected = products_of(rows[:, part], values[:, :, part], bits)
            out = np.full(N, -1, dtype=np.int32)
            write(words, ids, asked, 1, start, stop, out)
            np.testing.assert_array_equal(out, expected[:, 1])


def test_nothing_is_written_past_the_rows_listed(write_products, bits):
    rows, values = next(made_cases(bits, 1))
    words, asked = rows.view(np.uint64), values.reshape(Q, -1).view(np.uint64)
    out = np.full(N, np.nan, dtype=np.float32)
    write_products(words, np.arange(N, dtype=np.uint32), 5, asked, 0, 1, 0, out)
    assert np.isnan(out[5:]).all()
    assert not np.isnan(out[:5]).any()


def test_a_row_alone_may_have_any_stride(write_products, bits):
    rows, values = next(made_cases(bits, 2))
    alone = rows.view(np.uint64)[:1:2]
    assert alone.flags.c_contiguous
    assert alone.strides[0] != alone.shape[1] * alone.itemsize
    out = np.empty(1, dtype=np.float32)
    asked = values.reshape(Q, -1).view(np.uint64)
    write_products(alone, np.zeros(1, np.uint32), 1, asked, 1, 1, 0, out)
    assert out[0] == np.float32(products_of(rows, values, bits)[0, 1])


@pytest.mark.parametrize(
    ("features", "chosen"),
    [
        ("+avx2,+avx512bw,+avx512vnni", BY_FOURS),
        ("+avx2,+avx512bw,-avx512vnni", BY_PAIRS),
        ("+avx2,+avxvnni", BY_PAIRS),
        ("-avx2,+sse4.2", ONE_BY_ONE),
        ("+neon,+dotprod", ONE_BY_ONE),
        ("", ONE_BY_ONE),
    ],
)
def test_the_way_is_chosen_by_the_features_of_the_processor(features, chosen):
    assert products.multiply_for(features) is chosen


# Distances alone: the modules of all kernels would take ten times as long to compile.
PLAIN = """
import numpy as np
from numba.core.registry import cpu_target
from quiver import reference
from quiver.backends._numba import arguments, distance
from quiver.reference.codes import Queries
from strategies import plain_transform, random_codes

print(cpu_target.target_context.codegen().magic_tuple()[1:])
rng = np.random.default_rng(5)
every = np.arange(9, dtype=np.uint32)[None]
for dim in (1, 63, 224, 225, 500):
    for bits, weights in ((2, "corrected"), (2, "published"), (4, "corrected"),
                          (8, "corrected")):
        codes = random_codes(rng, 9, dim, bits, weights)
        asked = [codes.take(np.arange(3))]
        if weights == "corrected":
            queries = rng.standard_normal((3, dim)).astype(np.float32)
            transform = plain_transform("euclidean", dim)
            asked.append(reference.quantize(queries, transform, bits))
        for queries in asked:
            out = np.empty((3, 9), dtype=np.float32)
            distance.distances(
                arguments.kind_of(codes, queries), arguments.side_of(codes.rows),
                *arguments.queries_of(codes, queries), every, out,
            )
            assert out.tobytes() == reference.distance(codes, queries).tobytes()
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize("features", ["", "+avx2"])
def test_a_processor_with_fewer_features_finds_the_same_distances(
    tmp_path: Path, features: str
) -> None:
    if features and features not in FEATURES:
        pytest.skip(f"this processor lacks {features}")
    done = subprocess.run(
        [sys.executable, "-c", PLAIN],
        env={
            **os.environ,
            "NUMBA_CPU_NAME": "generic",
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"('generic', '{features}')", "equal"]
