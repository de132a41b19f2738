"""Write the golden index files of the format's versions; run once per version.

    python tools/make_golden_files.py tests/data

Files that exist are kept: their bytes are the promise that old files stay readable.
An index as built is written as version 2, one that was changed as version 3.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import quiver
from quiver.storage.header import BUILT_VERSION, FORMAT_VERSION

KINDS = (
    ("corrected-float32", quiver.Encoding(), "inner_product", "float32"),
    ("corrected-float16", quiver.Encoding(), "euclidean", "float16"),
    ("wide-float32", quiver.Encoding(bits=4), "cosine", "float32"),
    ("bytes-float16", quiver.Encoding(bits=8, lines=2), "euclidean", "float16"),
    ("published-float32", quiver.Encoding.paper(), "cosine", "float32"),
    ("unlinked-float32", quiver.Encoding(), "cosine", "float32"),
    ("corrected-uint8", quiver.Encoding(), "euclidean", "uint8"),
    ("wide-int8", quiver.Encoding(bits=4), "inner_product", "int8"),
)
CHANGED_KINDS = (
    ("removed-float32", quiver.Encoding(), "inner_product", "float32"),
    ("removed-float16", quiver.Encoding(bits=4), "euclidean", "float16"),
    ("unlinked-float32", quiver.Encoding(), "cosine", "float32"),
)
SHAPE = quiver.BuildParams(max_degree=6, ef_construction=12)


def main(folder: Path) -> None:
    rng = np.random.default_rng(20)
    for version, kinds in ((BUILT_VERSION, KINDS), (FORMAT_VERSION, CHANGED_KINDS)):
        for kind, encoding, metric, cold_dtype in kinds:
            path = folder / f"golden-v{version}-{kind}.quiver"
            if path.exists():
                print(f"{path} exists and is kept")
                continue
            vectors = draw_vectors(rng, kind, cold_dtype)
            index = quiver.Index.build(
                vectors,
                metric=metric,
                ids=rng.permutation(10_000)[:40],
                params=SHAPE,
                encoding=encoding,
                backend="reference",
            )
            if version == FORMAT_VERSION:
                change(index, draw_vectors(rng, kind, cold_dtype))
            write(path, index, cold_dtype, draw_queries(rng, vectors))
    empty = quiver.Index.create(19, params=SHAPE, backend="reference")
    path = folder / f"golden-v{FORMAT_VERSION}-few-float32.quiver"
    if not path.exists():
        empty.add(rng.normal(size=(7, 19)))
        write(path, empty, "float32", rng.normal(size=(4, 19)).astype(np.float32))


def draw_vectors(rng: np.random.Generator, kind: str, cold_dtype: str) -> np.ndarray:
    vectors = rng.normal(size=(40, 19))
    if cold_dtype in ("uint8", "int8"):
        limits = np.iinfo(cold_dtype)
        vectors = rng.integers(limits.min, limits.max, (40, 19), endpoint=True)
        vectors[:3] = [[0], [limits.min], [limits.max]]
    if kind.startswith("unlinked"):
        vectors[10:13] = vectors[3]
        vectors[20:22] = 0
    return vectors


def draw_queries(rng: np.random.Generator, vectors: np.ndarray) -> np.ndarray:
    queries = rng.normal(size=(4, 19)).astype(np.float32)
    # Where rows are equal, the answer holds some that no walk meets.
    queries[0] = vectors[3]
    return queries


def change(index: quiver.Index, vectors: np.ndarray) -> None:
    """Remove the first of some copies and others, and add rows that repeat ids."""
    removed = index.ids[[3, 7, 10, 20, 30]]
    index.remove(removed, consolidate="manual")
    vectors[:2] = index.get(index.ids[9])
    index.add(vectors[:12], [*removed.tolist(), *range(20_000, 20_007)])


def write(
    path: Path, index: quiver.Index, cold_dtype: str, queries: np.ndarray
) -> None:
    index.save(path, cold_dtype=cold_dtype)
    stored = quiver.open(path, backend="reference")
    result = stored.search(queries, k=5, ef=16)
    np.savez(
        path.with_suffix(".npz"),
        queries=queries,
        ids=result.ids,
        distances=result.distances,
    )
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
