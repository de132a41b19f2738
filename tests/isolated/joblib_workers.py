"""Search from joblib's processes and threads. Usage: joblib_workers.py FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np

import quiver


def search(path: Path, queries: np.ndarray) -> bytes:
    return quiver.open(path, cold="mmap").search(queries, k=3).ids.tobytes()


def main(folder: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(1000, 32)).astype(np.float32)
    index = quiver.Index.build(vectors)
    path = folder / "index.quiver"
    index.save(path)
    parts = np.array_split(vectors, 8)
    expected = [index.search(part, k=3).ids.tobytes() for part in parts]
    for backend in ("loky", "multiprocessing", "threading"):
        with joblib.parallel_backend(backend, n_jobs=2):
            found = joblib.Parallel()(joblib.delayed(search)(path, p) for p in parts)
        assert found == expected
    print("equal")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
