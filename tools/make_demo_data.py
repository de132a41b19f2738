"""Cut the demo set from a folder of sentence embeddings.

The folder holds ``base.npy``, ``queries.npy`` (float16) and ``texts.txt``,
``query_texts.txt`` (one sentence per row). Rows there are in random order, so the
first ones are a fair sample. Run: ``python tools/make_demo_data.py FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

# Rows kept, and the names of the vectors and sentences there and here.
PARTS = [
    (10_000, "base.npy", "vectors.npy", "texts.txt"),
    (200, "queries.npy", "queries.npy", "query_texts.txt"),
]
TARGET = Path(__file__).parents[1] / "quiver" / "datasets" / "demo_data"


def cut(source: Path, rows: int, from_name: str, to_name: str, texts: str) -> None:
    vectors = np.load(source / from_name, mmap_mode="r")
    # Sentences may hold other line separators, so only "\n" ends a row.
    lines = (source / texts).read_bytes().decode().split("\n")[:-1]
    if len(lines) != len(vectors):
        msg = f"{texts} must have {len(vectors)} lines, got {len(lines)}"
        raise ValueError(msg)
    np.save(TARGET / to_name, vectors[:rows])
    kept = "".join(f"{line}\n" for line in lines[:rows])
    (TARGET / texts).write_bytes(kept.encode())


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        cut(Path(sys.argv[1]), *part)
    size = sum(file.stat().st_size for file in TARGET.iterdir())
    print(f"{TARGET}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
