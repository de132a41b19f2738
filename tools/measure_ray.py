"""Measure a batch by the engine of its shards; print a Markdown table.

    python tools/measure_ray.py FOLDER

FOLDER holds ``minilm`` with base.npy and queries.npy. A turn asks every engine the same
batch, one after another, so that ratios compare the same minutes; the milliseconds
themselves are of one computer. The first number of each cell is a tenth of all times
or less, which whatever else runs there disturbs least; the second is the median. What
an answer of Ray takes beyond its slowest shard is
the caller's time less the longest that an actor had the question.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from measure_defaults import read
from numpy.typing import NDArray

import quiver
from quiver.sharding.on_ray import actors
from quiver.sharding.on_ray.holder import Holder

N_ROWS, SHARDS, EF = 20_000, 4, 64
TURNS = {1: 200, 32: 100, 256: 40}
"""How often a batch of so many queries is asked."""

ENGINES = ("local", "processes", "ray")


class TimedHolder(Holder):
    """A holder that notes how long it had each question."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.seconds: list[float] = []

    def ask(self, frame: bytes, opened: bytes | None = None) -> bytes:
        """Answer as any, and note the time."""
        start = perf_counter()
        told = super().ask(frame, opened)
        self.seconds.append(perf_counter() - start)
        return told

    def noted(self) -> list[float]:
        """Return all times, and forget them."""
        noted, self.seconds = self.seconds, []
        return noted


def slowest(index: quiver.ShardedIndex) -> NDArray[np.float64]:
    """Return the time of the slowest shard for each question since the last call."""
    ray = sys.modules["ray"]
    noted = [one._actor.noted.remote() for (one,) in index._now.engine.shards.values()]
    return np.max(ray.get(noted, timeout=60), axis=0)


def measure(indexes: dict[str, quiver.ShardedIndex], queries: NDArray[np.float32]):
    """Print a row of the table."""
    took: dict[str, Any] = {name: [] for name in indexes}
    slowest(indexes["ray"])
    for _ in range(TURNS[len(queries)]):
        for name, index in indexes.items():
            start = perf_counter()
            index.search(queries, 10, ef=EF, threads=2)
            took[name].append(perf_counter() - start)
    took["beyond"] = np.array(took["ray"]) - slowest(indexes["ray"])
    cells = [
        "{:.1f} / {:.1f}".format(*(1e3 * np.quantile(seconds, (0.1, 0.5))))
        for seconds in took.values()
    ]
    print(f"| {len(queries)} |", " | ".join(cells), "|", flush=True)


def main(folder: str) -> None:
    rows, queries = read(Path(folder) / "minilm")
    actors.Holder = TimedHolder
    with tempfile.TemporaryDirectory() as shards:
        quiver.build_shards(rows[:N_ROWS], shards, shards=SHARDS)
        indexes = {
            name: quiver.ShardedIndex.open(shards, name, hot="mmap") for name in ENGINES
        }
        print("| queries | local | processes | Ray | beyond the slowest shard |")
        print("|---|---|---|---|---|")
        for size in TURNS:
            measure(indexes, queries[:size])
        for index in indexes.values():
            index.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
