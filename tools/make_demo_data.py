"""Cut the demo set from a folder of sentence embeddings.

The folder holds ``base.npy``, ``queries.npy`` (float16) and ``texts.txt``,
``query_texts.txt`` (one sentence per row). Rows there are in random order, so the
first ones are a fair sample. Run: ``python tools/make_demo_data.py FOLDER``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

# Rows kept, and the names of the vectors and sentences there and here.
PARTS = [
    (10_000, "base.npy", "vectors.npy", "texts.txt"),
    (200, "queries.npy", "queries.npy", "query_texts.txt"),
]
TARGET = Path(__file__).parents[1] / "quiver" / "datasets" / "demo_data"

# What may name or reach a person. Generous: another sentence takes the place.
PERSONAL = re.compile(
    r"""
    \w@ | @(?!\w[\w.-]*/)                         # addresses, handles; no @scope/name
    | \bby\ [A-Z][a-z]+(?:\ [A-Za-z][a-z]+){1,2}\W*$                # ... by First Last
    | (?i:\b(?:built?d?|created|made|modified|revised|written)\ by\ (?!a\b|an\b|the\b))
    | 's\ (?:\w+\ )?blog\b
    | \d{9,}                                                        # telephone numbers
    """,
    re.VERBOSE,
)


def is_personal(sentence: str) -> bool:
    """Tell whether a sentence may name a person or say how to reach one."""
    return PERSONAL.search(sentence) is not None


def choose_rows(lines: list[str], rows: int) -> np.ndarray:
    """Return the first rows, each personal one replaced by the next that is not."""
    chosen = np.arange(rows)
    personal = np.array([is_personal(line) for line in lines])
    spare = rows + np.flatnonzero(~personal[rows:])
    chosen[personal[:rows]] = spare[: personal[:rows].sum()]
    return chosen


def as_int8(vectors: np.ndarray) -> np.ndarray:
    """Return every row's direction in int8, its largest component ±127."""
    vectors = vectors.astype(np.float32)
    peaks = np.abs(vectors).max(axis=1, keepdims=True)
    return np.rint(vectors * (127 / peaks)).astype(np.int8)


def cut(source: Path, rows: int, from_name: str, to_name: str, texts: str) -> None:
    vectors = np.load(source / from_name, mmap_mode="r")
    # Sentences may hold other line separators, so only "\n" ends a row.
    lines = (source / texts).read_bytes().decode().split("\n")[:-1]
    if len(lines) != len(vectors):
        msg = f"{texts} must have {len(vectors)} lines, got {len(lines)}"
        raise ValueError(msg)
    chosen = choose_rows(lines, rows)
    np.save(TARGET / to_name, as_int8(vectors[chosen]))
    kept = "".join(f"{lines[row]}\n" for row in chosen)
    (TARGET / texts).write_bytes(kept.encode())


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        cut(Path(sys.argv[1]), *part)
    size = sum(file.stat().st_size for file in TARGET.iterdir())
    print(f"{TARGET}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
