"""Measured: what a shard takes, from the tables that the tools of this folder printed.

Nothing is extrapolated beyond shards of as many rows as were built.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

import quiver
from sharded.cluster import Seconds

DOCS = Path(__file__).parents[2] / "docs"
DIM, RECALL = 768, 0.95
SHARD_ROWS = 10_000_000
"""The largest shard that was built and searched here: docs/measured_growth.md."""

EFS, QUANTILES = (64, 128, 256), np.linspace(0, 1, 21)
WORK = ("`ef`", "recall@10", "distances", "vectors read", "quantiles of the work")


class Found(NamedTuple):
    """What was measured of an index of some rows.

    Attributes
    ----------
    build : float
        Seconds of a core to build a row.
    by_ef : dict of (float, float, float)
        By ef: recall@10, code distances, seconds of a core, of a query.
    """

    build: float
    by_ef: dict[int, tuple[float, float, float]]

    @property
    def distance(self) -> float:
        """Seconds of a core for a code distance."""
        return sum(x[2] for x in self.by_ef.values()) / sum(
            x[1] for x in self.by_ef.values()
        )

    @property
    def effort(self) -> tuple[int, float]:
        """The least ef that was found to find as much as is wanted; its distances."""
        enough = (ef for ef, (recall, *_) in self.by_ef.items() if recall >= RECALL)
        ef = min(enough, default=max(self.by_ef))
        return ef, self.by_ef[ef][1]


def read_growth(name: str) -> dict[int, Found]:
    """Return a table of `tools/measure_large_build.py` by the number of rows."""
    lines = (DOCS / name).read_text("utf-8").splitlines()
    cells = [[*map(str.strip, x.strip("|").split("|"))] for x in lines if x[:1] == "|"]
    efs = [int(ef) for ef in re.findall(r"`ef=(\d+)`", " ".join(cells[0]))]
    found = {}
    for n, build, *rest in cells[2:]:
        parts = (tuple(map(float, x.split(", "))) for x in rest[-len(efs) :])
        by_ef = {ef: (a, b, c / 1e6) for ef, (a, b, c) in zip(efs, parts, strict=True)}
        found[int(n.replace(" ", ""))] = Found(float(build) / 1e6, by_ef)
    return found


class Shard(NamedTuple):
    """What a shard of `SHARD_ROWS` of 768 dimensions takes.

    Attributes
    ----------
    build, query : float
        Seconds of a core: to build it, and for a query.
    ef : int
        That finds as much as is wanted.
    reads : float
        Vectors that a query reads.
    spread : ndarray
        Quantiles of the work of a query, of which 1 is the mean.
    """

    build: float
    query: float
    ef: int
    reads: float
    spread: Seconds


def planned_shard() -> Shard:
    """Return it: measured at 768 dimensions, grown as 128 dimensions were found to."""
    wide, narrow = (
        read_growth(name) for name in ("measured_growth_768.md", "measured_growth.md")
    )
    base = max(wide)
    small, large = narrow[base], narrow[SHARD_ROWS]
    distances = wide[base].effort[1] * large.effort[1] / small.effort[1]
    distance = wide[base].distance * large.distance / small.distance
    ef = wide[base].effort[0] * large.effort[0] // small.effort[0]
    build = wide[base].build * large.build / small.build * SHARD_ROWS
    reads, spread = read_work(wide[base].effort[0])
    return Shard(build, distances * distance, ef, reads, spread)


def read_work(ef: int) -> tuple[float, Seconds]:
    """Return the vectors read by a query, and the spread of its work, as measured."""
    for line in (DOCS / "measured_work_768.md").read_text("utf-8").splitlines():
        cells = [*map(str.strip, line.strip("|").split("|"))]
        if cells[0] == str(ef):
            return float(cells[3]), np.array([*map(float, cells[4].split())])
    raise LookupError(ef)


def print_work(folder: Path) -> None:
    """Print what queries read, and how their work is spread.

    The folder has the rows of `tools/measure_large_build.py`.
    """
    rows = np.load(folder / "rows.npy", mmap_mode="r")
    queries = np.load(folder / "rows.queries.npy")
    index = quiver.Index.build(rows, metric="cosine", threads=1)
    _, truth = quiver.exact_knn(rows, queries, 10, metric="cosine")
    print(f"{len(rows)} rows of {index.dim} columns, cosine, {len(queries)} queries.\n")
    print("| " + " | ".join(WORK) + " |\n" + "|---" * len(WORK) + "|")
    for ef in EFS:
        found = index.search(queries, 10, ef=ef, threads=1)
        work = found.stats.distance_computations
        spread = np.quantile(work, QUANTILES) / work.mean()
        cells = [
            str(ef),
            f"{quiver.recall_at_k(found.distances, truth):.3f}",
            f"{work.mean():.0f}",
            f"{found.stats.reranked.mean():.1f}",
            " ".join(f"{x:.3f}" for x in spread),
        ]
        print("| " + " | ".join(cells) + " |")
