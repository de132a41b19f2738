"""The sample: rows of the base, none twice, and the same neighbours in every view."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from diagnosed import sample_of
from rows import skewed_rows
from scipy.spatial.distance import cdist

import quiver
from quiver.conformance.hazards import METRICS
from quiver.reference.lanes import squared_norms


def test_a_sample_is_rows_of_the_base_and_no_row_twice() -> None:
    vectors = np.arange(3000, dtype=np.float32).reshape(1000, 3)
    sample = sample_of(vectors)
    assert sample.vectors.shape == (400, 3)
    drawn = np.concatenate([sample.vectors, sample.queries])[:, 0]
    assert len(np.unique(drawn)) == len(drawn) == 600
    assert set(drawn) <= set(vectors[:, 0])


def test_a_small_sample_of_a_large_base_has_no_row_twice() -> None:
    vectors = np.arange(50_000, dtype=np.float32)[:, None]
    drawn = sample_of(vectors, size=3000).vectors[:, 0]
    assert len(np.unique(drawn)) == 3000
    # Uniform: the mean of 3 000 of 50 000 numbers, within five standard errors.
    assert abs(drawn.mean() - 25_000) < 5 * 50_000 / np.sqrt(12 * 3000)


def test_only_rows_drawn_are_read(tmp_path: Path) -> None:
    vectors = skewed_rows(5000, 8)
    drawn = sample_of(vectors)
    kept = set(map(bytes, np.concatenate([drawn.vectors, drawn.queries])))
    for row in vectors:
        if bytes(row) not in kept:
            row[0] = np.nan
    assert np.isnan(vectors).any()
    assert np.array_equal(sample_of(vectors).vectors, drawn.vectors)


@pytest.mark.parametrize("metric", METRICS)
def test_the_euclidean_view_keeps_every_neighbor(metric: str) -> None:
    vectors = skewed_rows(500, 12)
    sample = sample_of(vectors, metric)
    view = sample.euclidean()
    ids, _ = sample.neighbors(10)
    distances = cdist(view.queries, view.vectors)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :10]
    assert np.mean(ids == nearest) > 0.999
    exact, _ = quiver.exact_knn(sample.vectors, sample.queries, 10, metric=metric)
    assert np.array_equal(ids, exact)


def test_squared_norms_agree_with_the_view() -> None:
    view = sample_of(skewed_rows(300, 8), "inner_product").euclidean()
    norms = squared_norms(view.vectors)
    assert np.allclose(norms, norms[0], rtol=1e-5)
