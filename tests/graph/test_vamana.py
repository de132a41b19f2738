"""The build against a naive one, and what every graph must be able to promise."""

from __future__ import annotations

import naive_build
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_graph import assert_sound, edge_lists
from strategies import (
    hazard_lists,
    metrics,
    random_codes,
    rngs,
    told_of_tiny_squares,
)

import quiver
from quiver._typing import Bits, Metric, PruneRule, Weights
from quiver.backends import get_backend
from quiver.conformance import hazards
from quiver.conformance.cases import KINDS
from quiver.graph.order import BATCH_SHARE, insertion_order
from quiver.graph.vamana import build_graph
from quiver.parallel.workers import Workers
from quiver.params import BuildParams
from quiver.reference import distance

PAPER = quiver.Encoding.paper()
SMALL = BuildParams(max_degree=6, ef_construction=12)


@pytest.mark.parametrize("share", [BATCH_SHARE, 50, 10])
@pytest.mark.parametrize("rule", ["vamana", "strict_first", "published"])
@pytest.mark.parametrize(("bits", "weights"), KINDS)
def test_the_graph_is_that_of_the_naive_build(
    monkeypatch: pytest.MonkeyPatch,
    bits: Bits,
    weights: Weights,
    rule: PruneRule,
    share: int,
) -> None:
    # At this size the real share makes batches of one; larger ones must be right too.
    monkeypatch.setattr("quiver.graph.order.BATCH_SHARE", share)
    codes = random_codes(np.random.default_rng(bits), 160, 33, bits, weights)
    params = BuildParams(max_degree=5, ef_construction=14, alpha=1.1, beta=0.9, seed=3)
    backend = get_backend("reference")
    order = insertion_order(160, 17, params.seed)
    with Workers(1) as workers:
        neighbors = build_graph(
            backend, codes, order, params=params, rule=rule, workers=workers
        )
    table, biases = distance(codes, codes).tolist(), codes.corrections[:, 1].tolist()
    largest = max(1, 160 // share)
    n_entry_points = 1 if rule == "published" else 16
    expected = naive_build.build(
        *(table, biases, order.tolist(), 5, 14, 1.1, 0.9),
        *(rule, largest, n_entry_points),
    )
    assert edge_lists(neighbors) == expected


@given(
    rng=rngs,
    names=hazard_lists,
    metric=metrics,
    n=st.sampled_from([1, 2, 3, 6, 7, 8, 40]),
    dim=st.sampled_from([1, 2, 33]),
    paper=st.booleans(),
)
def test_every_graph_is_sound_whatever_the_vectors(
    rng: np.random.Generator,
    names: list[str],
    metric: Metric,
    n: int,
    dim: int,
    paper: bool,
) -> None:
    vectors = hazards.make_vectors(rng, n, dim, names)
    vectors = np.clip(vectors, -1e15, 1e15)
    encoding = PAPER if paper else quiver.Encoding()
    with told_of_tiny_squares(names, metric):
        index = quiver.Index.build(
            vectors, metric=metric, encoding=encoding, params=SMALL
        )
    assert index.neighbors.shape == (n, 6)
    assert index.neighbors.dtype == np.uint32
    assert_sound(index.neighbors, index.entry_point, index.state.unlinked[:, 1])


@pytest.mark.parametrize("max_degree", [2, 3, 32])
def test_islands_of_equal_codes_stay_reachable(max_degree: int) -> None:
    # 300 rows that differ from one of 4 points by less than a code can tell: a pruned
    # list holds one of each at the most.
    rng = np.random.default_rng(0)
    vectors = hazards.make_vectors(rng, 4, 16, [])[np.arange(300) % 4]
    vectors += rng.normal(scale=1e-6, size=vectors.shape).astype(np.float32)
    params = BuildParams(max_degree=max_degree, ef_construction=16)
    index = quiver.Index.build(
        vectors, metric="euclidean", params=params, encoding=quiver.Encoding()
    )
    assert not len(index.state.unlinked)
    assert index.neighbors.shape[1] == max_degree
    assert_sound(index.neighbors, index.entry_point)
