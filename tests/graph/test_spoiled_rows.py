"""Spoilt rows: a few odd ones must not cost the others their neighbours."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver._typing import Metric, Vectors
from quiver.conformance.hazards import METRICS

pytestmark = pytest.mark.skipif(
    quiver.get_backend("auto").name == "reference",
    reason="builds of 2 000 rows: minutes with the NumPy kernels",
)

N, DIM, K, EF = 2000, 64, 10, 64
MOST_LOST = 0.02
ROWS, QUERIES = normal_rows(N, DIM), normal_rows(200, DIM, seed=1)

SPOILED = {
    "one row a million times as long": ROWS[:1] * np.float32(1e6),
    "the mean": ROWS.mean(axis=0, keepdims=True),
    "a zero row": np.zeros((1, DIM), dtype=np.float32),
    "a row five hundred times": np.repeat(ROWS[:1], 500, axis=0),
}
SPOILED["all of these"] = np.concatenate(list(SPOILED.values()))


def recall(vectors: Vectors, metric: Metric) -> float:
    """Return recall@10 by distance: ties are as good as each other."""
    index = quiver.Index.build(vectors, metric=metric)
    _, true = quiver.exact_knn(vectors, QUERIES, K, metric=metric)
    found = index.search(QUERIES, k=K, ef=EF)
    return quiver.recall_at_k(found.distances, true)


@cache
def recall_unspoiled(metric: Metric) -> float:
    return recall(ROWS, metric)


@pytest.mark.parametrize("name", SPOILED)
@pytest.mark.parametrize("metric", METRICS)
def test_the_others_are_found_as_before(metric: Metric, name: str) -> None:
    spoiled = recall(np.concatenate([ROWS, SPOILED[name]]), metric)
    assert recall_unspoiled(metric) > 0.9
    assert spoiled >= recall_unspoiled(metric) - MOST_LOST
