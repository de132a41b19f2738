"""Measure what change costs an index, in recall and in distances; print Markdown.

    python tools/measure_change.py FOLDER [ROWS] > docs/measured_change.md

ROWS (80 000) are indexed at a time. FOLDER holds ``minilm`` and ``sift``, each with
base.npy (100 000 rows) and queries.npy. Queries are those and the last rows, which are
in no index. Distances are those that walks and merged lists compute; those inside
pruning are not counted, on either side of a ratio. Deterministic for one NumPy release.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measure_defaults import FILES, read
from numpy.typing import NDArray

import quiver
from quiver._typing import Metric, Vectors
from quiver.backends import Backend
from quiver.graph.reachability import reachable
from quiver.reference.answer import by_words
from quiver.reference.keys import NO_ID

N, CYCLES, EF = 80_000, 20, 64
HELD_OUT, N_QUERIES = 2000, 1000
SMALL_CALLS = (100, 10)
LATE = 0.9

Leaving = Callable[[quiver.Index, int], NDArray[np.int64]]


class Counting:
    """A backend that adds up the distances it is asked for."""

    answer = by_words

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.total = 0

    def __getattr__(self, name: str) -> Any:
        """Return what is not counted from the backend itself."""
        return getattr(self._backend, name)

    def search(self, *args: Any, **rules: Any) -> Any:
        """Walk, and count."""
        beams = self._backend.search(*args, **rules)
        self.total += int(beams.distance_computations.sum())
        return beams

    def scan(self, *args: Any) -> Any:
        """Scan, and count."""
        beams = self._backend.scan(*args)
        self.total += int(beams.distance_computations.sum())
        return beams

    def distance(self, codes: Any, queries: Any, candidates: Any = None) -> Any:
        """Measure, and count."""
        if candidates is not None:
            self.total += int(np.count_nonzero(candidates != NO_ID))
        return self._backend.distance(codes, queries, candidates)

    def spent(self) -> int:
        """Return the distances since this was last asked."""
        total, self.total = self.total, 0
        return total


class Built(NamedTuple):
    """An index, and the distances a row took: any, and one of the last tenth."""

    index: quiver.Index
    cost: float
    late_cost: float


class Run:
    """One data set, its index under a counting backend, and what is printed of it."""

    def __init__(self, name: str, metric: Metric, folder: Path, n: int) -> None:
        self.n, self.share, self.window = n, n // 10, 2 * n // 5
        base, queries = read(folder / name)
        self.name, self.metric, self.base = name, metric, base[:-HELD_OUT]
        self.queries = np.concatenate([queries[:N_QUERIES], base[-HELD_OUT:]])
        self.counting = Counting(quiver.get_backend())

    def build(self, rows: Vectors, ids: NDArray[np.int64] | None = None) -> Built:
        """Return an index over rows and the distances that they took."""
        spent = []

        def note(done: int, total: int) -> None:
            if LATE * total <= done < total:
                spent.append((done, self.counting.total))

        self.counting.spent()
        index = quiver.Index.build(
            rows,
            metric=self.metric,
            ids=ids,
            encoding=quiver.Encoding(),
            backend=self.counting,
            threads=1,
            progress=note,
        )
        n_late, late = np.subtract(spent[-1], spent[0])
        return Built(index, self.counting.spent() / len(rows), late / n_late)

    def quality(self, index: quiver.Index, queries: Vectors | None = None) -> str:
        """Return recall in per cent and distances per query."""
        queries = self.queries if queries is None else queries
        found = index.search(queries, k=10, ef=EF)
        self.counting.spent()
        vectors = np.asarray(index.vectors)
        true = quiver.exact_knn(vectors, queries, 10, metric=self.metric)[1]
        recall = 100 * quiver.recall_at_k(found.distances, true)
        return f"{recall:.2f} ({found.stats.distance_computations.mean():.0f})"

    def print_row(self, *cells: object) -> None:
        """Print a line of a table."""
        print(f"| {self.name} | {' | '.join(map(str, cells))} |", flush=True)


def lost_rows(index: quiver.Index) -> int:
    """Return how many rows no walk could reach."""
    state = index.state
    reached = reachable(state.neighbors, state.entry_point)
    return int((state.is_node & ~reached).sum())


def any_rows(index: quiver.Index, cycle: int) -> NDArray[np.int64]:
    """Return ids drawn from all."""
    return np.random.default_rng(cycle).choice(
        index.ids, len(index) // 10, replace=False
    )


def one_region(index: quiver.Index, cycle: int) -> NDArray[np.int64]:
    """Return the ids nearest to one that is drawn."""
    vectors = np.asarray(index.vectors)
    middle = vectors[np.random.default_rng(cycle).integers(len(vectors))]
    distances = np.square(vectors - middle).sum(axis=1)
    return index.ids[np.argsort(distances, kind="stable")[: len(vectors) // 10]]


def print_cycles(run: Run, word: str, leaving: Leaving) -> None:
    """Replace a tenth of the rows again and again; the last beside a fresh build.

    What leaves comes back when all others had their turn.
    """
    index, cost, _ = run.build(run.base[: run.n])
    waiting = np.arange(run.n, len(run.base))
    add_cost = repair_cost = lost = lost_after = 0
    for cycle in range(CYCLES):
        gone = leaving(index, cycle)
        index.remove(gone, consolidate="manual")
        new, waiting = np.split(np.append(waiting, gone), [run.share])
        index.add(run.base[new], new, consolidate="manual", threads=1)
        add_cost += run.counting.spent()
        lost += lost_rows(index)
        index.consolidate(threads=1)
        repair_cost += run.counting.spent()
        lost_after += lost_rows(index)
    fresh = run.build(np.asarray(index.vectors))
    row_cost = CYCLES * run.share * (cost + fresh.cost) / 2
    run.print_row(
        *(word, run.quality(index), run.quality(fresh.index)),
        *(f"{lost} / {lost_after}", f"{add_cost / row_cost:.2f}"),
        *(f"{fresh.late_cost / fresh.cost:.2f}", f"{repair_cost / row_cost:.2f}"),
    )


def print_additions(run: Run) -> None:
    """Add a tenth of the rows in calls of several sizes, beside a fresh build."""
    fresh, build_cost, _ = run.build(run.base[: run.n + run.share])
    for size in (run.share, *SMALL_CALLS):
        index = run.build(run.base[: run.n]).index
        for start in range(run.n, run.n + run.share, size):
            index.add(run.base[start : start + size], threads=1)
        cost = run.counting.spent() / run.share / build_cost
        lost, before = lost_rows(index), run.quality(index)
        index.consolidate(threads=1)
        after = run.quality(index), run.quality(fresh)
        run.print_row(size, f"{cost:.2f}", lost, before, *after)


def print_window(run: Run) -> None:
    """Slide a window along the first principal axis, a tenth of it at a time."""
    mean = run.base.mean(axis=0)
    axis = np.linalg.svd(run.base[::50] - mean, full_matrices=False)[2][0]
    order = np.argsort((run.base - mean) @ axis, kind="stable")
    first, coming = order[: run.window], order[run.window :]
    index = run.build(run.base[first], ids=first).index
    step = run.window // 10
    for stop in range(step, CYCLES * step + 1, step):
        index.remove(order[stop - step : stop], consolidate="manual")
        rows = coming[stop - step : stop]
        index.add(run.base[rows], rows)
        if stop in (run.window // 2, run.window, 2 * run.window):
            print_drift(run, index, stop / run.window)


def print_drift(run: Run, index: quiver.Index, share: float) -> None:
    """Print the quality of an index, of the same refitted, and of a fresh build."""
    vectors = np.asarray(index.vectors)
    queries = vectors[np.random.default_rng(1).choice(len(vectors), len(run.queries))]
    queries += np.float32(0.1) * vectors[::-1][: len(queries)]
    index = index.snapshot()
    index.consolidate()
    living, drift = run.quality(index, queries), index.drift()
    index.consolidate(refit=True)
    refitted = run.quality(index, queries)
    fresh = run.quality(run.build(vectors).index, queries)
    run.print_row(f"{share:.0%}", f"{drift:.2f}", living, refitted, fresh)


def main() -> None:
    n = int(sys.argv[2]) if len(sys.argv) > 2 else N
    runs = [Run(name, metric, Path(sys.argv[1]), n) for name, metric in FILES]
    print(
        f"Twenty times a tenth of {n} rows removed and as many added, then "
        "consolidated:\n\n"
        "| data | removed | recall@10 in % (distances) | fresh build | out of reach "
        "in all, after additions / consolidated | an addition, in rows of a build | "
        "one of its last rows | a removed row |\n|---|---|---|---|---|---|---|---|"
    )
    for run in runs:
        print_cycles(run, "any", any_rows)
        print_cycles(run, "a region", one_region)
    print(
        f"\n{n // 10} rows added to {n}, in calls of so many:\n\n"
        "| data | rows a call | cost, in rows of a build | out of reach | recall@10 "
        "in % (distances) | consolidated | fresh build |\n|---|---|---|---|---|---|---|"
    )
    for run in runs:
        print_additions(run)
    print(
        f"\nA window of {2 * n // 5} rows that slides along the first principal axis, "
        "a tenth of it at a time:\n\n"
        "| data | rows replaced | drift | recall@10 in % (distances) | refitted | "
        "fresh build |\n|---|---|---|---|---|---|"
    )
    for run in runs:
        print_window(run)


if __name__ == "__main__":
    main()
