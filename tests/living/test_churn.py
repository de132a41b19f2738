"""Churn costs no recall: an index whose rows were replaced is as good as a new one."""

from __future__ import annotations

import numpy as np
import pytest
from rows import skewed_rows

import quiver
from quiver._typing import Metric, Vectors
from quiver.conformance.hazards import METRICS

pytestmark = pytest.mark.skipif(
    quiver.get_backend("auto").name == "reference",
    reason="tens of thousands of insertions: hours with the NumPy kernels",
)

N, SHARE, CYCLES, DIM, K = 5000, 500, 10, 48, 10
SHAPE = quiver.BuildParams(max_degree=16, ef_construction=48)
ROWS = skewed_rows(N + CYCLES * SHARE, DIM)
QUERIES = skewed_rows(2000, DIM, seed=1)
MOST_LOST, MOST_COST = 0.005, 1.05


def measured(index: quiver.Index, metric: Metric) -> tuple[float, float]:
    """Return recall@10, ties as hits, and distance computations a query."""
    found = index.search(QUERIES, k=K, ef=32)
    kth = quiver.exact_knn(index.vectors, QUERIES, K, metric=metric)[1][:, -1:]
    recall = float((found.distances <= kth).mean())
    return recall, float(found.stats.distance_computations.mean())


def fresh(index: quiver.Index, metric: Metric) -> quiver.Index:
    rows = np.asarray(index.vectors)
    return quiver.Index.build(
        rows, metric=metric, params=SHAPE, encoding=index.encoding
    )


def leaving(index: quiver.Index, cycle: int, how: str) -> Vectors:
    """Return the ids of a tenth of the rows: any, or those of one region."""
    rng = np.random.default_rng(cycle)
    if how == "any":
        return rng.choice(index.ids, SHARE, replace=False)
    rows = np.asarray(index.vectors)
    distances = np.square(rows - rows[rng.integers(len(rows))]).sum(axis=1)
    return index.ids[np.argsort(distances, kind="stable")[:SHARE]]


@pytest.mark.parametrize("how", ["any", "region"])
@pytest.mark.parametrize("metric", METRICS)
def test_ten_cycles_of_a_tenth_leave_the_recall_and_cost_of_a_fresh_build(
    metric: Metric, how: str
) -> None:
    index = quiver.Index.build(ROWS[:N], metric=metric, params=SHAPE)
    for cycle in range(CYCLES):
        index.remove(leaving(index, cycle, how), consolidate="manual")
        start = N + cycle * SHARE
        index.add(ROWS[start : start + SHARE], consolidate="manual")
        index.consolidate()
    recall, cost = measured(index, metric)
    fresh_recall, fresh_cost = measured(fresh(index, metric), metric)
    assert recall >= fresh_recall - MOST_LOST, (recall, fresh_recall)
    assert cost <= fresh_cost * MOST_COST, (cost, fresh_cost)
    assert index.check(full=True).ok
