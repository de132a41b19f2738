"""Screening: what a part of a row foretells, and what is dropped by it."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

from quiver._typing import Bits, Metric, Neighbors
from quiver.encoding import fit
from quiver.params import Encoding
from quiver.reference import distance, encode, quantize, search
from quiver.reference.codes import CACHE_LINE, VALUES, Codes, Queries, capacity
from quiver.reference.distance import distance_to_rows, one_query
from quiver.reference.encode import unpack
from quiver.reference.keys import NO_ID, NO_KEY, key_ids
from quiver.reference.screen import (
    SCREEN_SIGMAS,
    least_distances,
    screened,
    spread_factor,
    stops,
)
from quiver.reference.transform import query_transform

ROWS = 400


def coded(
    dim: int, bits: Bits, metric: Metric = "euclidean", n: int = ROWS
) -> tuple[Codes, Queries]:
    """Return rotated rows and queries, four of which are among the rows."""
    vectors = normal_rows(n, dim)
    transform = fit(vectors, metric, Encoding(bits=bits), seed=0)
    codes = encode(vectors, transform, bits, "corrected")
    queries = np.concatenate([vectors[:4] + 0.1, normal_rows(16, dim, seed=1)])
    asked = query_transform(transform, metric)
    return codes, quantize(queries.astype(np.float32), asked, bits)


def full_lists() -> Neighbors:
    """Return 32 random neighbours of every row."""
    order = np.random.default_rng(0).random((ROWS, ROWS)).argsort(axis=1)
    return order[:, :32].astype(np.uint32)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [(1, []), (2, []), (3, []), (4, [2]), (5, [2, 4]), (7, [2, 4]), (9, [2, 4, 8])],
)
def test_rows_may_be_dropped_after_2_4_and_8_lines(
    lines: int, expected: list[int]
) -> None:
    assert list(stops(lines)) == expected


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("lines", [2, 4])
def test_what_is_foretold_is_the_formula_coordinate_by_coordinate(
    bits: Bits, lines: int
) -> None:
    codes, queries = coded(capacity(5, bits) - 3, bits)
    query = one_query(queries, 5)
    n_bytes = codes.packed.shape[1]
    read = [j for j in range(codes.dim) if j % n_bytes < 64 * lines - 8]
    v = query.values[0, :, 8:].reshape(-1)[: codes.dim].astype(int)
    factor, offset = VALUES[bits]
    step, norm2 = query.corrections[0]
    two, one = np.float32(2), np.float32(1)
    foretold = least_distances(codes, query, lines)
    levels = unpack(codes.packed, codes.dim, bits)
    for row in range(0, ROWS, 29):
        scale, bias = codes.corrections[row]
        dot = sum((factor * int(levels[row, j]) - offset) * int(v[j]) for j in read)
        f = np.float32((v * v).sum()) / np.float32((v[read] * v[read]).sum())
        spread = np.sqrt(norm2 * (spread_factor(bits) * (f - one)))
        reach = np.float32(dot) * (two * step * f) + spread
        assert foretold[row] == (norm2 + bias) - scale * reach


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_distance_is_below_what_is_foretold_about_as_often_as_two_errors(
    bits: Bits, metric: Metric
) -> None:
    scaling = "euclidean" if metric == "inner_product" else metric
    codes, queries = coded(capacity(4, bits), bits, scaling)
    if metric == "inner_product":
        codes.corrections[:, 1] = 0
    below = []
    for number in range(len(queries[0])):
        query = one_query(queries, number)
        every = np.arange(ROWS, dtype=np.uint32)
        true = distance_to_rows(codes, query, every)
        below.append(true < least_distances(codes, query, 2))
    # A normal error is beyond two of its own in 2.3 cases of 100.
    assert SCREEN_SIGMAS == 2
    assert 0.01 < np.mean(below) < 0.035


def test_no_bound_drops_nothing_and_reads_all() -> None:
    codes, queries = coded(992, 2)
    every = np.arange(ROWS, dtype=np.uint32)
    query = one_query(queries, 0)
    distances, lines_read = screened(codes, query, every, np.float32(np.inf))
    np.testing.assert_array_equal(distances, distance_to_rows(codes, query, every))
    assert lines_read == 4 * ROWS


def test_rows_dropped_after_two_lines_are_at_infinity_and_read_no_further() -> None:
    codes, queries = coded(992, 2)
    every = np.arange(ROWS, dtype=np.uint32)
    query = one_query(queries, 0)
    true = distance_to_rows(codes, query, every)
    bound = np.sort(true)[9]
    distances, lines_read = screened(codes, query, every, bound)
    is_dropped = least_distances(codes, query, 2) > bound
    np.testing.assert_array_equal(distances, np.where(is_dropped, np.inf, true))
    assert lines_read == 4 * ROWS - 2 * np.count_nonzero(is_dropped)
    assert np.count_nonzero(is_dropped) > ROWS / 2


def test_a_screened_walk_finds_the_same_with_fewer_lines() -> None:
    codes, queries = coded(1760, 2)
    graph = codes, full_lists(), queries, np.zeros(1, np.uint32), 40
    whole, part = search(*graph), search(*graph, screened=True)
    assert (whole.lines_read == 7 * whole.distance_computations).all()
    assert part.lines_read.sum() < 0.9 * whole.lines_read.sum()
    for number in range(len(queries[0])):
        nearest, found = (key_ids(beams.keys[number, :10]) for beams in (whole, part))
        assert len(np.intersect1d(nearest, found)) >= 9


def test_symmetric_distances_are_never_screened() -> None:
    codes, _ = coded(992, 2)
    graph = codes, full_lists(), codes.take(np.arange(4)), np.zeros(1, np.uint32), 9
    for whole, part in zip(search(*graph), search(*graph, screened=True), strict=True):
        np.testing.assert_array_equal(whole, part)


def test_equal_rows_at_the_bound_keep_their_places_by_id() -> None:
    codes, queries = coded(992, 2)
    codes = codes.take(np.zeros(ROWS, dtype=np.intp))
    graph = codes, full_lists(), queries, np.full(1, 7, np.uint32), 5
    beams = search(*graph, screened=True)
    assert (beams.keys != NO_KEY).all()
    assert (distance(codes, queries)[:, :1] == distance(codes, queries)).all()
    assert (key_ids(beams.keys)[0] != NO_ID).all()


def test_lines_are_counted_whole() -> None:
    codes, queries = coded(100, 2)
    beams = search(
        codes, full_lists(), queries, np.zeros(1, np.uint32), 9, screened=True
    )
    lines = codes.rows.shape[1] // CACHE_LINE
    np.testing.assert_array_equal(beams.lines_read, lines * beams.distance_computations)
