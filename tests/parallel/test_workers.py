"""Threads start only where they pay, once per build, and change no result."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from rows import normal_rows

import quiver
from quiver.backends import Backend, get_backend
from quiver.parallel.workers import (
    START_WORK,
    WAKE_WORK,
    Workers,
    map_chunks,
    useful_threads,
)
from quiver.search import SEARCH_CHUNK

CALLER = threading.main_thread()


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of all pools made during a test."""
    made: list[int] = []

    class Counted(ThreadPoolExecutor):
        def __init__(self, max_workers: int) -> None:
            made.append(max_workers)
            super().__init__(max_workers)

    monkeypatch.setattr("quiver.parallel.workers.ThreadPoolExecutor", Counted)
    return made


def test_a_small_build_starts_no_thread(pools: list[int]) -> None:
    quiver.Index.build(normal_rows(60, 24), threads=16)
    assert pools == []


@pytest.mark.parametrize("metric", ["cosine", "inner_product"])
def test_a_build_has_one_pool_after_that_of_a_look(
    pools: list[int], metric: str
) -> None:
    if get_backend().name == "reference":
        pytest.skip("takes minutes for as many rows")
    params = quiver.BuildParams(max_degree=16, ef_construction=32)
    how = {"metric": metric, "params": params, "encoding": quiver.Encoding()}
    quiver.Index.build(normal_rows(6000, 24), threads=3, **how)
    assert pools == [2, 2], "beside the caller's thread"


def test_a_search_has_a_pool_only_where_its_batch_pays(pools: list[int]) -> None:
    index = quiver.Index.build(normal_rows(200, 24), threads=1)
    index.search(normal_rows(1, 24), threads=8)
    index.search(normal_rows(20, 24), ef=10, threads=8)
    assert pools == []
    index.search(normal_rows(200, 24), ef=64, threads=8)
    assert pools == [7]


@pytest.mark.parametrize("metric", ["cosine", "inner_product"])
def test_builds_and_answers_are_the_same_bytes_where_every_row_pays(
    monkeypatch: pytest.MonkeyPatch, pools: list[int], backend: Backend, metric: str
) -> None:
    monkeypatch.setattr("quiver.parallel.workers.WAKE_WORK", 1)
    monkeypatch.setattr("quiver.parallel.workers.START_WORK", 1)
    monkeypatch.setattr("quiver.graph.order.BATCH_SHARE", 12)
    params = quiver.BuildParams(max_degree=5, ef_construction=9)
    vectors = normal_rows(300 if backend.name == "reference" else 1200, 24)
    how = {"metric": metric, "params": params, "encoding": quiver.Encoding()}
    found = []
    for threads in (1, 2, 5):
        index = quiver.Index.build(
            vectors, backend=backend.name, threads=threads, **how
        )
        result = index.search(vectors[:40], ef=16, threads=threads)
        arrays = index.codes.rows, index.neighbors, result.ids, result.distances
        found.append([array.tobytes() for array in arrays])
    assert found[0] == found[1] == found[2]
    assert pools == [1, 1, 1, 1, 4, 4, 4, 4], (
        "of a copy, a look, a build and a search, with 2 and with 5 threads"
    )


def test_work_too_small_for_two_stays_on_the_caller_s_thread(pools: list[int]) -> None:
    seen = map_chunks(
        lambda *_: threading.current_thread(),
        100,
        chunk_rows=1,
        threads=4,
        row_work=2 * START_WORK // 100,
    )
    assert seen == [CALLER] * 100
    assert pools == []


def test_threads_of_a_build_are_used_for_less_than_those_of_one_call() -> None:
    few, enough = 2, 2 * START_WORK // WAKE_WORK
    with Workers(2) as workers:
        n_chunks = [
            len(workers.map(nothing, rows, chunk_rows=64, row_work=WAKE_WORK))
            for rows in (1, few, enough)
        ]
    assert n_chunks == [1, 2, 2]
    n_chunks = [
        len(map_chunks(nothing, rows, chunk_rows=64, threads=2, row_work=WAKE_WORK))
        for rows in (few, enough - 1, enough)
    ]
    assert n_chunks == [1, 1, 2]


def nothing(*_: int) -> None:
    """Take no time."""


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("n_rows", [0, 1, 2, 7, 64, 65, 130])
def test_chunks_cover_the_rows_in_order_and_evenly(n_rows: int, threads: int) -> None:
    spans = map_chunks(lambda *span: span, n_rows, chunk_rows=64, threads=threads)
    assert [row for span in spans for row in range(*span)] == list(range(n_rows))
    sizes = [stop - start for start, stop in spans]
    assert not sizes or max(sizes) <= min(64, min(sizes) + 1)
    # As many for every thread, so that none waits for the others' last.
    assert len(spans) % min(threads, n_rows or 1) == 0


@pytest.mark.parametrize(
    ("worth", "useful"),
    [(0, 1), (1, 1), (2, 2), (4, 4), (9, 6), (16, 8), (100, 20), (1600, 80)],
)
def test_so_many_threads_take_part_as_finish_soonest(worth: int, useful: int) -> None:
    assert useful_threads(worth * WAKE_WORK, WAKE_WORK) == useful


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("n_queries", [100, 257, 1000])
def test_batches_of_queries_are_shared_out_evenly(n_queries: int, threads: int) -> None:
    how = {"chunk_rows": SEARCH_CHUNK, "threads": threads, "row_work": 64 * 32}
    spans = map_chunks(lambda *span: span, n_queries, **how)
    sizes = [stop - start for start, stop in spans]
    assert sum(sizes) == n_queries
    assert max(sizes) <= min(SEARCH_CHUNK, min(sizes) + 1)
    taking_part = min(threads, useful_threads(n_queries * 64 * 32, START_WORK))
    assert len(sizes) % taking_part == 0
    assert len(sizes) <= max(taking_part, n_queries // 100)


def test_another_thread_takes_chunks_while_the_caller_s_is_busy() -> None:
    met = threading.Barrier(2, timeout=60)

    def meet(*_: int) -> threading.Thread:
        met.wait()
        return threading.current_thread()

    assert len(set(map_chunks(meet, 2, chunk_rows=1, threads=2))) == 2


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_first_error_in_row_order_is_raised_and_what_has_not_begun_is_dropped(
    threads: int,
) -> None:
    begun: list[int] = []
    before = threading.active_count()

    def fail(start: int, _: int) -> None:
        begun.append(start)
        if start >= 5:
            raise ValueError(start)

    with pytest.raises(ValueError, match=r"^5$"):
        map_chunks(fail, 10_000, chunk_rows=1, threads=threads)
    assert len(begun) < 10_000
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_leaves_nothing_for_the_garbage_collector(threads: int) -> None:
    # Large arrays in a frame must be free at once: memory may be what was short.
    held: list[weakref.ref[Held]] = []

    def fail(*_: int) -> None:
        large = Held()
        held.append(weakref.ref(large))
        raise MemoryError

    gc.disable()
    try:
        with pytest.raises(MemoryError):
            map_chunks(fail, 4, chunk_rows=1, threads=threads)
        assert [ref() for ref in held] == [None] * len(held)
    finally:
        gc.enable()


class Held:
    """Something large."""


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_raised_between_chunks_stops_the_work(threads: int) -> None:
    begun: list[int] = []
    interrupted = threading.Event()

    def begin(start: int, _: int) -> None:
        begun.append(start)
        if threading.current_thread() is not CALLER:
            assert interrupted.wait(timeout=60)

    def interrupt() -> None:
        interrupted.set()
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), Workers(threads, interrupt) as workers:
        workers.map(begin, 10_000, chunk_rows=1)
    assert len(begun) < 10_000
    assert threading.active_count() == before


def test_a_task_may_use_the_same_workers() -> None:
    with Workers(2) as workers:

        def sum_of_squares(start: int, stop: int) -> int:
            return sum(
                workers.map(
                    lambda first, last: sum(i * i for i in range(first, last)),
                    stop,
                    chunk_rows=3,
                )
            )

        found = workers.map(sum_of_squares, 20, chunk_rows=1)
    assert found == [sum(i * i for i in range(n)) for n in range(1, 21)]


def test_workers_end_with_their_block() -> None:
    before = threading.active_count()
    with Workers(4) as workers:
        workers.map(lambda *_: None, 100, chunk_rows=1)
        assert threading.active_count() > before
    assert threading.active_count() == before
