"""Hits: what a walk and a scan find, against sets written out query by query."""

from __future__ import annotations

import numpy as np
import pytest
from lossy_index import ROWS, lossy_index
from rows import normal_rows
from spoiled_rows import long_rows

import quiver
from quiver.encoding import encode_queries
from quiver.recall.hits import Asked, scan_hits, walk_hits


@pytest.fixture
def rows() -> np.ndarray:
    return ROWS


def asked(index: quiver.Index, queries: np.ndarray, true: np.ndarray) -> Asked:
    k = true.shape[1]
    return Asked(index.state, index.backend, queries, true[:, -1], k, threads=1)


@pytest.mark.parametrize("encoding", [quiver.Encoding(), quiver.Encoding.paper()])
def test_the_ceiling_ranks_every_row_by_code(
    rows: np.ndarray, encoding: quiver.Encoding
) -> None:
    index = lossy_index(encoding=encoding)
    queries = rows[600:]
    ids, true = quiver.exact_knn(rows[:600], queries, 5)
    scan = scan_hits(asked(index, queries, true), 16)
    distances = index.backend.distance(
        index.codes, encode_queries(index.state, index.backend, queries)
    )
    for number, row in enumerate(distances):
        best = sorted(range(600), key=lambda id: (row[id], id))[:16]
        expected = [id in set(ids[number].tolist()) for id in best]
        assert scan.marks[number].tolist() == expected


def test_a_walk_marks_its_beam_in_code_order(rows: np.ndarray) -> None:
    index = lossy_index()
    queries = rows[600:]
    ids, true = quiver.exact_knn(rows[:600], queries, 5)
    walk = walk_hits(asked(index, queries, true), 12)
    for depth in (5, 7, 12):
        found = index.search(queries, k=5, ef=12, n_rerank=depth).ids
        shares = [
            len(set(a) & set(b)) / 5
            for a, b in zip(found.tolist(), ids.tolist(), strict=True)
        ]
        assert walk.hits.shares(depth).tolist() == pytest.approx(shares)


def test_long_rows_are_hits_at_every_depth_under_inner_product() -> None:
    base, queries = long_rows(600, 24), normal_rows(40, 24, seed=8)
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    index = quiver.Index.build(
        base, metric="inner_product", params=params, encoding=quiver.Encoding()
    )
    true = quiver.exact_knn(base, queries, 5, metric="inner_product")[1]
    walk = walk_hits(asked(index, queries, true), 12)
    assert walk.hits.always.any(axis=1).all()
    for depth in (5, 7, 12):
        found = index.search(queries, k=5, ef=12, n_rerank=depth).distances
        shares = (found <= true[:, -1:]).mean(axis=1)
        assert walk.hits.shares(depth).tolist() == pytest.approx(shares.tolist())
    # The long rows are found by the scan as by the walk, or a graph would beat it.
    scan = scan_hits(asked(index, queries, true), 12)
    assert scan.shares(5).mean() >= walk.hits.shares(5).mean()
