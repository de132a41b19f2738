"""Search from joblib's processes and threads. Usage: joblib_workers.py FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np
from small_index import bounded

import quiver


def search(given: Path | quiver.Index, queries: np.ndarray) -> bytes:
    index = (
        given if isinstance(given, quiver.Index) else quiver.open(given, cold="mmap")
    )
    return index.search(queries, k=3).ids.tobytes()


def main(folder: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(bounded(1000), 32)).astype(np.float32)
    index = quiver.Index.build(vectors)
    path = folder / "index.quiver"
    index.save(path)
    parts = np.array_split(vectors, 8)
    expected = [index.search(part, k=3).ids.tobytes() for part in parts]
    for backend in ("loky", "multiprocessing", "threading"):
        for given in (path, index, quiver.open(path, hot="mmap")):
            with joblib.parallel_backend(backend, n_jobs=2):
                tasks = (joblib.delayed(search)(given, part) for part in parts)
                assert joblib.Parallel()(tasks) == expected
    print("equal")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
