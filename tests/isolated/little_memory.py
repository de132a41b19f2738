"""Build, open and search while memory runs out at ever later moments.

Usage: little_memory.py FOLDER BACKEND. Under each limit of the address space the work
either succeeds or raises MemoryError; afterwards all is as before. Prints how often.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

# With threads OpenBLAS ends the process where it gets no memory to start them.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import quiver

ROOMS = [size << 18 for size in (0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96)]
"""Bytes left to each try: from nothing to more than enough."""


def used_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def main(folder: Path, backend: str) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 256)).astype(np.float32)
    params = quiver.BuildParams(max_degree=8, ef_construction=16)
    options = {"params": params, "backend": backend, "threads": 1}
    index = quiver.Index.build(vectors, **options)
    path = folder / "index.quiver"
    index.save(path)
    expected = index.search(vectors, k=3, threads=1)
    content, digest = path.read_bytes(), vectors.tobytes()
    works = {
        "build": lambda: quiver.Index.build(vectors, **options),
        "open": lambda: quiver.open(path, backend=backend),
        "search": lambda: index.search(vectors, k=3, threads=1),
        "check": lambda: index.check(full=True),
        "save": lambda: index.save(path, cold_dtype="float16"),
    }
    unlimited = resource.getrlimit(resource.RLIMIT_AS)
    for name, work in works.items():
        counts = {"done": 0, "MemoryError": 0}
        for room in ROOMS:
            limit = used_bytes() + room
            resource.setrlimit(resource.RLIMIT_AS, (limit, unlimited[1]))
            try:
                work()
                counts["done"] += 1
            except MemoryError:
                counts["MemoryError"] += 1
            finally:
                resource.setrlimit(resource.RLIMIT_AS, unlimited)
            if name == "save" and path.read_bytes() != content:
                index.save(path)
        assert vectors.tobytes() == digest
        assert path.read_bytes() == content
        after = index.search(vectors, k=3, threads=1)
        assert (after.ids == expected.ids).all()
        print(name, counts["done"], counts["MemoryError"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
