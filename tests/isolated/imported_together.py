"""Import quiver before or after another library, and use both, in children too.

Usage: imported_together.py LIBRARY ORDER, where ORDER is before or after. Prints the
recall of a search, how many threads more there were while quiver worked and after it
had, and how many children, forked and spawned, gave the same answers.
"""

from __future__ import annotations

import importlib
import multiprocessing
import sys
import time
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np

N_ROWS, THREADS = 1000, 2


def use(library: str, vectors: np.ndarray) -> None:
    module = importlib.import_module(library)
    if library == "sklearn.neighbors":
        module.NearestNeighbors(n_jobs=2).fit(vectors).kneighbors(vectors[:50])
        importlib.import_module("sklearn.cluster").KMeans(3).fit(vectors)
    elif library == "faiss":
        flat = module.IndexFlatL2(vectors.shape[1])
        flat.add(vectors)
        flat.search(vectors[:50], 3)
    else:
        tensor = module.from_numpy(vectors)
        (tensor @ tensor.T).sum()


def count_threads() -> int:
    """Return the threads of this process; 0 where nothing tells."""
    tasks = Path("/proc/self/task")
    return len([*tasks.iterdir()]) if tasks.exists() else 0


def count_when_ended(before: int) -> int:
    """Return the threads of this process, once those that have ended are gone."""
    deadline = time.monotonic() + 10
    # The system counts a thread for a moment after it was joined.
    while count_threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    return count_threads()


def work(vectors: np.ndarray, seen: list[int]) -> np.ndarray:
    """Build and search; note how many threads there are meanwhile."""

    def look(*_: object) -> None:
        seen.append(count_threads())

    build = importlib.import_module("quiver").Index.build
    index = build(vectors, metric="euclidean", threads=THREADS, progress=look)
    index.search(vectors, k=1, threads=THREADS, filter=lambda ids: look() or ids >= 0)
    return index.search(vectors, k=1, threads=THREADS).ids[:, 0]


def child(vectors: np.ndarray, answers: SimpleQueue) -> None:
    answers.put(work(vectors, []).tobytes())


def children(vectors: np.ndarray, expected: bytes) -> int:
    """Return how many children answered as their parent did."""
    n_equal = 0
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        answers = context.SimpleQueue()
        process = context.Process(target=child, args=(vectors, answers))
        process.start()
        process.join(timeout=100)
        n_equal += process.exitcode == 0 and answers.get() == expected
    return n_equal


def main(library: str, order: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(N_ROWS, 32)).astype(np.float32)
    if order == "before":
        importlib.import_module("quiver")
    use(library, vectors)
    before, seen = count_threads(), []
    found = work(vectors, seen)
    after = count_when_ended(before)
    use(library, vectors)
    again = work(vectors, [])
    recall = (found == np.arange(N_ROWS)).mean()
    n_equal = children(vectors, found.tobytes())
    assert (again == found).all()
    # Not the most, which may count one that has ended.
    meanwhile = sorted(seen)[len(seen) // 2]
    print(recall, meanwhile - before, after - before, n_equal)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
