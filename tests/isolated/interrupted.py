"""Start long work and say when it was interrupted, and that the index still works.

Usage: interrupted.py WHAT BACKEND THREADS, where WHAT is build or search. Prints a
line when the work starts, which is when the parent sends Ctrl-C.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import quiver

N_ROWS = {"reference": 2000}
N_QUERIES = {"reference": 20_000}


def main(what: str, backend: str, threads: int) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(N_ROWS.get(backend, 60_000), 384)).astype(np.float32)
    small = quiver.Index.build(vectors[:50], backend=backend)
    before = small.search(vectors[:5], k=3)
    queries = rng.normal(size=(N_QUERIES.get(backend, 200_000), 384))
    queries = queries.astype(np.float32)
    quiver.Index.build(vectors[:50], backend=backend, threads=threads)
    print("started", flush=True)
    try:
        if what == "build":
            quiver.Index.build(vectors, backend=backend, threads=threads)
        else:
            for _ in range(1000):
                small.search(queries, k=10, ef=50, threads=threads)
    except KeyboardInterrupt:
        print("interrupted", time.time(), flush=True)
        after = small.search(vectors[:5], k=3)
        assert (before.ids == after.ids).all()
        assert (before.distances == after.distances).all()
        again = quiver.Index.build(vectors[:60], backend=backend, threads=threads)
        assert again.check().ok
        print("usable", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
