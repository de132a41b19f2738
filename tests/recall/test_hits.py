"""Hits: what a walk and a scan find, against sets written out query by query."""

from __future__ import annotations

import numpy as np
import pytest
from lossy_index import ROWS, lossy_index

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
