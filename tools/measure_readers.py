"""Measure what a writer costs those who search beside it; print a Markdown table.

    python tools/measure_readers.py FOLDER > docs/measured_readers.md

FOLDER holds ``minilm`` with base.npy and queries.npy. Every reader is a thread that
asks one query after another. Turns without a writer and beside one alternate, so that
ratios compare the same minutes; the seconds themselves are of one computer.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measure_defaults import read
from numpy.typing import NDArray

import quiver
from quiver._typing import Vectors
from quiver.parallel.processors import count_processors

N_ROWS, BATCH, FEW = 50_000, 500, 50
CASES = ((1, 0.005), (8, 0.005), (8, 0.0005))
"""Readers, and seconds after which a thread that wants the GIL asks for it."""
TURNS, TURN_SECONDS = 4, 5.0
INTRODUCTION = """\
{n_rows:,} sentence embeddings, 384-d, {n_processors} processors, {backend}. A reader is
a thread that asks one query after another, k=10, ef=64; times are those it waits for
one answer, in ms. The writer adds {batch} rows, removes {batch}, updates {few},
consolidates and saves, again and again, with one thread. What sharing the processors
costs is shown by a thread that hashes instead and never holds the GIL. Each is measured
in {turns} turns of {seconds:.0f} seconds, which alternate.
"""


class Span(NamedTuple):
    """What the writer did, from when to when, in seconds."""

    name: str
    start: float
    stop: float


class Answers(NamedTuple):
    """When each answer was asked for and how long it took, in seconds."""

    asked: NDArray[np.float64]
    took: NDArray[np.float64]

    def quantile(self, share: float) -> float:
        """Return so many milliseconds as this share of answers took at most."""
        return 1e3 * float(np.quantile(self.took, share))

    def during(self, spans: list[Span]) -> Answers:
        """Return the answers that were waited for in one of the spans."""
        met = np.zeros(len(self.asked), dtype=bool)
        for span in spans:
            met |= (self.asked < span.stop) & (self.asked + self.took > span.start)
        return Answers(self.asked[met], self.took[met])


class Writer:
    """A thread's worth of changes, one after another."""

    def __init__(self, index: quiver.Index, rows: Vectors, path: Path) -> None:
        self.index, self.path = index, path
        self.starts = cycle(range(0, len(rows) - BATCH, BATCH))
        self.rows = rows
        self.spans: list[Span] = []

    def change(self, is_over: threading.Event) -> None:
        """Change the index until it is over."""
        for name, step in cycle(self.steps()):
            if is_over.is_set():
                return
            start = time.perf_counter()
            step()
            self.spans.append(Span(name, start, time.perf_counter()))

    def steps(self) -> list[tuple[str, Callable[[], object]]]:
        """Return the operations of one round."""
        index, how = self.index, {"consolidate": "manual", "threads": 1}
        return [
            ("add", lambda: index.add(self.new(BATCH), **how)),
            ("remove", lambda: index.remove(index.ids[:BATCH], **how)),
            ("update", lambda: index.update(index.ids[:FEW], self.new(FEW), **how)),
            ("consolidate", lambda: index.consolidate(threads=1)),
            ("save", lambda: index.save(self.path)),
        ]

    def new(self, n_rows: int) -> Vectors:
        """Return rows to come."""
        start = next(self.starts)
        return self.rows[start : start + n_rows]


def hash_on(is_over: threading.Event) -> None:
    """Use a processor without the GIL until it is over."""
    block = bytes(1 << 20)
    while not is_over.is_set():
        sha256(block)


@contextmanager
def threads_of(
    task: Callable[[threading.Event], None], n_threads: int
) -> Iterator[None]:
    """Run a task in so many threads, and tell each when it is over."""
    is_over = threading.Event()
    threads = [threading.Thread(target=task, args=(is_over,)) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def turn(index: quiver.Index, queries: Vectors, n_readers: int) -> Answers:
    """Let readers ask for the seconds of a turn."""
    asked: list[float] = []
    took: list[float] = []

    def read_on(is_over: threading.Event) -> None:
        for query in cycle(queries):
            if is_over.is_set():
                return
            start = time.perf_counter()
            index.search(query, k=10, threads=1)
            stop = time.perf_counter()
            asked.append(start)
            took.append(stop - start)

    with threads_of(read_on, n_readers):
        time.sleep(TURN_SECONDS)
    n_whole = min(len(asked), len(took))
    return Answers(np.array(asked[:n_whole]), np.array(took[:n_whole]))


def joined(parts: list[Answers]) -> Answers:
    """Return all answers as one."""
    return Answers(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))


def measure(
    index: quiver.Index, writer: Writer, queries: Vectors, n_readers: int
) -> dict[str, Answers]:
    """Return the answers beside nothing, a hashing thread, the writer and each step."""
    companions = {"nothing": None, "hashing": hash_on, "the writer": writer.change}
    turns: dict[str, list[Answers]] = {name: [] for name in companions}
    for _ in range(TURNS):
        for name, task in companions.items():
            with threads_of(task, 1) if task else nullcontext():
                turns[name].append(turn(index, queries, n_readers))
    found = {name: joined(parts) for name, parts in turns.items()}
    for name in dict.fromkeys(span.name for span in writer.spans):
        spans = [span for span in writer.spans if span.name == name]
        found[f"… at `{name}`"] = found["the writer"].during(spans)
    return found


def print_case(n_readers: int, interval: float, found: dict[str, Answers]) -> None:
    """Print what readers waited, and as a multiple of what they do beside nothing."""
    alone = found["nothing"]
    for name, answers in found.items():
        if not len(answers.took):
            continue
        times = " | ".join(f"{answers.quantile(q):.2f}" for q in (0.5, 0.99, 0.999))
        ratio = answers.quantile(0.99) / alone.quantile(0.99)
        print(
            f"| {n_readers} | {1e3 * interval:g} ms | {name} | {len(answers.took):,} "
            f"| {times} | {ratio:.2f} |",
            flush=True,
        )


def main() -> None:
    base, queries = read(Path(sys.argv[1]) / "minilm")
    index = quiver.Index.build(base[:N_ROWS], metric="cosine")
    words = {"n_rows": N_ROWS, "batch": BATCH, "few": FEW, "turns": TURNS}
    words |= {"seconds": TURN_SECONDS, "n_processors": count_processors()}
    print(INTRODUCTION.format(**words, backend=index.backend.name))
    print(
        "| readers | switch interval | beside | answers | p50 | p99 | p99.9 | "
        "p99, times that beside nothing |\n|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for n_readers, interval in CASES:
            sys.setswitchinterval(interval)
            writer = Writer(index, base[N_ROWS:], Path(folder) / "measured.quiver")
            found = measure(index, writer, queries, n_readers)
            print_case(n_readers, interval, found)


if __name__ == "__main__":
    main()
