"""Walks remember what they saw: exactly, in a base of any size, however much it is.

Compiled walks keep bits or a table of ids; the boundaries between the two, and those at
which a table grows, are crossed here. The base has more rows than get bits, but only a
few of them are written and reached, so that it takes little memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identical import assert_identical
from strategies import rngs

from quiver import reference
from quiver._typing import Ids, Neighbors
from quiver.backends import Backend
from quiver.reference.codes import Codes, aligned_zeros
from quiver.reference.keys import NO_ID, NO_KEY, key_ids
from quiver.reference.masks import make_mask

LARGE, SMALL, WIDTH = (1 << 21) + 33, 40_000, 4
"""Rows of a base with tables, and of one with bits; the first has 65 538 words of them,
so that a table of 65 536 places, half full, is followed by bits."""

EVERYWHERE = np.float32(np.inf)


class Base(NamedTuple):
    codes: Codes
    neighbors: Neighbors

    def write(self, rows: Ids, values: np.ndarray, places: np.ndarray) -> None:
        """Give rows codes of a byte each, and lists: places among the rows, or -1."""
        self.codes.rows[rows, 8] = values
        self.codes.corrections[rows] = (0.5, 1.0)
        self.neighbors[rows] = np.where(places < 0, NO_ID, rows[places])

    def write_chain(self, rows: Ids) -> None:
        """Let every row, all codes equal, lead to the two next."""
        places = np.full((len(rows), WIDTH), -1)
        for step in (1, 2):
            ahead = np.arange(len(rows)) + step
            places[:, step - 1] = np.where(ahead < len(rows), ahead, -1)
        self.write(rows, np.zeros(len(rows)), places)


@pytest.fixture(
    scope="module", params=[SMALL, pytest.param(LARGE, marks=pytest.mark.slow)]
)
def base(request: pytest.FixtureRequest) -> Base:
    n = request.param
    # Untouched, the zeros of both take no memory.
    codes = Codes(aligned_zeros((n, 64), np.uint8), 16, 2, "corrected")
    return Base(codes, np.zeros((n, WIDTH), dtype=np.uint32))


@st.composite
def reached_rows(draw: st.DrawFn) -> tuple[np.random.Generator, int, str]:
    kind = draw(st.sampled_from(["anywhere", "first", "last", "far apart"]))
    return draw(rngs), draw(st.integers(1, 800)), kind


def rows_of(base: Base, kind: str, count: int, rng: np.random.Generator) -> Ids:
    """Return distinct rows in random order."""
    n = base.codes.n_rows
    rows = {
        "anywhere": rng.choice(n, count, replace=False),
        "first": np.arange(count),
        "last": n - 1 - np.arange(count),
        "far apart": np.arange(count) * (n // count),
    }[kind]
    return rng.permutation(rows).astype(np.uint32)


@settings(max_examples=12)
@given(drawn=reached_rows(), ef=st.integers(1, 40), n_values=st.sampled_from([1, 256]))
def test_walks_equal_the_reference_in_a_base_of_any_size(
    backend: Backend,
    base: Base,
    drawn: tuple[np.random.Generator, int, str],
    ef: int,
    n_values: int,
) -> None:
    rng, count, kind = drawn
    rows = rows_of(base, kind, count, rng)
    places = rng.integers(-1, count, (count, WIDTH))
    # No list names a row twice, and none goes on after its end.
    for one in places:
        distinct = np.unique(one[one >= 0])
        one[:] = -1
        one[: len(distinct)] = distinct
    base.write(rows, rng.integers(0, n_values, count), places)
    graph = base.codes, base.neighbors, base.codes.take(rows[:6]), rows[:3], ef
    n_queries = min(6, count)
    allowed = make_mask(rng.random(base.codes.n_rows) < 0.5)[None]
    budget = rng.integers(0, 2 * count, n_queries)
    limits = rng.choice(np.float32([0.3, 1.0, np.inf]), n_queries)
    for method, args, rules in (
        ("search", (), {}),
        ("search", (), {"allowed": allowed}),
        ("search_radius", (limits,), {}),
        ("search_radius", (limits,), {"budget": budget}),
    ):
        actual = getattr(backend, method)(*graph, *args, **rules)
        expected = getattr(reference, method)(*graph, *args, **rules)
        assert_identical(actual, expected, f"{backend.name}.{method}")


@pytest.mark.parametrize("by_rules", [False, True])
@pytest.mark.parametrize("count", [250, 257, 1000, 35_000])
def test_a_walk_sees_every_row_of_a_chain_once(
    backend: Backend, base: Base, count: int, by_rules: bool
) -> None:
    # Of equal distances the lowest id is the nearest, so each step down is progress.
    spread = np.linspace(0, base.codes.n_rows - 1, count).astype(np.uint32)
    rows = spread[::-1].copy()
    base.write_chain(rows)
    queries = base.codes.take(np.repeat(rows[:1], 2))
    budget = np.full(2, count) if by_rules else None
    found = backend.search(
        base.codes, base.neighbors, queries, rows[:1], 1, budget=budget
    )
    assert found.keys.tolist() == [[found.keys[0, 0]]] * 2
    assert key_ids(found.keys).tolist() == [[rows[-1]]] * 2
    assert found.distance_computations.tolist() == [count] * 2


def test_a_long_walk_leaves_no_trace_in_the_next(backend: Backend, base: Base) -> None:
    n = base.codes.n_rows
    rows = np.arange(n - 1, n - 2001, -1, dtype=np.uint32)
    base.write_chain(rows)
    queries = base.codes.take(np.repeat(rows[:1], 9))
    limits = np.where(np.arange(9) % 2, np.float32(-1), EVERYWHERE)
    balls = backend.search_radius(
        base.codes, base.neighbors, queries, rows[:1], 1, limits
    )
    assert np.diff(balls.offsets).tolist() == [2000, 0] * 4 + [2000]
    assert balls.distance_computations.tolist() == [2000] * 9
    assert (np.sort(key_ids(balls.keys[:2000])) == rows[::-1]).all()
    assert (balls.keys != NO_KEY).all()


def test_a_walk_may_see_every_row_there_is(backend: Backend, base: Base) -> None:
    n = base.codes.n_rows
    if backend.name == "reference" and n == LARGE:
        pytest.skip("a million steps in Python take minutes")
    base.write_chain(np.arange(n - 1, -1, -1, dtype=np.uint32))
    queries = base.codes.take(np.array([0]))
    starts = np.array([n - 1], dtype=np.uint32)
    found = backend.search(base.codes, base.neighbors, queries, starts, 1)
    assert found.distance_computations.tolist() == [n]
    assert key_ids(found.keys).tolist() == [[0]]
