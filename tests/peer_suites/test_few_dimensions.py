"""What suites of peers ask for where rows have few columns, and at their numbers.

Two bits a coordinate, one coordinate a column, once failed each of these.
"""

from __future__ import annotations

import numpy as np
import pytest
from agreement import recall, uniform_rows
from diagnosed import needs_kernels
from small_index import bounded

import quiver
from quiver._typing import Metric


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dim", [2, 3, 5, 8, 15])
def test_few_columns_lose_no_neighbour_in_fifty(dim: int, metric: Metric) -> None:
    """pynndescent's test_nn_descent_neighbor_accuracy and its angular twin, of five."""
    rows = uniform_rows(bounded(1000), dim)
    index = quiver.Index.build(rows, metric=metric)
    assert recall(index, rows, 10) >= 0.98


@needs_kernels
@pytest.mark.parametrize("dim", [2, 10, 50])
def test_tight_groups_are_told_apart(dim: int) -> None:
    """scikit-learn's test_spectral_embedding has such rows, but fewer."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(20, dim)) * 10
    n = bounded(10_000)
    rows = centers[rng.integers(20, size=n)] + rng.normal(size=(n, dim)) * 2
    rows = rows.astype(np.float32)
    index = quiver.Index.build(rows, metric="euclidean")
    assert recall(index, rows[:500], 15) >= 0.99


@pytest.mark.slow
def test_a_hundred_thousand_rows_of_32_columns() -> None:
    """hnswlib's bindings_test_recall.py, at its M, ef_construction and ef."""
    rows, queries = uniform_rows(bounded(100_000), 32), uniform_rows(100, 32, seed=1)
    shape = quiver.BuildParams(max_degree=32, ef_construction=200)
    index = quiver.Index.build(rows, metric="euclidean", params=shape)
    assert recall(index, queries, 10, ef=200) >= 0.97


@needs_kernels
def test_the_hundred_nearest_of_16_columns_in_a_beam_of_as_many() -> None:
    """hnswlib's bindings_test_replace.py, test_recall_degradation."""
    rows, queries = uniform_rows(bounded(20_000), 16), uniform_rows(200, 16, seed=1)
    shape = quiver.BuildParams(max_degree=32, ef_construction=200)
    index = quiver.Index.build(rows, metric="euclidean", params=shape)
    assert recall(index, queries, 100, ef=100) > 0.98
