"""What one query takes does not grow with the base: nothing is as long as that is."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.backends import Backend
from quiver.reference.codes import aligned_zeros
from quiver.reference.masks import make_mask

N_LINKED, DIM = 300, 16
N = (1 << 21) + 33
MOST_BYTES = 1 << 17
"""Half of a bit for each row."""


def grown(index: quiver.Index, backend: Backend, *, has_removed: bool) -> quiver.Index:
    """Return an index with millions of rows more, which nothing leads to.

    Untouched, their zeros take no memory.
    """
    state = index.state
    rows = aligned_zeros((N, state.codes.rows.shape[1]), np.uint8)
    neighbors = np.zeros((N, state.neighbors.shape[1]), dtype=np.uint32)
    vectors = np.zeros((N, DIM), dtype=np.float32)
    for large, small in (
        (rows, state.codes.rows),
        (neighbors, state.neighbors),
        (vectors, state.vectors),
    ):
        large[:N_LINKED] = small
    is_live = np.ones(N, dtype=bool)
    is_live[:N_LINKED:7] = False
    parts = {
        "codes": state.codes._replace(rows=rows),
        "neighbors": neighbors,
        "vectors": vectors,
        "ids": np.arange(N),
        "live": make_mask(is_live) if has_removed else None,
    }
    return quiver.Index(dataclasses.replace(state, **parts), backend)


ASKED: dict[str, Callable[[quiver.Index, np.ndarray], object]] = {
    "search": lambda index, query: index.search(query, k=5, ef=32),
    "batch": lambda index, query: index.search(query[None], k=5, ef=32, threads=1),
    "pages": lambda index, query: next(index.pages(query, size=5)),
    "search_radius": lambda index, query: index.search_radius(query, 2.0, ef=32),
}


def peak_bytes(call: Callable[[], object]) -> int:
    """Return the most that a call holds at once; the least of a few calls.

    Every call would take what grows with the base, and only some what an import or a
    compiler does beside them.
    """
    peaks = []
    for _ in range(3):
        tracemalloc.start()
        call()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return min(peaks)


@pytest.fixture(scope="module")
def small() -> quiver.Index:
    vectors = normal_rows(N_LINKED, DIM, seed=1)
    # Copies of a row are joined to what a walk finds.
    vectors[200:280] = vectors[3]
    params = quiver.BuildParams(max_degree=8, ef_construction=24)
    return quiver.Index.build(vectors, metric="euclidean", params=params)


@pytest.mark.parametrize("has_removed", [False, True])
@pytest.mark.parametrize("verb", ASKED)
def test_a_query_takes_no_memory_that_grows_with_the_base(
    backend: Backend, small: quiver.Index, verb: str, has_removed: bool
) -> None:
    if backend.name == "reference":
        pytest.skip("the reference is written to be read: it has a bool for each row")
    index = grown(small, backend, has_removed=has_removed)
    ask, query = ASKED[verb], normal_rows(1, DIM, seed=2)[0]
    # What is derived from a state on first use is kept with it.
    ask(index, query)
    assert peak_bytes(lambda: ask(index, query)) < MOST_BYTES


def test_a_filter_made_before_is_not_copied_for_a_query(
    backend: Backend, small: quiver.Index
) -> None:
    if backend.name == "reference":
        pytest.skip("the reference is written to be read: it has a bool for each row")
    index = grown(small, backend, has_removed=True)
    made = index.filter(np.arange(index.n) % 2 == 0)
    query = normal_rows(1, DIM, seed=2)[0]
    index.search(query, k=5, ef=32, filter=made)
    peak = peak_bytes(lambda: index.search(query, k=5, ef=32, filter=made))
    assert peak < MOST_BYTES
