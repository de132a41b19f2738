"""The build against a naive one, and what every graph must be able to promise."""

from __future__ import annotations

import threading

import naive_build
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import hazard_lists, metrics, random_codes, rngs

import quiver
from quiver._typing import Bits, Metric, PruneRule, Weights
from quiver.backends import Backend, get_backend
from quiver.conformance import hazards
from quiver.conformance.cases import KINDS
from quiver.errors import CancelledError
from quiver.graph.order import BATCH_SHARE, batches, insertion_order
from quiver.graph.reachability import SearchTree, degrees, reachable
from quiver.graph.vamana import build_graph
from quiver.parallel.workers import Workers
from quiver.params import BuildParams
from quiver.reference import distance
from quiver.reference.keys import NO_ID

PAPER = quiver.Encoding.paper()
SMALL = BuildParams(max_degree=6, ef_construction=12)


def edge_lists(neighbors: np.ndarray) -> naive_build.Lists:
    return [row[row != NO_ID].tolist() for row in neighbors]


def assert_sound(neighbors: np.ndarray, entry_point: int) -> None:
    """Assert what every search relies on, by plain loops."""
    n = len(neighbors)
    lists = edge_lists(neighbors)
    for node, (row, edges) in enumerate(zip(neighbors, lists, strict=True)):
        assert (row[len(edges) :] == NO_ID).all(), "holes come last only"
        assert node not in edges, "no self-loop"
        assert len(set(edges)) == len(edges), "no edge twice"
        assert all(target < n for target in edges)
    assert naive_build.reached_from(lists, entry_point) == set(range(n))


@pytest.mark.parametrize("share", [BATCH_SHARE, 50, 10])
@pytest.mark.parametrize("rule", ["vamana", "published"])
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
    with Workers(1) as workers:
        neighbors = build_graph(
            backend, codes, 17, params=params, rule=rule, workers=workers
        )
    order = insertion_order(160, 17, params.seed).tolist()
    table, biases = distance(codes, codes).tolist(), codes.corrections[:, 1].tolist()
    largest = max(1, 160 // share)
    expected = naive_build.build(table, biases, order, 5, 14, 1.1, 0.9, rule, largest)
    assert edge_lists(neighbors) == expected


def test_the_order_is_a_seeded_permutation_with_the_entry_point_first() -> None:
    order = insertion_order(100, 42, seed=5)
    assert order[0] == 42
    assert sorted(order.tolist()) == list(range(100))
    assert (order == insertion_order(100, 42, seed=5)).all()
    assert (order != insertion_order(100, 42, seed=6)).any()


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
    index = quiver.Index.build(vectors, metric=metric, encoding=encoding, params=SMALL)
    assert index.neighbors.shape == (n, 6)
    assert index.neighbors.dtype == np.uint32
    assert_sound(index.neighbors, index.entry_point)


@pytest.mark.parametrize("max_degree", [2, 3, 32])
def test_islands_of_duplicates_stay_reachable(max_degree: int) -> None:
    # 300 copies of 4 points: a pruned list holds one copy of each at the most.
    rng = np.random.default_rng(0)
    vectors = hazards.make_vectors(rng, 4, 16, [])[np.arange(300) % 4]
    params = BuildParams(max_degree=max_degree, ef_construction=16)
    index = quiver.Index.build(vectors, metric="euclidean", params=params)
    assert index.neighbors.shape[1] == max_degree
    assert_sound(index.neighbors, index.entry_point)


@given(rng=rngs, n=st.integers(2, 40), width=st.integers(2, 5))
def test_links_reach_every_node_and_lose_none(
    rng: np.random.Generator, n: int, width: int
) -> None:
    neighbors = hazards.make_neighbors(rng, n, width, "random")
    neighbors[neighbors == np.arange(n)[:, None]] = NO_ID
    neighbors.sort(axis=1)
    before = neighbors.copy()
    tree = SearchTree(neighbors, 0)
    n_links = 0
    for node in range(n):
        if not tree.reached[node]:
            tree.link(int(rng.choice(np.flatnonzero(tree.reached))), node)
            n_links += 1
    assert_sound(neighbors, 0)
    assert tree.reached.all()
    assert np.count_nonzero(neighbors != before) == n_links
    unreached = n - len(naive_build.reached_from(edge_lists(before), 0))
    assert n_links <= unreached
    assert bool(n_links) == bool(unreached)


def test_a_full_node_passes_the_link_on_to_its_children() -> None:
    neighbors = np.full((6, 2), NO_ID, dtype=np.uint32)
    neighbors[0] = [2, 1]
    neighbors[2, 0] = 3
    tree = SearchTree(neighbors, 0)
    for node in (4, 5):
        tree.link(0, node)
    # Both edges of 0 are tree edges; of its children 2 comes first and takes one.
    assert edge_lists(neighbors) == [[2, 1], [5], [3, 4], [], [], []]


def test_a_link_replaces_the_last_edge_outside_the_tree() -> None:
    neighbors = np.array([[1, 2, 3], [2, 3, 0], [0, 1, 3], [0, 1, 2], [0, 1, 2]])
    neighbors = neighbors.astype(np.uint32)
    SearchTree(neighbors, 0).link(2, 4)
    assert neighbors[2].tolist() == [0, 1, 4]
    assert_sound(neighbors, 0)


@given(rng=rngs, n=st.integers(1, 30), width=st.integers(1, 4))
def test_reachability_and_degrees_are_those_of_plain_loops(
    rng: np.random.Generator, n: int, width: int
) -> None:
    neighbors = hazards.make_neighbors(rng, n, width, "random")
    lists = edge_lists(neighbors)
    reached = np.flatnonzero(reachable(neighbors, 0)).tolist()
    assert set(reached) == naive_build.reached_from(lists, 0)
    assert degrees(neighbors).tolist() == [len(edges) for edges in lists]


def test_progress_rises_to_the_number_of_rows(backend: Backend) -> None:
    seen: list[tuple[int, int]] = []
    vectors = hazards.make_vectors(np.random.default_rng(1), 130, 9, [])
    quiver.Index.build(
        vectors,
        params=SMALL,
        backend=backend.name,
        progress=lambda done, total: seen.append((done, total)),
    )
    done, totals = zip(*seen, strict=True)
    assert set(totals) == {130}
    assert list(done) == sorted(done)
    assert done[-1] == 130


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("stop_at", [1, 60, 300])
def test_progress_can_cancel(threads: int, stop_at: int) -> None:
    vectors = hazards.make_vectors(np.random.default_rng(2), 300, 9, [])
    calls: list[int] = []

    def refuse(done: int, total: int) -> bool:
        calls.append(done)
        return done < stop_at

    before = threading.active_count()
    with pytest.raises(CancelledError, match=r"cancelled by progress\(\) after \d+ of"):
        quiver.Index.build(vectors, params=SMALL, threads=threads, progress=refuse)
    assert calls[-1] >= stop_at
    assert all(done < stop_at for done in calls[:-1]), "not asked again after False"
    assert threading.active_count() == before, "no thread outlives the build"


@pytest.mark.parametrize("threads", [1, 4])
def test_an_interrupt_leaves_no_thread_and_a_usable_library(threads: int) -> None:
    vectors = hazards.make_vectors(np.random.default_rng(3), 300, 9, [])

    def interrupt(done: int, total: int) -> None:
        if done > 100:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        quiver.Index.build(vectors, params=SMALL, threads=threads, progress=interrupt)
    assert threading.active_count() == before
    index = quiver.Index.build(vectors, params=SMALL, threads=threads)
    assert index.search(vectors[5], k=1).ids.tolist() == [5]


@pytest.mark.parametrize("value", [None, True, 0, 1])
def test_only_false_cancels(value: object) -> None:
    vectors = hazards.make_vectors(np.random.default_rng(4), 20, 9, [])
    index = quiver.Index.build(vectors, params=SMALL, progress=lambda *_: value)
    assert index.n == 20
