"""A build: its progress is told, and whoever stops it leaves nothing behind."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import quiver
from quiver.backends import Backend
from quiver.conformance import hazards
from quiver.errors import CancelledError
from quiver.params import BuildParams

SMALL = BuildParams(max_degree=6, ef_construction=12)


def test_progress_rises_to_the_number_of_rows(backend: Backend) -> None:
    seen: list[tuple[int, int]] = []
    vectors = hazards.make_vectors(np.random.default_rng(1), 130, 9, [])
    quiver.Index.build(
        vectors,
        params=SMALL,
        backend=backend.name,
        progress=lambda done, total: seen.append((done, total)),
    )
    done, totals = zip(*seen, strict=True)
    assert set(totals) == {130}
    assert list(done) == sorted(done)
    assert done[-1] == 130


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("stop_at", [1, 60, 300])
def test_progress_can_cancel(threads: int, stop_at: int) -> None:
    vectors = hazards.make_vectors(np.random.default_rng(2), 300, 9, [])
    calls: list[int] = []

    def refuse(done: int, total: int) -> bool:
        calls.append(done)
        return done < stop_at

    before = threading.active_count()
    with pytest.raises(CancelledError, match=r"cancelled by progress\(\) after \d+ of"):
        quiver.Index.build(vectors, params=SMALL, threads=threads, progress=refuse)
    assert calls[-1] >= stop_at
    assert all(done < stop_at for done in calls[:-1]), "not asked again after False"
    assert threading.active_count() == before, "no thread outlives the build"


@pytest.mark.parametrize("threads", [1, 4])
def test_an_interrupt_leaves_no_thread_and_a_usable_library(threads: int) -> None:
    vectors = hazards.make_vectors(np.random.default_rng(3), 300, 9, [])

    def interrupt(done: int, total: int) -> None:
        if done > 100:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        quiver.Index.build(vectors, params=SMALL, threads=threads, progress=interrupt)
    assert threading.active_count() == before
    index = quiver.Index.build(vectors, params=SMALL, threads=threads)
    assert index.search(vectors[5], k=1).ids.tolist() == [5]


@pytest.mark.parametrize("value", [None, True, 0, 1])
def test_only_false_cancels(value: object) -> None:
    vectors = hazards.make_vectors(np.random.default_rng(4), 20, 9, [])
    index = quiver.Index.build(vectors, params=SMALL, progress=lambda *_: value)
    assert index.n == 20
