"""Measure what a diagnosis costs beside the build it foretells; print a Markdown table.

    python tools/measure_diagnosis_time.py [FOLDER] > docs/measured_diagnosis_time.md

CPU time on one thread, the fastest of several turns, taken one after the other. FOLDER
may hold ``minilm`` and ``sift``, each with base.npy.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import quiver
from quiver._typing import AnyArray, Metric
from quiver.datasets.generators import find_regime, generate

GENERATED = (
    *(("text-384", 1000, 384), ("text-384", 2000, 384), ("text-384", 5000, 384)),
    *(("text-1536", 10_000, 1280), ("text-384", 20_000, 384)),
    *(("text-384", 175_530, 256), ("gaussian", 20_000, 768), ("sphere", 20_000, 768)),
)
REAL: tuple[tuple[str, Metric], ...] = (("minilm", "cosine"), ("sift", "euclidean"))
REAL_ROWS, TURNS = 100_000, 3
HEAD = """\
| data | rows x dim | build | diagnose | share | sample |
|---|---|---|---|---|---|"""


class Case(NamedTuple):
    """One kind of data."""

    name: str
    metric: Metric
    rows: AnyArray


def cases(folder: Path | None) -> Iterator[Case]:
    """Yield generated rows, the first columns of a kind, then files at hand."""
    for name, n, dim in GENERATED:
        regime = find_regime(name)
        rows = generate(regime, n, 1)[0][:, :dim]
        yield Case(name, regime.metric, np.ascontiguousarray(rows))
    for name, metric in REAL if folder else ():
        rows = np.load(folder / name / "base.npy")[:REAL_ROWS]
        yield Case(name, metric, rows.astype(np.float32))


def seconds(task: Callable[[], object]) -> float:
    """Return the CPU seconds of one run."""
    start = time.process_time()
    task()
    return time.process_time() - start


def line(case: Case) -> str:
    """Return one row of the table."""
    name, metric, rows = case
    # One run of each before: kernels are loaded, and the sample is known.
    sample = quiver.diagnose(rows, metric=metric, threads=1).sample_rows
    tasks = (
        lambda: quiver.Index.build(rows, metric=metric, threads=1),
        lambda: quiver.diagnose(rows, metric=metric, threads=1),
    )
    turns = [[seconds(task) for task in tasks] for _ in range(TURNS)]
    build, diagnosis = np.min(turns, axis=0)
    n, dim = rows.shape
    size = f"{n:,} x {dim}".replace(",", " ")
    return (
        f"| {name} | {size} | {build:.2f} s | {diagnosis:.2f} s "
        f"| {diagnosis / build:.2f} | {sample} |"
    )


def main() -> None:
    print(HEAD)
    for case in cases(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
        print(line(case), flush=True)


if __name__ == "__main__":
    main()
