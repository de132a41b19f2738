"""The order of a build: where it starts, who follows, and in batches of what size."""

from __future__ import annotations

import numpy as np
import pytest

import quiver
from quiver._typing import Metric
from quiver.conformance import hazards
from quiver.graph.order import (
    batches,
    count_entry_points,
    insertion_order,
    renewed_entry_points,
)
from quiver.params import BuildParams

PAPER = quiver.Encoding.paper()


SMALL = BuildParams(max_degree=6, ef_construction=12)


def test_the_order_is_a_seeded_permutation_with_the_entry_point_first() -> None:
    order = insertion_order(100, 42, seed=5)
    assert order[0] == 42
    assert sorted(order.tolist()) == list(range(100))
    assert (order == insertion_order(100, 42, seed=5)).all()
    assert (order != insertion_order(100, 42, seed=6)).any()


@pytest.mark.parametrize(
    ("n", "count"),
    [
        (0, 0),
        (1, 1),
        (15, 15),
        (16, 16),
        (4623, 16),
        (4624, 17),
        (10**6, 250),
        (10**7, 256),
    ],
)
def test_entry_points_grow_with_the_root_of_the_rows(n: int, count: int) -> None:
    assert count_entry_points(n) == count


def test_new_nodes_fill_up_the_entry_points_and_none_is_given_up() -> None:
    old, new = np.arange(17, dtype=np.uint32), np.arange(17, 9000, dtype=np.uint32)
    vectors = np.zeros((9000, 2), dtype=np.float32)
    for n_nodes, count in ((9000, 23), (100, 17)):
        renewed = renewed_entry_points(
            old, vectors, new, n_nodes, "euclidean", "corrected"
        )
        assert renewed.tolist() == list(range(count))


def test_longer_and_longer_rows_leave_the_drawn_entry_points_in_place() -> None:
    # What was the longest once and is so no more comes after every row that was drawn.
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((6000, 8), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[:8] *= 3
    index = quiver.Index.build(vectors[:5900], metric="inner_product", params=SMALL)
    n_starts = len(index.state.entry_points)
    for length, start in enumerate(range(5900, 5940, 8), 4):
        index.add(length * vectors[start : start + 8])
        starts = index.vectors[index.state.entry_points]
        lengths = np.linalg.norm(starts, axis=1)
        assert len(starts) == n_starts
        # The first entry point is long from the beginning, and stays.
        assert (lengths < 2).sum() == n_starts - 9
        assert (lengths > length - 0.5).sum() == 8
        assert len(index.state.long_entry_points) == 8


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (1, [1]),
        (3, [1, 1, 1]),
        (999, [1] * 999),
        (1000, [1] + [2] * 499 + [1]),
        (4000, [1, 2, 4] + [8] * 499 + [1]),
    ],
)
def test_batches_double_up_to_a_share_of_the_rows(n: int, sizes: list[int]) -> None:
    order = np.arange(n, dtype=np.uint32)
    cut = list(batches(order))
    assert [len(batch) for batch in cut] == sizes
    assert np.concatenate(cut).tolist() == order.tolist()


@pytest.mark.parametrize(
    "encoding", [quiver.Encoding(), PAPER], ids=["default", "paper"]
)
@pytest.mark.parametrize("metric", hazards.METRICS)
def test_the_entry_point_is_the_row_nearest_the_mean(
    metric: Metric, encoding: quiver.Encoding
) -> None:
    rng = np.random.default_rng(8)
    vectors = hazards.make_vectors(rng, 150, 20, ["offset"])
    index = quiver.Index.build(vectors, metric=metric, encoding=encoding, params=SMALL)
    points = vectors.astype(np.float64)
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    if metric == "cosine":
        points /= norms
    elif metric == "inner_product":
        points /= norms**1.5
    to_mean = ((points - points.mean(axis=0)) ** 2).sum(axis=1)
    assert index.entry_point == np.argmin(to_mean)
