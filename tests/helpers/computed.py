"""All that quiver computes of a few rows, ordinary, tiny and subnormal, as arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

import quiver

SHAPE = quiver.BuildParams(max_degree=6, ef_construction=12)
METRICS = "cosine", "euclidean", "inner_product"
Named = tuple[str, np.ndarray]


def spread_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """Return float64 rows: a third ordinary, a third tiny, so that their products are
    subnormal as float32, and a third subnormal themselves. One is zero, two are equal.

    The same in whatever mode this thread computes: no number in it was rounded.
    """
    draw = np.random.default_rng(seed).integers(-(2**12), 2**12, (n, dim))
    rows = draw.astype(np.float64) * 2.0**-10
    rows[1::3] *= 2.0**-63
    rows[2::3] *= 2.0**-135
    rows[-1], rows[5] = rows[-2], 0
    return rows


def digest_of_all_words(backend: str, n: int = 60, dim: int = 20) -> str:
    """Return a hash of what every verb that computes returns."""
    found = hashlib.sha256()
    for name, array in arrays_of_all_words(backend, n, dim):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def arrays_of_all_words(backend: str, n: int = 60, dim: int = 20) -> Iterator[Named]:
    """Yield what every verb that computes returns, by name."""
    rows, queries = spread_rows(n, dim), spread_rows(9, dim, seed=1)
    for metric in METRICS:
        how = {"metric": metric, "params": SHAPE, "backend": backend, "threads": 2}
        index = quiver.Index.build(rows[: n // 2], **how)
        index.add(rows[n // 2 :])
        for name, array in [*_parts(index), *_answers(index, queries)]:
            yield f"{metric} {name}", array
        index.remove(np.arange(0, n, 4), consolidate="manual")
        index.consolidate(refit=True)
        for name, array in [*_parts(index), *_answers(index, queries)]:
            yield f"{metric} consolidated {name}", array
        yield f"{metric} truth", quiver.exact_knn(rows, queries, 5, metric=metric)[1]


def _parts(index: quiver.Index) -> Iterator[Named]:
    yield "codes", index.codes.rows
    yield "neighbors", index.neighbors
    yield "mean", index.transform.mean
    yield "drift", np.array(index.drift())
    yield "sound", np.array(index.check(full=True).ok)


def _answers(index: quiver.Index, queries: np.ndarray) -> Iterator[Named]:
    found = index.search(queries, k=5, ef=16, threads=2)
    yield from (("ids", found.ids), ("distances", found.distances))
    yield "one", index.search(queries[0], k=5).distances
    yield "filtered", index.search(queries, k=3, filter=index.ids[::2]).distances
    ball = index.search_radius(queries, found.distances[:, 2])
    yield from (("in a ball", ball.ids), ("how far", ball.distances))
    for number, (_, distances) in enumerate(index.pages(queries[0], size=20)):
        yield f"page {number}", distances
