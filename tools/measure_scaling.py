"""Measure what of a build and of a batch search is serial; tell what cores would give.

QUIVER_DATA=folder python tools/measure_scaling.py

The folder holds ``minilm`` and ``sift``, each ``base.npy`` and ``queries.npy``. CPU
time of one thread, so that other work on the computer hardly matters: what is done
between the chunks that threads would share is serial. The table in docs/benchmarks.md
is this script's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import quiver
from quiver.build import Plan, build
from quiver.parallel.workers import Workers, useful_threads

SETS = {"minilm": "cosine", "sift": "euclidean"}
N_ROWS, K, REPEATS = 100_000, 10, 5
CORES = (1, 2, 4, 8, 16, 64)
EFS, BATCHES = (32, 64, 128), (100, 257, 1000)
BUILD_TURN, SEARCH_TURN = 40e-6, 150e-6
"""Seconds for which a thread that takes part keeps the interpreter, or starts."""


class Work(NamedTuple):
    """CPU seconds of one run on one thread.

    Attributes
    ----------
    whole : float
        All of it.
    shared : list of (float, int, int)
        Of every call of `Workers.map`: seconds in its chunks, its rows, and the most
        threads that would take part.
    """

    whole: float
    shared: list[tuple[float, int, int]]

    @property
    def serial(self) -> float:
        """Seconds outside of all chunks."""
        return self.whole - sum(seconds for seconds, *_ in self.shared)

    def amdahl(self, cores: int) -> float:
        """Return how much faster so many cores are by Amdahl's law alone."""
        return self.whole / (self.serial + (self.whole - self.serial) / cores)

    def modelled(self, cores: int, turn: float) -> float:
        """Return the same, with what each thread costs the others."""
        seconds = self.serial
        for shared, n_rows, useful in self.shared:
            threads = max(1, min(cores, n_rows, useful))
            # The thread with the most rows is waited for.
            share = -(-n_rows // threads) / max(1, n_rows)
            seconds += shared * share + (turn * threads if threads > 1 else 0)
        return self.whole / seconds


@contextmanager
def recorded(shared: list[tuple[float, int, int]], least: int) -> Iterator[None]:
    """Note the seconds in the chunks of every map, which one thread takes."""
    real = Workers.map

    def timed(
        self: Workers, task: Callable[[int, int], Any], n_rows: int, **how: Any
    ) -> list[Any]:
        seconds = 0.0

        def chunk(start: int, stop: int) -> Any:
            nonlocal seconds
            began = time.thread_time()
            try:
                return task(start, stop)
            finally:
                seconds += time.thread_time() - began

        results = real(self, chunk, n_rows, **how)
        row_work = how.get("row_work")
        useful = n_rows
        if row_work is not None:
            useful = useful_threads(row_work * n_rows, least)
        shared.append((seconds, n_rows, useful))
        return results

    Workers.map = timed  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Workers.map = real  # type: ignore[method-assign]


def measured(call: Callable[[], object], least: int) -> Work:
    """Return the work of the quickest of some runs: other work only adds."""
    runs = []
    for _ in range(REPEATS):
        shared: list[tuple[float, int, int]] = []
        with recorded(shared, least):
            began = time.thread_time()
            call()
            runs.append(Work(time.thread_time() - began, shared))
    return min(runs, key=lambda run: run.whole)


def line(name: str, work: Work, turn: float) -> str:
    """Return a row of the table."""
    law = " / ".join(f"{work.amdahl(cores):.1f}" for cores in CORES[1:])
    model = " / ".join(f"{work.modelled(cores, turn):.1f}" for cores in CORES[1:])
    share = work.serial / work.whole
    return f"| {name} | {1000 * work.whole:.1f} | {share:.1%} | {law} | {model} |"


def main() -> None:
    """Print the table."""
    from quiver.parallel.workers import START_WORK, WAKE_WORK

    folder = Path(os.environ["QUIVER_DATA"])
    cores = ", ".join(map(str, CORES[1:]))
    print(f"| work | ms of CPU | serial | Amdahl: {cores} cores | with turns |")
    print("|---|---|---|---|---|")
    for name, metric in SETS.items():
        base = np.load(folder / name / "base.npy", mmap_mode="r")[:N_ROWS]
        vectors = base.astype(np.float32)
        queries = np.load(folder / name / "queries.npy").astype(np.float32)
        backend, ids = quiver.get_backend(), np.arange(len(vectors))
        params = quiver.BuildParams()
        plan = Plan(metric, quiver.Encoding(), params, backend)  # type: ignore[arg-type]
        index = quiver.Index(build(vectors, ids, plan), backend)
        work = measured(lambda: build(vectors, ids, plan), WAKE_WORK)  # noqa: B023
        print(line(f"{name}, build", work, BUILD_TURN))
        whole = {"metric": metric, "threads": 1, "backend": backend}
        work = measured(lambda: quiver.Index.build(vectors, **whole), WAKE_WORK)  # noqa: B023
        print(line(f"{name}, `Index.build`", work, BUILD_TURN))
        for n_queries in BATCHES:
            for ef in EFS:
                asked = queries[:n_queries]
                how = {"k": K, "ef": ef, "threads": 1}
                work = measured(lambda: index.search(asked, **how), START_WORK)  # noqa: B023
                name_of = f"{name}, {n_queries} queries, ef={ef}"
                print(line(name_of, work, SEARCH_TURN))


if __name__ == "__main__":
    main()
