"""Moments: the numbers of a known covariance."""

from __future__ import annotations

import numpy as np
import pytest
from diagnosed import sample_of

from quiver.diagnosis.planes import measure_moments


def test_effective_dimension_is_that_of_the_covariance() -> None:
    variances = np.array([9.0, 4.0, 1.0, 0.25])
    points = np.random.default_rng(0).normal(size=(4000, 4)) * np.sqrt(variances)
    moments = measure_moments(sample_of(points + 10, size=3000))
    expected = variances.sum() ** 2 / (variances**2).sum()
    assert moments.effective_dimension == pytest.approx(expected, rel=0.05)
    assert moments.mean_norm == pytest.approx(20 / np.sqrt(400 + 14.25), rel=0.01)
