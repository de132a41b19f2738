"""A build on more threads: the same bytes, no more waiting, and a share for each."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.backends import Backend
from quiver.build import Plan, build
from quiver.graph.order import batches
from quiver.parallel.workers import Workers

N, THREADS = 1200, (1, 2, 3, 8)
SHAPE = quiver.BuildParams(max_degree=6, ef_construction=12)


class Map(NamedTuple):
    """One call of `Workers.map`: all threads wait for its end."""

    task: str
    n_rows: int
    n_chunks: int


@pytest.fixture
def maps(monkeypatch: pytest.MonkeyPatch) -> list[Map]:
    """Return the maps of a test, in which every row pays for a thread."""
    monkeypatch.setattr("quiver.parallel.workers.WAKE_WORK", 1)
    monkeypatch.setattr("quiver.graph.order.BATCH_SHARE", 12)
    seen: list[Map] = []
    real = Workers.map

    def recorded(self: Workers, task: Any, n_rows: int, **how: Any) -> list[Any]:
        results = real(self, task, n_rows, **how)
        seen.append(Map(task.__name__, n_rows, len(results)))
        return results

    monkeypatch.setattr(Workers, "map", recorded)
    return seen


def build_on(threads: int, backend: Backend, metric: str) -> quiver.Index:
    plan = Plan(metric, quiver.Encoding(), SHAPE, backend, threads)
    vectors = normal_rows(N, 24)
    return quiver.Index(build(vectors, np.arange(N), plan), backend)


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_more_threads_share_the_work_and_wait_no_more_often(
    maps: list[Map], backend: Backend, metric: str
) -> None:
    if backend.name == "reference":
        pytest.skip("takes a minute for as many rows")
    found, waits = [], []
    for threads in THREADS:
        maps.clear()
        index = build_on(threads, backend, metric)
        arrays = index.codes.rows, index.neighbors, index.transform.mean
        found.append([array.tobytes() for array in arrays])
        waits.append(Counter(one.task for one in maps))
        for one in maps:
            # As many chunks for every thread, and one at least.
            assert one.n_chunks % min(threads, max(1, one.n_rows)) == 0, one
    assert all(other == found[0] for other in found)
    assert all(other == waits[0] for other in waits)


def test_a_batch_waits_twice_and_its_chunks_do_not_outgrow_its_threads(
    maps: list[Map], backend: Backend
) -> None:
    if backend.name == "reference":
        pytest.skip("takes a minute for as many rows")
    sizes = [len(batch) for batch in batches(np.arange(N))][1:]
    for threads in THREADS:
        maps.clear()
        build_on(threads, backend, "euclidean")
        inserted = [one for one in maps if one.task == "insert_chunk"]
        merged = [one for one in maps if one.task == "merge_chunk"]
        assert [one.n_rows for one in inserted] == sizes
        assert [one.n_chunks for one in inserted] == [
            min(threads, size) for size in sizes
        ]
        assert [one.n_chunks for one in merged] == [threads] * len(sizes)
