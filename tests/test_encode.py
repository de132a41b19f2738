"""The reference's codes against a bit-by-bit definition and worked examples."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from hypothesis import given
from strategies import Case, cases, dims, plain_transform, rngs, strong_values

from quiver.conformance import hazards
from quiver.reference import encode, quantize
from quiver.reference.codes import Codes, code_bytes, row_bytes
from quiver.reference.encode import pack, unpack


def naive_coordinates(case: Case, vector: np.ndarray) -> naive.Floats:
    metric, mean, signs = case.transform
    return naive.transform(vector.tolist(), metric, mean.tolist(), signs.tolist())


def encode_plain(vectors: list[list[float]], strong: int = 3) -> Codes:
    array = np.array(vectors, dtype=np.float32)
    return encode(array, plain_transform("euclidean", array.shape[1]), strong)


@given(case=cases(min_n=1, max_n=2), strong=strong_values)
def test_rows_follow_the_definition_bit_by_bit(case: Case, strong: int) -> None:
    codes = encode(case.vectors, case.transform, strong)
    for row, vector in zip(codes.rows, case.vectors, strict=True):
        r = naive_coordinates(case, vector)
        u = naive.code(r, strong)
        corrections = naive.corrections(r, u) if strong == 3 else (0.0, 0.0)
        assert row.tobytes() == naive.row(u, *corrections)


@given(case=cases(max_n=2))
def test_queries_follow_the_definition_number_by_number(case: Case) -> None:
    quantised = quantize(case.queries, case.transform)
    for values, corrections, query in zip(*quantised, case.queries, strict=True):
        expected, *scalars = naive.quantize(naive_coordinates(case, query))
        padding = [0] * (len(values) - len(expected))
        assert values.tolist() == expected + padding
        assert corrections.tolist() == scalars


def test_a_worked_example_of_the_default_encoding() -> None:
    # Two of five are strong: -0.9 and 0.5. Zero counts as negative.
    codes = encode_plain([[0.1, -0.9, 0.5, -0.2, 0.0]])
    assert unpack(codes.codes, 5).tolist() == [[2, 0, 3, 1, 1]]
    # w = 1, -3, 3, -1, -1: the overlap is 0.1 + 2.7 + 1.5 + 0.2 = 4.5.
    np.testing.assert_allclose(codes.corrections, [[1.11 / 4.5, 1.11]], rtol=1e-6)


def test_a_worked_example_of_the_published_encoding() -> None:
    # The mean magnitude is 0.5, and 0.5 itself does not exceed it.
    codes = encode_plain([[0.5, -1.0, 0.25, -0.25]], strong=2)
    assert unpack(codes.codes, 4).tolist() == [[2, 0, 2, 1]]
    assert codes.corrections.tolist() == [[0.0, 0.0]]


def test_a_worked_example_of_a_query() -> None:
    query = np.array([[127.0, -63.5, 62.5, 0.0, 0.4]], dtype=np.float32)
    quantised = quantize(query, plain_transform("euclidean", 5))
    # Halves go to the even neighbour: -63.5 to -64, 62.5 to 62.
    assert quantised.values[0, :5].tolist() == [127, -64, 62, 0, 0]
    assert quantised.corrections[0, 0] == 1.0


def test_a_layout_example_puts_four_quarters_into_one_byte() -> None:
    u = np.zeros((1, 130), dtype=np.uint8)
    u[0, [5, 37, 69, 101, 129]] = [1, 2, 3, 1, 3]
    packed = pack(u)
    assert packed.shape == (1, 64)
    assert packed[0, 5] == 0b01_11_10_01
    assert packed[0, 33] == 3
    assert np.count_nonzero(packed) == 2


@given(rng=rngs, dim=dims)
def test_unpack_inverts_pack(rng: np.random.Generator, dim: int) -> None:
    u = rng.integers(0, 4, (3, dim)).astype(np.uint8)
    np.testing.assert_array_equal(unpack(pack(u), dim), u)


@given(case=cases(min_n=1, max_n=4))
def test_every_default_code_has_the_same_number_of_strong_coordinates(
    case: Case,
) -> None:
    codes = encode(case.vectors, case.transform, 3)
    u = unpack(codes.codes, codes.dim)
    n_strong = ((u == 0) | (u == 3)).sum(axis=1)
    assert (n_strong == (codes.dim + 1) // 3).all()


@given(case=cases(min_n=1), strong=strong_values)
def test_bits_past_the_dimension_are_zero(case: Case, strong: int) -> None:
    codes = encode(case.vectors, case.transform, strong)
    whole = unpack(codes.codes, 4 * codes.codes.shape[1])
    assert not whole[:, codes.dim :].any()
    assert not codes.rows[:, code_bytes(codes.dim) + 8 :].any()


def test_equal_magnitudes_go_to_the_lower_dimension() -> None:
    u = unpack(encode_plain([[-1.0, 1.0, -1.0, 1.0, 1.0]]).codes, 5)
    assert u.tolist() == [[0, 3, 1, 2, 2]]


def test_a_zero_vector_has_a_code_and_no_correction() -> None:
    codes = encode_plain([[0.0, -0.0, 0.0]])
    assert unpack(codes.codes, 3).tolist() == [[0, 1, 1]]
    assert codes.corrections.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("peak", [0.0, 1e-45, 1e-38])
def test_a_query_too_small_to_scale_is_all_zero(peak: float) -> None:
    query = np.full((1, 3), peak, dtype=np.float32)
    quantised = quantize(query, plain_transform("euclidean", 3))
    assert not quantised.values.any()
    assert quantised.corrections[0, 0] == 0


def test_rounding_a_query_moves_no_coordinate_by_more_than_half_a_step() -> None:
    rng = np.random.default_rng(0)
    queries = hazards.make_vectors(rng, 20, 65, [])
    values, corrections = quantize(queries, plain_transform("euclidean", 65))
    step = corrections[:, :1].astype(np.float64)
    error = np.abs(values[:, :65] * step - queries)
    assert (error <= 0.5001 * step).all()


@pytest.mark.parametrize(
    ("dim", "code", "row"),
    [(1, 32, 64), (128, 32, 64), (129, 64, 128), (384, 96, 128), (768, 192, 256)],
)
def test_sizes_are_those_of_the_specification(dim: int, code: int, row: int) -> None:
    assert (code_bytes(dim), row_bytes(dim)) == (code, row)
