"""Fidelity: a ranking of every row by code, against rankings written out."""

from __future__ import annotations

import numpy as np
import pytest
from diagnosed import needs_kernels, sample_of
from rows import skewed_rows
from scipy.spatial.distance import cdist

import quiver
from quiver.diagnosis.fidelity import DEPTHS, measure_fidelity
from quiver.encoding import encode_queries
from quiver.recall.hits import Asked, scan_hits
from quiver.recall.marks import Truth


@needs_kernels
def test_fidelity_is_a_ranking_of_every_row_by_code() -> None:
    sample = sample_of(skewed_rows(600, 20))
    ids, kth = sample.neighbors(10)
    rows = [
        row
        for part, _ in measure_fidelity(sample, Truth(kth[:, -1]), 10, 0, 1, 2)
        for row in part
    ]
    names = [(row.transform, row.distance) for row in rows]
    assert len(set(names)) == len(rows) == 16
    backend = sample.backend
    for row in rows:
        if row.encoding is None or row.transform != "plain":
            continue
        index = quiver.Index.build(
            sample.vectors, metric="euclidean", encoding=row.encoding
        )
        distances = backend.distance(
            index.codes, encode_queries(index.state, index.backend, sample.queries)
        )
        for depth, share in zip(DEPTHS, row.shares, strict=True):
            best = np.argsort(distances, axis=1, kind="stable")[:, :depth]
            hits = [len(set(a) & set(b)) for a, b in zip(best, ids, strict=True)]
            assert share == pytest.approx(np.mean(hits) / 10)


def test_hamming_counts_differing_planes() -> None:
    sample = sample_of(skewed_rows(500, 20))
    _, kth = sample.neighbors(10)
    (rows, _), *_ = measure_fidelity(sample, Truth(kth[:, -1]), 10, 0, 1, 2)
    hamming = next(row for row in rows if row.distance == "hamming")
    published = quiver.Encoding(weights="published", query="symmetric")
    transform = quiver.encoding.fit(sample.vectors, "euclidean", published, 0)
    from quiver.reference.transform import apply_transform

    base, asked = (
        apply_transform(x, transform) for x in (sample.vectors, sample.queries)
    )
    planes = [
        np.hstack([x > 0, np.abs(x) > np.abs(x).mean(axis=1, keepdims=True)])
        for x in (base, asked)
    ]
    distances = cdist(planes[1], planes[0], "cityblock")
    best = np.argsort(distances, axis=1, kind="stable")[:, :64]
    exact = cdist(sample.queries, sample.vectors)
    near = np.argsort(exact, axis=1)[:, :10]
    hits = [len(set(a) & set(b)) for a, b in zip(best, near, strict=True)]
    assert hamming.shares[2] == pytest.approx(np.mean(hits) / 10)


def test_fidelity_under_inner_product_is_that_of_the_codes_searched() -> None:
    sample = sample_of(skewed_rows(400, 20), "inner_product")
    _, kth = sample.neighbors(10)
    (rows, _), *_ = measure_fidelity(sample, Truth(kth[:, -1]), 10, 0, 1, 2)
    index = quiver.Index.build(
        sample.vectors, metric="inner_product", encoding=quiver.Encoding()
    )
    asked = Asked(index.state, index.backend, sample.queries, kth[:, -1], 10, 1)
    hits = scan_hits(asked, DEPTHS[-1])
    expected = [hits.shares(depth).mean() for depth in DEPTHS]
    assert rows[0].shares == pytest.approx(expected)
