"""Encoding: chunks, seeded signs, the queries' transform and the cleared bias."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.encoding import (
    ENCODE_ROWS,
    OUTSIZE,
    clear_bias,
    draw_signs,
    encode_rows,
    fit,
    outsize_length,
    shorten_outsize,
)
from quiver.parallel.workers import Workers
from quiver.reference.transform import query_transform

BACKEND = quiver.get_backend("reference")


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_chunks_over_threads_give_the_codes_of_one_call(bits: int) -> None:
    encoding = quiver.Encoding(bits=bits, fill=False)
    vectors = normal_rows(2 * ENCODE_ROWS + 1, 9)
    transform = fit(vectors, "euclidean", encoding, seed=3)
    with Workers(3) as workers:
        codes = encode_rows(BACKEND, vectors, transform, encoding, workers)
    whole = BACKEND.encode(vectors, transform, bits, encoding.weights)
    np.testing.assert_array_equal(codes.rows, whole.rows)
    assert codes[1:] == whole[1:]


def test_a_sign_is_minus_where_the_top_bit_of_the_stream_is_set() -> None:
    stream = np.random.PCG64(7)
    expected = [-1.0 if stream.random_raw() >> 63 else 1.0 for _ in range(10)]
    signs = draw_signs(5, seed=7)
    assert signs.dtype == np.float32
    assert signs.tolist() == [expected[:5], expected[5:]]


def test_queries_lose_the_mean_for_the_inner_product_only() -> None:
    transform = fit(normal_rows(20, 6) + 3, "euclidean", quiver.Encoding(), seed=0)
    assert transform.mean.all()
    assert query_transform(transform, "euclidean") is transform
    assert query_transform(transform, "cosine") is transform
    queries = query_transform(transform, "inner_product")
    assert queries.mean.tolist() == [0] * 6
    assert queries.signs is transform.signs
    assert transform.mean.all()


def test_clearing_the_bias_leaves_scale_and_code() -> None:
    encoding = quiver.Encoding()
    vectors = normal_rows(20, 6)
    transform = fit(vectors, "euclidean", encoding, seed=0)
    codes = BACKEND.encode(vectors, transform, encoding.bits, encoding.weights)
    before = codes.rows.copy()
    assert codes.corrections[:, 1].all()
    clear_bias(codes)
    assert not codes.corrections[:, 1].any()
    np.testing.assert_array_equal(codes.rows[:, :4], before[:, :4])
    np.testing.assert_array_equal(codes.rows[:, 8:], before[:, 8:])


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_outsize_rows_are_coded_by_direction_and_no_other_row_is(bits: int) -> None:
    encoding = quiver.Encoding(bits=bits)
    vectors = normal_rows(40, 6)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[:10] = 0
    usual = vectors.copy()
    vectors[[12, 30]] *= np.array([[1e5], [1e9]], dtype=np.float32)
    vectors[20] *= np.float32(0.9 * OUTSIZE)
    usual[[12, 30]] *= np.float32(OUTSIZE)
    usual[20] = vectors[20]
    transform = fit(usual, "inner_product", encoding, seed=0)
    with Workers(1) as workers:
        found = encode_rows(BACKEND, vectors, transform, encoding, workers)
        shorten_outsize(
            found, BACKEND, vectors, transform, outsize_length(vectors), workers
        )
        expected = encode_rows(BACKEND, usual, transform, encoding, workers)
    np.testing.assert_array_equal(found.packed, expected.packed)
    np.testing.assert_allclose(found.corrections, expected.corrections, rtol=1e-5)


def test_where_all_rows_are_zero_none_is_outsize() -> None:
    vectors, encoding = np.zeros((4, 6), dtype=np.float32), quiver.Encoding()
    transform = fit(vectors, "inner_product", encoding, seed=0)
    with Workers(1) as workers:
        codes = encode_rows(BACKEND, vectors, transform, encoding, workers)
        before = codes.rows.copy()
        shorten_outsize(
            codes, BACKEND, vectors, transform, outsize_length(vectors), workers
        )
    np.testing.assert_array_equal(codes.rows, before)
