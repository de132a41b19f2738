"""What a look sees of groups that a sample thins out."""

from __future__ import annotations

import numpy as np
import pytest
from diagnosed import needs_kernels

import quiver
from quiver.backends.registry import get_backend
from quiver.build import Plan
from quiver.diagnosis import probe, width
from quiver.diagnosis.probe import CROWD_QUERIES, Thinned, crowd_around, thinned
from quiver.diagnosis.width import choose_width
from quiver.params import BuildParams, Encoding


def groups(n: int, dim: int, count: int, spread: float) -> np.ndarray:
    """Return rows in small dense groups that lie far apart."""
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((count, dim), dtype=np.float32)
    noise = rng.standard_normal((n, dim), dtype=np.float32)
    return centers[rng.integers(0, count, n)] + np.float32(spread) * noise


def test_a_crowd_is_the_rows_that_ask_and_the_nearest_of_all() -> None:
    rows = groups(3000, 8, 30, 0.1)
    base = Thinned(rows.__getitem__, np.arange(len(rows)), 8)
    asking = rows[:: len(rows) // CROWD_QUERIES][:CROWD_QUERIES]
    crowd = crowd_around(base, asking, "euclidean", get_backend("auto"))
    assert (crowd[:CROWD_QUERIES] == asking).all()
    _, nearest = quiver.exact_knn(rows, asking, 60, metric="euclidean")
    _, found = quiver.exact_knn(crowd, asking, 60, metric="euclidean")
    assert (found == nearest).all()
    assert len(np.unique(crowd, axis=0)) == len(crowd)


def test_copies_and_zero_rows_are_not_in_a_crowd() -> None:
    rows = groups(600, 4, 2, 0.1)
    rows[100:200], rows[200:300] = rows[0], 0
    base = Thinned(rows.__getitem__, np.arange(len(rows)), 4)
    crowd = crowd_around(base, rows[300:], "cosine", get_backend("auto"))
    assert len(np.unique(crowd, axis=0)) == len(crowd)
    assert crowd.any(axis=1).all()


@pytest.mark.parametrize(
    ("n", "dim", "n_rows"),
    [(16_383, 8, None), (16_384, 8, 16_384), (90_000, 8, 65_536), (90_000, 600, None)],
)
def test_a_crowd_is_looked_for_where_it_is_denser(n, dim, n_rows) -> None:
    base = thinned(np.take, np.arange(n), dim)
    assert (None if base is None else len(base)) == n_rows


def test_a_group_that_a_sample_thins_out_gets_the_bits_it_needs(monkeypatch) -> None:
    # A hundred rows a group, of which a sample has eight.
    rows = groups(4000, 64, 40, 0.01)
    plan = Plan("euclidean", Encoding(), BuildParams(), get_backend("auto"))
    base = Thinned(rows.__getitem__, np.arange(len(rows)), 64)
    narrow, look = choose_width(rows[::12].copy(), plan)
    wide, with_crowd = choose_width(rows[::12].copy(), plan, base)
    assert (narrow.bits, look.tried[-1].share) == (width.narrowest(64).bits, 1.0)
    assert wide.bits > narrow.bits
    assert with_crowd.tried[0].share < width.ENOUGH_OF_CROWD


@needs_kernels
def test_small_dense_groups_are_found_by_default() -> None:
    rows = groups(50_000, 100, 200, 0.02)
    asked = rows[::100]
    index = quiver.Index.build(rows, metric="euclidean")
    true_ids, _ = quiver.exact_knn(rows, asked, 10, metric="euclidean")
    found = index.search(asked, k=10, ef=probe.NEAR)
    # Four bits find 46 % at ef=64.
    assert index.encoding.bits == 8
    assert quiver.recall_by_ids(index.search(asked, k=10).ids, true_ids) > 0.95
    assert quiver.recall_by_ids(found.ids, true_ids) > 0.97
