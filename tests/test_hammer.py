"""Eight threads do the same at once, and each gets the bits that one alone gets.

Readers beside a writer are in tests/living/test_soak.py. Python without a global lock
runs both in `make freethreaded`, ThreadSanitizer in `make sanitize`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from rows import normal_rows
from small_index import PLACES, SCALE, bounded

import quiver
from quiver.conformance.hazards import METRICS
from quiver.integrations.store import Document, DocumentStore, field

N_THREADS, ROUNDS = 8, 2 * SCALE
SHAPE = quiver.BuildParams(max_degree=8, ef_construction=16)


def at_once(work: Callable[[int], Any], n: int = N_THREADS) -> list[Any]:
    """Return what so many threads computed, that began together."""
    gate = threading.Barrier(n)

    def begin(number: int) -> Any:
        gate.wait(60)
        return work(number)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(begin, range(n)))


def bytes_of(*arrays: Any) -> bytes:
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def answers(index: quiver.Index, queries: np.ndarray) -> bytes:
    """Return all that one thread asks."""
    found = index.search(queries, k=5, ef=16, threads=2)
    one = [index.search(query, k=3) for query in queries[:20]]
    some = index.search(queries, k=3, filter=lambda ids: ids % 3 == 0)
    few = index.search(queries[:9], k=3, filter=index.ids[::50])
    ball = index.search_radius(queries[:9], found.distances[:9, 2])
    page, _ = next(index.pages(queries[0], size=20))
    results = found, some, few, ball, *one
    parts = [part for r in results for part in (r.ids, r.distances, r.stats.hops)]
    return bytes_of(*parts, page, index.get(index.ids[::7]), index.drift())


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rows = normal_rows(bounded(1200), 24)
    rows[::40], rows[::33] = rows[1], 0
    return rows


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    return normal_rows(bounded(300), 24, seed=1)


@pytest.mark.parametrize(("place", "metric"), list(zip(PLACES, METRICS, strict=True)))
def test_threads_that_ask_a_fresh_index_first_get_the_same_answers(
    tmp_path, rows, queries, place, metric
):
    path = tmp_path / "index.quiver"
    built = quiver.Index.build(rows, metric=metric, params=SHAPE)
    built.remove(built.ids[::9], consolidate="manual")
    built.save(path)
    expected = answers(quiver.open(path), queries)
    for _ in range(ROUNDS):
        # Anew each time: what a state derives is derived by all of them at once.
        index = quiver.open(path, **PLACES[place])
        found = at_once(lambda _, index=index: answers(index, queries))
        assert found == [expected] * N_THREADS


def test_threads_that_build_at_once_build_the_same(backend, rows):
    some = rows[: 400 if backend.name != "reference" else 40]
    how = {"params": SHAPE, "backend": backend.name}

    def build(threads: int) -> bytes:
        index = quiver.Index.build(some, **how, threads=threads)
        index.add(some[:30] + 1)
        index.consolidate(refit=True)
        return bytes_of(index.codes.rows, index.neighbors, index.transform.mean)

    assert at_once(lambda number: build(1 + number % 3)) == [build(1)] * N_THREADS


def test_one_filter_serves_all_threads(rows, queries):
    index = quiver.Index.build(rows, params=SHAPE)

    def ask(chosen: quiver.Filter) -> bytes:
        found = index.search(queries, k=5, filter=chosen)
        return bytes_of(found.ids, found.distances)

    for step in (2, 60):
        expected = ask(index.filter(index.ids[::step]))
        for _ in range(ROUNDS):
            chosen = index.filter(index.ids[::step])
            found = at_once(lambda _, chosen=chosen: ask(chosen))
            assert found == [expected] * N_THREADS


def test_threads_that_add_to_one_index_lose_no_row(rows):
    n_first, n_new = min(100, len(rows) // 2), min(60, len(rows) // 2)
    index = quiver.Index.build(rows[:n_first], params=SHAPE)

    def add(number: int) -> list[int]:
        new = rows[n_first : n_first + n_new] + number
        return [int(one) for row in new for one in index.add(row[None], threads=1)]

    given = sorted(one for ids in at_once(add) for one in ids)
    assert given == list(range(n_first, n_first + N_THREADS * n_new))
    assert index.version == N_THREADS * n_new
    assert index.check(full=True).ok


def test_a_store_answers_from_whole_versions_while_others_put_and_delete(rows):
    store = DocumentStore(metric="euclidean", backend="auto")
    store.put(Document(f"{n}", f"{n}", {"n": n}, rows[n]) for n in range(60))

    def work(number: int) -> list[str]:
        for turn in range(10):
            if number < 2:
                n = 100 * (1 + number) + turn
                store.put([Document(f"{n}", f"{n}", {"n": n}, rows[turn + 1])])
                if turn % 2:
                    store.delete([f"{n}"])
                continue
            found = store.search(rows[7], 5, where=field("n") < 60)
            assert [one.id for one, _ in found] == expected
        return expected

    expected = [one.id for one, _ in store.search(rows[7], 5, where=field("n") < 60)]
    assert at_once(work) == [expected] * N_THREADS
    assert len(store) == 60 + 10


def test_shards_of_one_process_are_asked_by_all_threads(tmp_path, rows, queries):
    quiver.build_shards(rows, tmp_path / "shards", shards=3, params=SHAPE)
    with quiver.ShardedIndex.open(tmp_path / "shards") as index:

        def ask(_: int) -> bytes:
            found = index.search(queries, k=5, threads=2)
            return bytes_of(found.ids, found.distances)

        assert at_once(ask) == [ask(0)] * N_THREADS
