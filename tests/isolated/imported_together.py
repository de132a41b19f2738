"""Import quiver before or after another library and use both.

Usage: imported_together.py LIBRARY ORDER, where ORDER is before or after.
"""

from __future__ import annotations

import importlib
import sys

import numpy as np


def use(library: str, vectors: np.ndarray) -> None:
    module = importlib.import_module(library)
    if library == "sklearn.neighbors":
        module.NearestNeighbors(n_jobs=2).fit(vectors).kneighbors(vectors[:50])
    elif library == "faiss":
        flat = module.IndexFlatL2(vectors.shape[1])
        flat.add(vectors)
        flat.search(vectors[:50], 3)
    else:
        tensor = module.from_numpy(vectors)
        (tensor @ tensor.T).sum()


def main(library: str, order: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(1000, 32)).astype(np.float32)
    if order == "after":
        use(library, vectors)
    import quiver

    index = quiver.Index.build(vectors, metric="euclidean", threads=2)
    use(library, vectors)
    found = index.search(vectors, k=1, threads=2)
    print((found.ids[:, 0] == np.arange(1000)).mean())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
