"""The known error of an estimate against errors measured."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows, skewed_rows

from quiver import reference
from quiver.encoding import clear_bias, draw_signs
from quiver.params import Encoding
from quiver.reference.bounds import CODE_ERROR
from quiver.reference.codes import Transform
from quiver.reference.error import ErrorScale, code_errors, error_scale
from quiver.reference.transform import apply_transform


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("make", [normal_rows, skewed_rows])
def test_estimates_are_off_by_as_much_as_is_said(make, bits) -> None:
    vectors, queries = make(300, 40), make(50, 40, seed=1)
    dim = Encoding(bits=bits).coded_dim(40)
    transform = Transform("euclidean", vectors.mean(axis=0), draw_signs(dim, 0))
    codes = reference.encode(vectors, transform, bits, "corrected")
    asked = reference.quantize(queries, transform, bits)
    points, targets = (
        apply_transform(part, transform).astype(np.float64)
        for part in (vectors, queries)
    )
    true = ((points[None] - targets[:, None]) ** 2).sum(axis=2)
    errors, reaches, norms = code_errors(codes)
    np.testing.assert_allclose(norms, np.linalg.norm(points, axis=1), rtol=1e-5)
    scales = [ErrorScale(*pair, 1, 1) for pair in zip(errors, reaches, strict=True)]
    steps, norms2 = asked.corrections.astype(np.float64).T
    said = np.stack([one.of_queries(np.sqrt(norms2), steps) for one in scales], axis=1)
    off = (reference.distance(codes, asked) - true) / said
    assert abs(off.mean()) < 0.1
    assert 0.9 < off.std() < 1.1


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_without_a_bias_the_length_of_the_code_tells_about_as_much(bits) -> None:
    vectors = normal_rows(500, 60)
    dim = Encoding(bits=bits).coded_dim(60)
    transform = Transform("euclidean", np.zeros(60, np.float32), draw_signs(dim, 0))
    codes = reference.encode(vectors, transform, bits, "corrected")
    errors, reaches, norms = code_errors(codes)
    clear_bias(codes)
    guessed, same, lengths = code_errors(codes)
    assert 0.9 < np.mean(guessed) / np.mean(errors) < 1.4
    assert same.tolist() == reaches.tolist()
    np.testing.assert_allclose(lengths, norms, rtol=0.05)


def test_a_row_in_the_middle_has_no_error() -> None:
    transform = Transform("euclidean", np.zeros(9, np.float32), draw_signs(9, 0))
    zeros = np.zeros((2, 9), np.float32)
    codes = reference.encode(zeros, transform, 2, "corrected")
    assert np.stack(code_errors(codes)).tolist() == [[0, 0]] * 3
    scale = error_scale(codes, np.arange(2, dtype=np.uint32))
    assert scale[:2] == (0, 0)


def test_the_scale_of_a_base_is_that_of_its_rows() -> None:
    vectors = normal_rows(3000, 12) * np.exp(normal_rows(3000, 1, seed=1))
    transform = Transform("euclidean", np.zeros(12, np.float32), draw_signs(12, 0))
    codes = reference.encode(vectors, transform, 4, "corrected")
    errors, reaches, norms = code_errors(codes)
    scale = error_scale(codes, np.arange(codes.n_rows, dtype=np.uint32))
    assert scale.usual == pytest.approx(norms.mean(), rel=0.1)
    assert scale.share == pytest.approx(errors.mean() / norms.mean(), rel=0.02)
    assert scale.reach == pytest.approx(reaches.mean() / norms.mean(), rel=0.02)
    assert 0.98 < (norms <= scale.most).mean() < 1
    alone = error_scale(codes, np.array([7], dtype=np.uint32))
    assert alone.usual == alone.most == norms[7]
    assert alone.share == errors[7] / norms[7]


def test_a_row_without_error_is_told_as_well_as_the_query_is() -> None:
    # By hand: of length 2, rounded to steps of 0.1.
    exact = ErrorScale(share=0, reach=1, usual=1, most=1)
    coarse = ErrorScale(share=0.05, reach=1, usual=1, most=1)
    length, step = np.array([2.0]), np.array([0.1])
    assert exact.of_queries(length, step)[0] == pytest.approx(2 * 0.1 / np.sqrt(12))
    assert coarse.of_queries(length, 0 * step)[0] == pytest.approx(2 * 2 * 0.05)


@pytest.mark.parametrize(("bits", "most"), [(2, 0.02), (4, 0.02), (8, 0.1)])
def test_of_rotated_rows_it_is_the_error_that_bounds_go_by(bits, most) -> None:
    vectors = normal_rows(1000, 300)
    dim = Encoding(bits=bits).coded_dim(300)
    signs = draw_signs(dim, 0)
    transform = Transform("euclidean", vectors.mean(axis=0), signs)
    codes = reference.encode(vectors, transform, bits, "corrected")
    errors, _, _ = code_errors(codes)
    expected = codes.corrections[:, 0] * CODE_ERROR[bits]
    assert errors.mean() / expected.mean() == pytest.approx(1, abs=most)
