"""The known error of an estimate against errors measured."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows, skewed_rows

from quiver import reference
from quiver.encoding import clear_bias, draw_signs
from quiver.params import Encoding
from quiver.reference.codes import Transform
from quiver.reference.error import code_errors, error_scale
from quiver.reference.transform import apply_transform


@pytest.mark.parametrize(("bits", "most"), [(2, 1.1), (4, 1.1), (8, 1.6)])
@pytest.mark.parametrize("make", [normal_rows, skewed_rows])
def test_estimates_are_off_by_as_much_as_is_said(make, bits, most) -> None:
    # With eight bits the rounding of the query is as large as that of the row.
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
    errors, norms = code_errors(codes)
    np.testing.assert_allclose(norms, np.linalg.norm(points, axis=1), rtol=1e-5)
    lengths = np.linalg.norm(targets, axis=1)[:, None]
    off = (reference.distance(codes, asked) - true) / (2 * lengths * errors)
    assert abs(off.mean()) < 0.1
    assert 0.9 < off.std() < most


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_without_a_bias_the_length_of_the_code_tells_about_as_much(bits) -> None:
    vectors = normal_rows(500, 60)
    dim = Encoding(bits=bits).coded_dim(60)
    transform = Transform("euclidean", np.zeros(60, np.float32), draw_signs(dim, 0))
    codes = reference.encode(vectors, transform, bits, "corrected")
    errors, norms = code_errors(codes)
    clear_bias(codes)
    guessed, lengths = code_errors(codes)
    assert 0.9 < np.mean(guessed) / np.mean(errors) < 1.4
    np.testing.assert_allclose(lengths, norms, rtol=0.05)


def test_a_row_in_the_middle_has_no_error() -> None:
    transform = Transform("euclidean", np.zeros(9, np.float32), draw_signs(9, 0))
    zeros = np.zeros((2, 9), np.float32)
    codes = reference.encode(zeros, transform, 2, "corrected")
    errors, norms = code_errors(codes)
    assert errors.tolist() == norms.tolist() == [0, 0]


def test_the_scale_of_a_base_is_that_of_its_rows() -> None:
    vectors = normal_rows(3000, 12) * np.exp(normal_rows(3000, 1, seed=1))
    transform = Transform("euclidean", np.zeros(12, np.float32), draw_signs(12, 0))
    codes = reference.encode(vectors, transform, 4, "corrected")
    errors, norms = code_errors(codes)
    scale = error_scale(codes)
    assert scale.usual == pytest.approx(errors.mean(), rel=0.1)
    assert scale.share == pytest.approx(errors.mean() / norms.mean(), rel=0.02)
    assert 0.98 < (errors <= scale.most).mean() < 1
    alone = error_scale(codes.take(np.array([7])))
    assert alone.usual == alone.most == errors[7]
