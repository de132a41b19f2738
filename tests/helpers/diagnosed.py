"""Data and samples for the tests of a diagnosis."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.diagnosis.sample import draw_sample

needs_kernels = pytest.mark.skipif(
    quiver.get_backend("auto").name == "reference",
    reason="builds of thousands of rows take minutes with the NumPy kernels",
)


def cloud(n: int) -> np.ndarray:
    """Normal points in so many dimensions that all are about equally far apart."""
    return normal_rows(n, 512)


def sample_of(vectors: np.ndarray, metric: str = "euclidean", **options: int):
    options = {"size": 400, "seed": 3, **options}
    backend = quiver.get_backend("auto")
    every = np.arange(len(vectors))
    return draw_sample(vectors, every, None, metric, backend=backend, **options)
