"""Churn costs no recall: an index whose rows were replaced is as good as a new one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rows import skewed_rows

import quiver
from quiver._typing import Metric, Vectors
from quiver.conformance.hazards import METRICS
from quiver.datasets.generators import find_regime, generate
from quiver.graph.reachability import reachable
from quiver.reference.search import Beams

pytestmark = pytest.mark.skipif(
    quiver.get_backend("auto").name == "reference",
    reason="tens of thousands of insertions: hours with the NumPy kernels",
)

N, SHARE, CYCLES, DIM, K = 5000, 500, 10, 48, 10
SHAPE = quiver.BuildParams(max_degree=16, ef_construction=48)
ROWS = skewed_rows(N + CYCLES * SHARE, DIM)
QUERIES = skewed_rows(2000, DIM, seed=1)
MOST_LOST, MOST_COST = 0.005, 1.05
MOST_DEARER = {"any": 1.1, "region": 1.15}
MOST_LOST_AS_PUBLISHED = 0.03


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


def n_lost(index: quiver.Index) -> int:
    """Return how many rows of the graph no walk could reach."""
    state = index.state
    return int((state.is_node & ~reachable(state.neighbors, state.entry_point)).sum())


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
        assert n_lost(index) == 0
    recall, cost = measured(index, metric)
    fresh_recall, fresh_cost = measured(fresh(index, metric), metric)
    assert recall >= fresh_recall - MOST_LOST, (recall, fresh_recall)
    assert cost <= fresh_cost * MOST_COST, (cost, fresh_cost)
    assert index.check(full=True).ok


def test_codes_as_published_keep_the_links_between_clusters() -> None:
    paper = quiver.Encoding.paper()
    rows, queries = generate(find_regime("zipf-clusters"), 3000, 500)
    index = quiver.Index.build(rows[:2000], encoding=paper)
    for start in range(2000, 3000, 200):
        index.remove(np.arange(start - 2000, start - 1800), consolidate="manual")
        index.add(rows[start : start + 200], consolidate="manual")
        index.consolidate()
    anew = quiver.Index.build(np.asarray(index.vectors), encoding=paper)
    kth = quiver.exact_knn(index.vectors, queries, K)[1][:, -1:]
    recall, fresh_recall = (
        float((each.search(queries, k=K, ef=64).distances <= kth).mean())
        for each in (index, anew)
    )
    assert recall >= fresh_recall - MOST_LOST_AS_PUBLISHED, (recall, fresh_recall)


class Counting:
    """A backend that adds up the distances of its walks and scans."""

    def __init__(self) -> None:
        self._backend = quiver.get_backend("auto")
        self.total = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def search(self, *args: Any, **rules: Any) -> Beams:
        beams = self._backend.search(*args, **rules)
        self.total += int(beams.distance_computations.sum())
        return beams

    def scan(self, *args: Any) -> Beams:
        beams = self._backend.scan(*args)
        self.total += int(beams.distance_computations.sum())
        return beams


@pytest.mark.parametrize("how", ["any", "region"])
@pytest.mark.parametrize("metric", METRICS)
def test_removed_rows_make_an_addition_hardly_dearer(metric: Metric, how: str) -> None:
    counting = Counting()
    index = quiver.Index.build(ROWS[:N], metric=metric, params=SHAPE, backend=counting)
    untouched = index.snapshot()
    index.remove(leaving(index, 0, how), consolidate="manual")
    spent = []
    for each in (untouched, index):
        counting.total = 0
        each.add(ROWS[N : N + SHARE], consolidate="manual")
        spent.append(counting.total)
    assert spent[1] <= MOST_DEARER[how] * spent[0], spent
