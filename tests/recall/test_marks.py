"""Marks: what is looked up is what would be measured."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.conformance.hazards import METRICS
from quiver.recall.exact import nearest_rows
from quiver.recall.hits import Asked, scan_hits, walk_hits
from quiver.recall.marks import Truth, mark_hits, mark_near
from quiver.reference.keys import NO_ID

K = 4
BACKEND = quiver.get_backend("reference")


def truth_of(rows: np.ndarray, asked: np.ndarray, metric: str, depth: int) -> Truth:
    found = nearest_rows(rows, asked, depth, metric)
    return Truth.of(*found, K, len(rows))


@pytest.mark.parametrize("metric", METRICS)
def test_rows_known_to_be_near_are_those_measured_to_be(metric: str) -> None:
    rows, asked = normal_rows(60, 5), normal_rows(9, 5, seed=1)
    # Rows 0 and 1 are one point, row 2 has no direction.
    rows[1], rows[2] = rows[0], 0
    truth = truth_of(rows, asked, metric, 2 * K)
    assert truth.near is not None
    candidates = np.tile(np.arange(60, dtype=np.uint32), (9, 1))
    candidates[:, -1] = NO_ID
    measured = mark_hits(BACKEND, rows, asked, candidates, truth.kth, metric)
    np.testing.assert_array_equal(mark_near(candidates, truth.near), measured)


@pytest.mark.parametrize("metric", METRICS)
def test_walks_and_scans_look_up_what_they_would_measure(metric: str) -> None:
    rows, asked = np.repeat(normal_rows(80, 6), 2, axis=0), normal_rows(9, 6, seed=1)
    rows[5] = 0
    params = quiver.BuildParams(max_degree=6, ef_construction=12)
    index = quiver.Index.build(rows, metric=metric, params=params, backend=BACKEND)
    truth = truth_of(rows, asked, metric, 2 * K)
    assert truth.near is not None
    measured = Asked(index.state, BACKEND, asked, truth.kth, K, threads=1)
    known = measured._replace(near=truth.near)
    for hits in (lambda one: walk_hits(one, 16).hits, lambda one: scan_hits(one, 16)):
        np.testing.assert_array_equal(hits(known).marks, hits(measured).marks)
        few = hits(known.first(3))
        np.testing.assert_array_equal(few.marks, hits(measured).marks[:3])


def test_too_many_ties_are_not_known() -> None:
    rows, asked = np.ones((30, 3), dtype=np.float32), normal_rows(2, 3)
    assert truth_of(rows, asked, "euclidean", 2 * K).near is None
    whole = truth_of(rows, asked, "euclidean", 30)
    assert whole.near is not None
    assert sorted(whole.near[0].tolist()) == list(range(30))


@pytest.mark.parametrize("metric", METRICS)
def test_kernels_find_the_neighbors_that_numpy_finds(metric: str) -> None:
    rows = np.repeat(normal_rows(150, 33), 2, axis=0)
    rows[7], rows[9] = 0, 1e9
    expected = nearest_rows(rows, rows[:20], 12, metric)
    for info in quiver.list_backends():
        if info.available:
            backend = quiver.get_backend(info.name)
            found = nearest_rows(rows, rows[:20], 12, metric, backend)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)
