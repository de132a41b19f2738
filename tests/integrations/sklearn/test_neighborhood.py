"""Which of tree, scan and graph answers, by the written rule."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from rows import normal_rows

pytest.importorskip("sklearn", reason="needs the extra `sklearn`")

from quiver.integrations.sklearn import neighborhood
from quiver.integrations.sklearn.neighborhood import Neighborhood
from quiver.integrations.sklearn.proposing import (
    MAX_SCANNED,
    MAX_TREE_DIM,
    Effort,
    Graph,
    Scan,
    Tree,
)

EFFORT = Effort(None, 1)


def proposer(rows, metric="euclidean", algorithm="auto"):
    return type(Neighborhood(rows, metric, algorithm, EFFORT).proposer)


@pytest.mark.parametrize("algorithm", ["auto", "exact"])
def test_in_few_dimensions_it_is_a_tree(algorithm):
    rows = normal_rows(20, MAX_TREE_DIM + 1)
    assert proposer(rows[:, :-1], algorithm=algorithm) is Tree
    assert proposer(rows, algorithm=algorithm) is Scan


def test_under_cosine_a_tree_must_have_no_zero_row():
    rows = normal_rows(20, 4)
    assert proposer(rows, "cosine") is Tree
    rows[3] = 0
    assert proposer(rows, "cosine") is Scan
    assert proposer(rows, "euclidean") is Tree


def test_it_is_a_graph_for_many_rows_and_where_it_is_asked_for(monkeypatch):
    assert MAX_SCANNED == 8192
    monkeypatch.setattr(neighborhood, "MAX_SCANNED", 300)
    rows = normal_rows(301, 16)
    assert proposer(rows) is Graph
    assert proposer(rows[:300]) is Scan
    assert proposer(rows, algorithm="exact") is Scan
    assert proposer(rows[:20, :2], algorithm="graph") is Graph


@pytest.mark.parametrize("dim", [3, 16])
def test_queries_are_answered_alike_in_batches_of_any_size(monkeypatch, dim):
    near = Neighborhood(normal_rows(300, dim), "euclidean", "auto", EFFORT)
    whole = near.nearest(None, 5, EFFORT), near.within(None, 2.5, EFFORT)
    monkeypatch.setattr(neighborhood, "_BATCH", 77)
    parts = near.nearest(None, 5, EFFORT), near.within(None, 2.5, EFFORT)
    for ours, theirs in zip(parts, whole, strict=True):
        for array, expected in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(array, expected)


def test_a_pickled_graph_takes_the_kernels_there_are(monkeypatch):
    rows = normal_rows(300, 16)
    graph = Graph.build(rows, "euclidean", EFFORT)
    monkeypatch.setenv("QUIVER_BACKEND", "reference")
    again = pickle.loads(pickle.dumps(graph))
    assert again.index.backend.name == "reference"
    np.testing.assert_array_equal(
        again.nearest(rows[:9], 5, EFFORT), graph.nearest(rows[:9], 5, EFFORT)
    )


@pytest.mark.parametrize("page", ["sklearn", "few-dimensions"])
def test_the_pages_tell_the_rule_that_is_followed(page):
    told = (Path(__file__).parents[3] / "docs" / f"{page}.md").read_text("utf-8")
    assert f"| up to {MAX_TREE_DIM} |" in told
    assert f"| up to {MAX_SCANNED:,} |".replace(",", " ") in told
