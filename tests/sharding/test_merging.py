"""Merging: the k nearest of all shards, by (distance, id), however they tie."""

from __future__ import annotations

import numpy as np
import pytest

from quiver.sharding.merging import merged
from quiver.sharding.messages import Message

FEW = np.array([-np.inf, -2.0, -0.0, 0.0, 1e-45, 2.0, np.inf], dtype=np.float32)


def told(rng, n_queries, width, first_id, values):
    """Return the answer of a shard: ids that no other has, distances in order."""
    counts = rng.integers(0, width + 1, n_queries)
    ids = rng.permuted(
        np.tile(np.arange(first_id, first_id + width), (n_queries, 1)), axis=1
    )
    distances = np.sort(rng.choice(values, (n_queries, width)), axis=1)
    beyond = np.arange(width) >= counts[:, None]
    ids[beyond], distances[beyond] = -1, np.inf
    counters = np.stack([counts, *rng.integers(0, 99, (3, n_queries))])
    return Message("found", {}, (ids, distances, counters))


def expected(answers, row, k):
    pairs = sorted(
        (distance, id_)
        for one in answers
        for id_, distance in zip(one.arrays[0][row], one.arrays[1][row], strict=True)
        if id_ != -1
    )[:k]
    return pairs + [(np.inf, -1)] * (k - len(pairs))


@pytest.mark.parametrize("values", [FEW, np.linspace(-3, 3, 997, dtype=np.float32)])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_the_nearest_of_all_shards_are_ordered_by_distance_and_id(values, k):
    rng = np.random.default_rng(k)
    # Ids of later shards are lower, and some below -1.
    answers = [told(rng, 60, min(k, 9), 20 - 10 * shard, values) for shard in range(5)]
    ids, distances, counters = merged(answers, 60, k)
    for row in range(60):
        assert [*zip(distances[row], ids[row], strict=True)] == expected(
            answers, row, k
        )
    sums = np.sum([one.arrays[2] for one in answers], axis=0)
    np.testing.assert_array_equal(counters[1:], sums[1:])
    np.testing.assert_array_equal(counters[0], np.minimum(sums[0], k))


def test_shards_that_found_nothing_leave_every_place_empty():
    counters = np.zeros((4, 3), dtype=np.int64)
    nothing = np.empty((3, 0), np.int64), np.empty((3, 0), np.float32), counters
    ids, distances, _ = merged([Message("found", {}, nothing)] * 2, 3, 2)
    assert (ids == -1).all()
    assert np.isposinf(distances).all()
