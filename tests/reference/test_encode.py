"""The reference's codes against a bit-by-bit definition and worked examples."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Case, bit_widths, cases, dims, plain_transform, rngs

from quiver._typing import Bits, Weights
from quiver.conformance import hazards
from quiver.reference import encode, quantize
from quiver.reference.codes import Codes, capacity, least_lines
from quiver.reference.encode import pack, unpack, values_of


def naive_coordinates(case: Case, vector: np.ndarray) -> naive.Floats:
    metric, mean, signs = case.transform
    return naive.transform(
        *(vector.tolist(), metric, mean.tolist(), signs.tolist()), signs.shape[1]
    )


def encode_plain(
    vectors: list[list[float]], bits: Bits = 2, weights: Weights = "corrected"
) -> Codes:
    array = np.array(vectors, dtype=np.float32)
    transform = plain_transform("euclidean", array.shape[1])
    return encode(array, transform, bits, weights)


def levels(codes: Codes) -> list[list[int]]:
    return unpack(codes.packed, codes.dim, codes.bits).tolist()


@given(case=cases(min_n=1, max_n=2))
def test_rows_follow_the_definition_bit_by_bit(case: Case) -> None:
    codes = case.encode(case.vectors)
    for row, vector in zip(codes.rows, case.vectors, strict=True):
        r = naive_coordinates(case, vector)
        assert row.tobytes() == naive.row(naive.encode(r, case.bits, case.weights))


@given(case=cases(max_n=2))
def test_queries_follow_the_definition_number_by_number(case: Case) -> None:
    quantized = quantize(case.queries, case.transform, case.bits)
    for values, corrections, query in zip(*quantized, case.queries, strict=True):
        expected, *scalars = naive.quantize(naive_coordinates(case, query))
        assert values.tolist() == naive.planes(expected, case.bits)
        assert corrections.tolist() == scalars


def test_a_worked_example_of_the_default_encoding() -> None:
    # Two of five are strong: -0.9 and 0.5. Zero counts as negative.
    codes = encode_plain([[0.1, -0.9, 0.5, -0.2, 0.0]])
    assert levels(codes) == [[2, 0, 3, 1, 1]]
    # w = 1, -3, 3, -1, -1: the overlap is 0.1 + 2.7 + 1.5 + 0.2 = 4.5.
    np.testing.assert_allclose(codes.corrections, [[1.11 / 4.5, 1.11]], rtol=1e-6)


def test_a_worked_example_of_the_published_encoding() -> None:
    # The mean magnitude is 0.5, and 0.5 itself does not exceed it.
    codes = encode_plain([[0.5, -1.0, 0.25, -0.25]], weights="published")
    assert levels(codes) == [[2, 0, 2, 1]]
    assert codes.corrections.tolist() == [[0.0, 0.0]]


def test_a_worked_example_of_eight_bits() -> None:
    # A step is 1: 127 of them reach the peak, and halves go to the even neighbour.
    codes = encode_plain([[127.0, -63.5, 0.0, 2.5, -100.0]], bits=8)
    assert levels(codes) == [[255, 64, 128, 130, 28]]
    # w = 127, -64, 0, 2, -100: the products are 127², 4064, 0, 5 and 100².
    norm2 = 127**2 + 63.5**2 + 2.5**2 + 100**2
    np.testing.assert_allclose(codes.corrections, [[norm2 / 30198, norm2]], rtol=1e-6)


def test_a_worked_example_of_four_bits() -> None:
    # Steps of 2 with the middle between two of them: w = 2u - 15 is odd, never 0, and
    # the peak itself is past the last, 15. Here w is the vector, so no step is better.
    codes = encode_plain([[15.0, -15.0, 1.0, -3.0, 16.0]], bits=4)
    assert levels(codes) == [[15, 0, 8, 6, 15]]
    # r = 15, -15, 1, -3, 16 and w = 15, -15, 1, -3, 15.
    np.testing.assert_allclose(codes.corrections, [[716 / 700, 716]], rtol=1e-6)


def test_a_step_is_finer_where_the_peak_stands_alone() -> None:
    # One coordinate far out: to cut it by 0.7 leaves less angle than coarser steps.
    vector = [1.2] + [0.3, -0.3] * 20
    (cut,) = levels(encode_plain([vector], bits=4))
    steps = 8 / (1.2 * 0.7)
    assert cut[1:3] == [round(7.5 + 0.3 * steps), round(7.5 - 0.3 * steps)]
    assert cut[0] == 15


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_each_bit_more_brings_the_code_nearer_to_the_vector(bits: Bits) -> None:
    vectors = np.random.default_rng(5).standard_normal((50, 240)).astype(np.float32)
    codes = encode(vectors, plain_transform("euclidean", 240), bits, "corrected")
    w = values_of(unpack(codes.packed, 240, bits), bits)
    lengths = np.linalg.norm(w, axis=1) * np.linalg.norm(vectors, axis=1)
    cosines = (w * vectors).sum(axis=1) / lengths
    # What `TYPICAL_COSINE` says of wide codes is what normal coordinates have.
    expected = {2: 0.9395, 4: 0.9944, 8: 0.99997}[bits]
    assert abs(cosines.mean() - expected) < 0.02 * (1 - expected) + 1e-5


def test_a_worked_example_of_a_query() -> None:
    query = np.array([[127.0, -63.5, 62.5, 0.0, 0.4]], dtype=np.float32)
    quantized = quantize(query, plain_transform("euclidean", 5), 2)
    assert quantized.values.shape == (1, 4, 64)
    # Halves go to the even neighbour: -63.5 to -64, 62.5 to 62. Eight zeros stand
    # beside the corrections.
    assert quantized.values[0, 0, :13].tolist() == [0] * 8 + [127, -64, 62, 0, 0]
    assert quantized.corrections[0, 0] == 1.0


def test_a_layout_example_puts_four_quarters_into_one_byte() -> None:
    u = np.zeros((1, 230), dtype=np.uint8)
    # One line has 56 bytes: byte 5 holds coordinates 5, 61, 117 and 173; of two lines
    # it holds 5, 125, 245 and 365.
    u[0, [5, 61, 117, 173]] = [1, 2, 3, 1]
    packed = pack(u[:, :224], 2, 1)
    assert packed.shape == (1, 56)
    assert packed[0, 5] == 0b01_11_10_01
    assert np.count_nonzero(packed) == 1
    wider = pack(u, 2, 2)
    assert wider.shape == (1, 120)
    assert wider[0, [5, 61, 117]].tolist() == [1, 2, 3]
    assert wider[0, 53] == 0b01_00


def test_a_layout_example_of_wide_codes() -> None:
    u = np.zeros((1, 60), dtype=np.uint8)
    u[0, [3, 59]] = [7, 12]
    assert pack(u, 4, 1)[0, 3] == 0xC7
    assert pack(u, 8, 2)[0, [3, 59]].tolist() == [7, 12]


@given(rng=rngs, dim=dims, bits=bit_widths, more=st.integers(0, 2))
def test_unpack_inverts_pack(
    rng: np.random.Generator, dim: int, bits: Bits, more: int
) -> None:
    u = rng.integers(0, 1 << bits, (3, dim)).astype(np.uint8)
    packed = pack(u, bits, least_lines(dim, bits) + more)
    np.testing.assert_array_equal(unpack(packed, dim, bits), u)


@given(case=cases(min_n=1, max_n=4))
def test_every_default_code_has_the_same_number_of_strong_coordinates(
    case: Case,
) -> None:
    codes = encode(case.vectors, case.transform, 2, "corrected")
    u = unpack(codes.packed, codes.dim, 2)
    n_strong = ((u == 0) | (u == 3)).sum(axis=1)
    assert (n_strong == (codes.dim + 1) // 3).all()


@given(case=cases(min_n=1))
def test_bits_past_the_dimension_are_zero(case: Case) -> None:
    codes = case.encode(case.vectors)
    whole = unpack(codes.packed, 8 // codes.bits * codes.packed.shape[1], codes.bits)
    assert not whole[:, codes.dim :].any()


@given(case=cases(min_n=1))
def test_a_query_is_zero_beside_the_corrections_and_past_the_dimension(
    case: Case,
) -> None:
    values, _ = quantize(case.vectors, case.transform, case.bits)
    assert not values[:, :, :8].any()
    in_order = values[:, :, 8:].reshape(len(values), -1)
    assert not in_order[:, case.transform.coded_dim :].any()


def test_equal_magnitudes_go_to_the_lower_dimension() -> None:
    codes = encode_plain([[-1.0, 1.0, -1.0, 1.0, 1.0]])
    assert levels(codes) == [[0, 3, 1, 2, 2]]


@pytest.mark.parametrize(
    ("bits", "u"), [(2, [0, 1, 1]), (4, [8, 8, 8]), (8, [128, 128, 128])]
)
def test_a_zero_vector_has_a_code_and_no_correction(bits: Bits, u: list[int]) -> None:
    codes = encode_plain([[0.0, -0.0, 0.0]], bits)
    assert levels(codes) == [u]
    assert codes.corrections.tolist() == [[0.0, 0.0]]


def test_eight_bits_use_the_values_from_minus_127_only() -> None:
    # -128 has no positive twin, and would not fit where 16 bits are added in pairs.
    vectors = np.random.default_rng(4).standard_normal((60, 56)).astype(np.float32)
    u = np.array(levels(encode_plain((vectors**3).tolist(), bits=8)))
    assert u.min() == 1
    assert u.max() == 255


@pytest.mark.parametrize("peak", [0.0, 1e-45, 1e-38])
def test_a_query_too_small_to_scale_is_all_zero(peak: float) -> None:
    query = np.full((1, 3), peak, dtype=np.float32)
    quantized = quantize(query, plain_transform("euclidean", 3), 2)
    assert not quantized.values.any()
    assert quantized.corrections[0, 0] == 0


def test_rounding_a_query_moves_no_coordinate_by_more_than_half_a_step() -> None:
    rng = np.random.default_rng(0)
    queries = hazards.make_vectors(rng, 20, 65, [])
    values, corrections = quantize(queries, plain_transform("euclidean", 65), 8)
    step = corrections[:, :1].astype(np.float64)
    error = np.abs(values[:, 0, 8:73] * step - queries)
    assert (error <= 0.5001 * step).all()


@pytest.mark.parametrize(
    ("bits", "lines", "held"),
    [(2, 1, 224), (2, 2, 480), (4, 1, 112), (4, 2, 240), (8, 1, 56), (8, 2, 120)],
)
def test_sizes_are_those_of_the_specification(
    bits: Bits, lines: int, held: int
) -> None:
    assert capacity(lines, bits) == held
    assert least_lines(held, bits) == lines
    assert least_lines(held + 1, bits) == lines + 1


def test_an_outlier_is_cut_to_seven_tenths_where_that_makes_the_least_angle() -> None:
    row = 0.2 * np.random.default_rng(0).standard_normal(500)
    row[7] = 1.0
    vector = row.astype(np.float32).tolist()
    codes = encode_plain([vector], bits=4)
    u = levels(codes)[0]
    assert u == naive.in_steps(vector, 4)
    at_shares = [
        np.clip(np.rint(np.float32(row) * (np.float32(8) / share) + 7.5), 0, 15)
        for share in np.float32([0.7, 0.85])
    ]
    assert [u == at_share.tolist() for at_share in at_shares] == [True, False]
