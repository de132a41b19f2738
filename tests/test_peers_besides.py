"""What else is asked of peers: filters, a radius, rows that come and go."""

from __future__ import annotations

import numpy as np
import pytest
from peers import besides
from peers.contract import Peer
from peers.data import Task
from peers.ours import Quiver

import quiver

ROWS = np.random.default_rng(3).normal(size=(400, 12)).astype(np.float32)


@pytest.fixture(scope="module", params=["cosine", "euclidean"])
def task(request):
    rows = ROWS
    if request.param == "cosine":
        rows = ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True)
    _, true = quiver.exact_knn(rows[:380], rows[380:], 380, metric=request.param)
    return Task("blobs", request.param, rows[:380], rows[380:], true)


class Exhaustive(Peer):
    """Measures every row, and can do all there is to ask."""

    def __init__(self, task):
        self.metric, self.rows, self.gone = task.metric, task.base, []

    def _nearest(self, queries, k, rows):
        rows = np.setdiff1d(rows, self.gone)
        k = min(k, len(rows))
        ids, _ = quiver.exact_knn(self.rows[rows], queries, k, metric=self.metric)
        return rows[ids]

    def search(self, queries, k, _effort, _threads):
        return self._nearest(queries, k, np.arange(len(self.rows)))

    def search_among(self, queries, k, allowed):
        return [*self._nearest(queries, k, np.flatnonzero(allowed))]

    def search_within(self, queries, radius):
        ids, far = quiver.exact_knn(
            self.rows, queries, len(self.rows), metric=self.metric
        )
        # Twice, and with one that is too far: neither counts.
        return [
            [*own[near <= radius], *own[near <= radius], own[-1]]
            for own, near in zip(ids, far, strict=True)
        ]

    def add(self, vectors):
        self.rows = np.concatenate([self.rows, vectors])

    def remove(self, ids):
        self.gone = ids

    def distances(self):
        return 380.0


class Plain(Exhaustive):
    """Can do nothing besides a search."""

    search_among, search_within = Peer.search_among, Peer.search_within
    add, remove, distances = Peer.add, Peer.remove, Peer.distances


@pytest.fixture
def peers(task):
    return {"all": Exhaustive(task), "plain": Plain(task)}


@pytest.fixture(autouse=True)
def fewer_neighbors(monkeypatch):
    monkeypatch.setattr(besides, "MANY", (10, 100))


def test_who_measures_every_row_finds_them_all(peers, task):
    for found in (besides.many(peers, task), besides.filtered(peers, task)):
        for case, row in found.items():
            assert row["all"][0] == "1.0000", case
            assert row["all"][2] == "380"
    # There may be more within the radius than the truth tells of.
    (row,) = besides.within(peers, task._replace(true=task.true[:, :20])).values()
    assert row["all"][0] == "1.0000"


def test_what_a_library_cannot_do_is_left_out(peers, task):
    assert [*besides.many(peers, task)["10"]] == ["all", "plain"]
    assert all([*row] == ["all"] for row in besides.filtered(peers, task).values())
    assert [*besides.costs_of_removing(peers, task)] == ["all"]


def test_recall_after_a_change_is_of_the_rows_that_are_there(peers, task):
    peers["all"].rows = task.base[:300]
    assert besides.costs_of_adding(peers, task, 300)["all"][0] == "1.0000"
    assert besides.costs_of_removing(peers, task)["all"][0] == "1.0000"
    gone = set(peers["all"].gone)
    assert len(gone) == 38
    assert not gone & set(peers["all"].search(task.queries, 10, 0, 1).ravel())


def test_rows_that_are_not_allowed_are_no_answer():
    allowed = np.array([True, False, True])
    ids = besides.allowed_only(np.array([[0, 1, 2, -1]]), allowed)
    assert ids.tolist() == [[0, -1, 2, -1]]


def test_short_answers_are_filled_and_unused_places_are_no_rows():
    ids = besides.rectangular([[4, 2], []])
    assert ids.shape == (2, besides.K)
    assert ids[0].tolist() == [4, 2] + [-1] * 8
    unused = np.array([[3, 2**64 - 1]], dtype=np.uint64)
    assert besides.rectangular(unused).tolist() == [[3, -1]]


def test_a_table_has_a_line_for_each_case_and_library(peers, task):
    found = besides.many(peers, task)
    lines = besides.as_table("k nearest", found).splitlines()
    assert lines[0] == "| k nearest | library | recall | µs | distances |"
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| 10", "all"],
        ["| 10", "plain"],
        ["| 100", "all"],
        ["| 100", "plain"],
    ]


@pytest.mark.slow
def test_quiver_can_do_everything_that_is_asked(task):
    ours = Quiver("reference", 16, 32)
    ours.build(task.base[:342], task.metric, 1)
    peers = {"quiver": ours}
    assert float(besides.costs_of_adding(peers, task, 342)["quiver"][0]) > 0.99
    for found in (besides.filtered(peers, task), besides.within(peers, task)):
        for row in found.values():
            assert float(row["quiver"][0]) > 0.95
            assert float(row["quiver"][2]) > 0
    assert ours.search(task.queries, 10, ours.default_effort(10), 1).shape == (20, 10)
    assert float(besides.costs_of_removing(peers, task)["quiver"][0]) > 0.99
    assert ours.index.n == 342
