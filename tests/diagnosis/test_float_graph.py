"""The float graph: a plain graph search, checked against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows
from scipy.spatial.distance import cdist

import quiver
from quiver.diagnosis.float_graph import build_float_graph, measure_float_graph
from quiver.diagnosis.sample import draw_sample, squared_distances

PARAMS = quiver.BuildParams(max_degree=6, ef_construction=12, alpha=1.2)


def prune_in_loops(table: np.ndarray, row: int, candidates: list[int]) -> list[int]:
    kept: list[int] = []
    for one in sorted(candidates, key=lambda other: (table[row, other], other)):
        covered = any(PARAMS.alpha * table[k, one] <= table[row, one] for k in kept)
        if len(kept) < PARAMS.max_degree and not covered:
            kept.append(one)
    return kept


def test_edges_are_those_of_plain_loops() -> None:
    base = normal_rows(90, 4).astype(np.float64)
    table = squared_distances(base, base)
    width = PARAMS.ef_construction
    chosen = [
        prune_in_loops(table, row, np.argsort(table[row, :row])[:width].tolist())
        for row in range(90)
    ]
    for row, found in enumerate(build_float_graph(base, PARAMS)):
        choosers = [other for other in range(90) if row in chosen[other]]
        choosers.sort(key=lambda other: table[row, other])
        expected = prune_in_loops(table, row, chosen[row] + choosers[:width])
        assert found[found < 90].tolist() == expected


def test_squared_distances_are_those_of_the_definition() -> None:
    queries, base = normal_rows(7, 5), normal_rows(20, 5, seed=1) + 1000
    expected = cdist(queries, base, "sqeuclidean")
    assert np.allclose(squared_distances(queries, base), expected, rtol=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_a_beam_as_wide_as_the_base_finds_every_neighbor(metric: str) -> None:
    backend = quiver.get_backend("auto")
    sample = draw_sample(
        normal_rows(300, 8),
        np.arange(300),
        normal_rows(20, 8),
        metric,
        size=300,
        seed=0,
        backend=backend,
    )
    found = measure_float_graph(sample, 10, quiver.BuildParams(), (16, 300))
    assert found[300].shares(300).mean() == 1.0
    assert 0.5 < found[16].shares(16).mean() <= 1.0
    # The beam is sorted, so the true neighbours found come first.
    assert np.array_equal(found[300].marks, np.arange(300) < np.full((20, 1), 10))


def test_a_float_graph_over_equal_rows_is_no_error() -> None:
    backend = quiver.get_backend("auto")
    rows = np.zeros((150, 4), dtype=np.float32)
    sample = draw_sample(
        *(rows, np.arange(150), rows[:9], "cosine"), size=150, seed=0, backend=backend
    )
    found = measure_float_graph(sample, 10, quiver.BuildParams(), (32,))
    assert found[32].marks[:, 0].all()
