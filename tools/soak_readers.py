"""Search beside a writer for some seconds, then prove every answer.

python tools/soak_readers.py [SECONDS] [--metric METRIC] [--readers N]

Readers ask for nearest rows, filtered ones, radii and pages, while a writer with a
journal adds, removes, updates, consolidates and saves. Afterwards the same operations
are carried out on another index that nobody reads, and every answer is asked for again
at its version; then the journaled file is opened once more and compared with it. The
exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import quiver
from quiver._typing import Metric, Vectors

DIM, N_ROWS, MOST_ROWS = 24, 1200, 2400
SHAPE = quiver.BuildParams(max_degree=8, ef_construction=24)
KINDS = (
    *("add", "add", "add", "remove", "remove", "update"),
    *("update", "consolidate", "refit", "save"),
)
"""Operations, as often as each is drawn."""
N_QUERIES = 8
WAIT_SECONDS = 0.0005

Answer = tuple[int, bytes]


class Script:
    """Data, questions and operations, the same whenever they are drawn."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        rng = np.random.default_rng(0)
        self.pool = untidy_rows(rng, 4 * N_ROWS)
        self.queries = rng.normal(size=(N_QUERIES, DIM)).astype(np.float32)
        found = self.start().search(self.queries, k=25)
        self.radii = found.distances[:, -1]
        asks = (self._nearest, self._batch, self._filtered, self._within, self._paged)
        self.questions = [(ask, number) for ask in asks for number in range(N_QUERIES)]

    def start(self) -> quiver.Index:
        """Return the index that all begins with, built anew."""
        how = {"metric": self.metric, "params": SHAPE}
        return quiver.Index.build(self.pool[:N_ROWS], **how)

    def change(self, index: quiver.Index, step: int, path: Path | None) -> str:
        """Carry out one operation; return its name. It saves only where to is said."""
        rng = np.random.default_rng((1, step))
        kind = str(rng.choice(KINDS))
        if kind == "add" and len(index) > MOST_ROWS:
            kind = "remove"
        rows = self.pool[rng.integers(len(self.pool), size=rng.integers(1, 80))]
        ids = rng.choice(index.ids, min(len(rows), len(index) // 2), replace=False)
        mode = {"consolidate": str(rng.choice(["auto", "manual"]))}
        if kind == "add":
            index.add(rows, **mode)
        elif kind == "remove":
            index.remove(ids, **mode)
        elif kind == "update":
            index.update(ids, rows[: len(ids)], **mode)
        elif kind != "save":
            index.consolidate(refit=kind == "refit")
        elif path is not None:
            index.save(path)
        return kind

    def ask(self, index: quiver.Index, question: int) -> Answer:
        """Return the version that answered a question, and a digest of the answer."""
        ask, number = self.questions[question]
        return ask(index, number)

    def _nearest(self, index: quiver.Index, number: int) -> Answer:
        return answer_of(index.search(self.queries[number], k=10))

    def _batch(self, index: quiver.Index, number: int) -> Answer:
        return answer_of(index.search(self.queries, k=3 + number, ef=24, threads=2))

    def _filtered(self, index: quiver.Index, number: int) -> Answer:
        query, few = self.queries[number], range(40 * number, 40 * number + 30)
        some = few if number % 2 else lambda ids: ids % (number + 2) == 0
        return answer_of(index.search(query, k=10, filter=some))

    def _within(self, index: quiver.Index, number: int) -> Answer:
        part = slice(number, number + 1)
        return answer_of(index.search_radius(self.queries[part], self.radii[part]))

    def _paged(self, index: quiver.Index, number: int) -> Answer:
        snapshot = index.snapshot()
        pages = islice(snapshot.pages(self.queries[number], size=40), 5)
        return snapshot.version, digest(*(part for page in pages for part in page))


def untidy_rows(rng: np.random.Generator, n: int) -> Vectors:
    """Return rows with copies, zeros, ties and lengths far apart."""
    rows = rng.normal(size=(n, DIM)).astype(np.float32)
    rows[1::9] *= 20
    rows[::8] = np.round(rows[::8])
    rows[::11] = rows[3]
    rows[::37] = 0
    return rows


def answer_of(found: quiver.SearchResult | quiver.RadiusResult) -> Answer:
    """Return the version of a result and a digest of all it says."""
    stats = found.stats
    costs = stats.hops, stats.distance_computations, stats.reranked
    return found.version, digest(found.ids, found.distances, found.counts, *costs)


def digest(*arrays: Any) -> bytes:
    """Return a short digest of the bytes of arrays."""
    total = blake2b(digest_size=8)
    for array in arrays:
        total.update(np.ascontiguousarray(array))
    return total.digest()


class Readers:
    """Threads that ask and keep what they were told.

    Attributes
    ----------
    answers : dict
        The digest by version and question.
    n_asked : int
        How often was asked, about.
    faults : list of str
        What no reader may see: errors, and two answers of one version.
    """

    def __init__(self, script: Script, index: quiver.Index, n_readers: int) -> None:
        self.script, self.index = script, index
        self.answers: dict[tuple[int, int], bytes] = {}
        self.faults: list[str] = []
        self.n_asked = 0
        self.newest = -1
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(number,))
            for number in range(n_readers)
        ]

    def __enter__(self) -> Readers:
        """Start asking."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop asking."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, version: int) -> None:
        """Return once a version has answered, or something went wrong."""
        while self.newest < version and not self.faults:
            time.sleep(WAIT_SECONDS)

    def _read(self, number: int) -> None:
        n_questions = len(self.script.questions)
        # Every reader begins elsewhere, and all ask everything.
        for turn in count(number * n_questions // len(self._threads)):
            if self._is_over.is_set():
                return
            try:
                self._ask(turn % n_questions)
            except Exception as error:
                self.faults.append(f"question {turn % n_questions}: {error!r}")
                return

    def _ask(self, question: int) -> None:
        version, found = self.script.ask(self.index, question)
        if self.answers.setdefault((version, question), found) != found:
            self.faults.append(f"question {question}: two answers of {version}")
        self.n_asked += 1
        self.newest = max(self.newest, version)


class Outcome(NamedTuple):
    """What was done and found.

    Attributes
    ----------
    steps : dict of str to int
        How often each operation was carried out.
    n_asked, n_distinct, n_versions : int
        Answers, those of a question and a version counted once, and versions read.
    faults : list of str
        Whatever was not as it must be.
    """

    steps: dict[str, int]
    n_asked: int
    n_distinct: int
    n_versions: int
    faults: list[str]


def soak(
    metric: Metric, folder: Path, is_over: Callable[[int], bool], n_readers: int = 8
) -> Outcome:
    """Write beside readers until it is over, told the steps done; prove all answers."""
    script, path = Script(metric), folder / "soak.quiver"
    script.start().save(path)
    index = quiver.open(path, journal=True)
    n_steps = 0
    with Readers(script, index, n_readers) as readers:
        readers.wait_for(0)
        while not (is_over(n_steps) or readers.faults):
            script.change(index, n_steps, path)
            readers.wait_for(index.version)
            n_steps += 1
    # Its journal goes with it, and is opened again below.
    del index, readers.index
    steps, faults = replayed(script, n_steps, readers.answers, path)
    versions = {version for version, _ in readers.answers}
    counts = readers.n_asked, len(readers.answers), len(versions)
    return Outcome(steps, *counts, [*readers.faults, *faults])


def replayed(
    script: Script, n_steps: int, answers: dict[tuple[int, int], bytes], path: Path
) -> tuple[dict[str, int], list[str]]:
    """Repeat the operations alone, and ask everything again at its version."""
    index, steps, faults = script.start(), Counter[str](), []
    asked: dict[int, list[int]] = {}
    for version, question in answers:
        asked.setdefault(version, []).append(question)
    for step in range(n_steps + 1):
        for question in asked.pop(index.version, ()):
            version = index.version
            if script.ask(index, question) != (version, answers[version, question]):
                faults.append(f"question {question}: not the answer of {version}")
        if step < n_steps:
            steps[script.change(index, step, None)] += 1
    faults += [f"version {version} never was" for version in asked]
    again, one = path.with_name("again.quiver"), path.with_name("one.quiver")
    quiver.open(path, journal=True).save(again)
    index.save(one)
    if again.read_bytes() != one.read_bytes():
        faults.append("the file with its journal is another index")
    return dict(steps), faults


def main(arguments: list[str] | None = None) -> int:
    """Soak one metric; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("seconds", nargs="?", type=float, default=300.0)
    parser.add_argument("--metric", default="cosine")
    parser.add_argument("--readers", type=int, default=8)
    options = parser.parse_args(arguments)
    deadline = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(
            options.metric,
            Path(folder),
            lambda _: time.monotonic() > deadline,
            options.readers,
        )
    print(
        f"{options.metric}: {options.readers} readers beside {outcome.steps}: "
        f"{outcome.n_asked} answers of {outcome.n_versions} versions, "
        f"{outcome.n_distinct} of them different questions; "
        f"{len(outcome.faults)} faults"
    )
    print("\n".join(outcome.faults[:20]))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
