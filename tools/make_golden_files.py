"""Write the golden index files of a format version; run once per version.

    python tools/make_golden_files.py tests/data

Files that exist are kept: their bytes are the promise that old files stay readable.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import quiver
from quiver.storage.layout import FORMAT_VERSION

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


def main(folder: Path) -> None:
    rng = np.random.default_rng(20)
    for kind, encoding, metric, cold_dtype in KINDS:
        path = folder / f"golden-v{FORMAT_VERSION}-{kind}.quiver"
        if path.exists():
            print(f"{path} exists and is kept")
            continue
        vectors = rng.normal(size=(40, 19))
        if kind.startswith("unlinked"):
            vectors[10:13] = vectors[3]
            vectors[20:22] = 0
        if cold_dtype in ("uint8", "int8"):
            limits = np.iinfo(cold_dtype)
            vectors = rng.integers(limits.min, limits.max, (40, 19), endpoint=True)
            vectors[:3] = [[0], [limits.min], [limits.max]]
        index = quiver.Index.build(
            vectors,
            metric=metric,
            ids=rng.permutation(10_000)[:40],
            params=quiver.BuildParams(max_degree=6, ef_construction=12),
            encoding=encoding,
            backend="reference",
        )
        index.save(path, cold_dtype=cold_dtype)
        queries = rng.normal(size=(4, 19)).astype(np.float32)
        # Where rows are equal, the answer holds some that no walk meets.
        queries[0] = vectors[3]
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
