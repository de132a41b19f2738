"""The data: generated kinds, streamed through a mapped file, and files at hand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import quiver
from quiver._typing import Metric
from quiver.datasets import load_demo, read_vectors
from quiver.datasets.generators import REGIMES, Regime, generate_blocks

QUERIES = 1000
K = 10


class Task(NamedTuple):
    """One data set, with the exact distances of the neighbours of its queries."""

    name: str
    metric: Metric
    base: np.ndarray
    queries: np.ndarray
    true: np.ndarray
    published: float | None = None


class Sources(NamedTuple):
    """Where data come from.

    Attributes
    ----------
    rows : int
        Of every generated kind.
    only : sequence of str
        Names; empty for all.
    data, hdf5 : sequence of str
        Folders with ``base.npy`` beside ``queries.npy``, and ann-benchmarks files.
    folder : Path, optional
        For the generated rows, while they are searched.
    """

    rows: int
    only: Sequence[str] = ()
    data: Sequence[str] = ()
    hdf5: Sequence[str] = ()
    folder: Path | None = None

    def tasks(self) -> Iterator[Task]:
        """Yield one data set after the other; a generated one is gone afterwards.

        Raises
        ------
        ValueError
            At the end, if a name in ``only`` was none of a data set.
        """
        unknown = set(self.only)
        for task in self._chosen():
            unknown.discard(task.name)
            yield task
        if unknown:
            msg = f"only must name data sets, got {', '.join(sorted(unknown))}"
            raise ValueError(msg)

    def _chosen(self) -> Iterator[Task]:
        for regime in REGIMES:
            if self._wants(regime.name):
                with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                    yield generated(regime, self.rows, Path(folder))
        for name, metric, base, queries in self._files():
            if self._wants(name):
                yield with_truth(name, metric, base, queries)

    def _wants(self, name: str) -> bool:
        return not self.only or name in self.only

    def _files(self) -> Iterator[tuple[str, Metric, np.ndarray, np.ndarray]]:
        demo = load_demo()
        yield "demo set", "cosine", demo.vectors, demo.queries
        for folder in self.data:
            for path in sorted(Path(folder).rglob("base.npy")):
                base = read_vectors(path)
                metric: Metric = "euclidean" if base.dtype.kind in "iu" else "cosine"
                queries = read_vectors(path.with_name("queries.npy"))
                yield f"{path.parent.name} (real)", metric, base, queries
        for file in self.hdf5:
            base, queries = (read_vectors(file, key=key) for key in ("train", "test"))
            metric = "cosine" if "angular" in Path(file).name else "euclidean"
            yield Path(file).stem, metric, base, queries[:QUERIES]


def generated(regime: Regime, n: int, folder: Path) -> Task:
    """Return rows of a kind in a mapped file, and further ones as queries."""
    path = folder / "rows.npy"
    shape = n + QUERIES, regime.dim
    written = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    start = 0
    for block in generate_blocks(regime, len(written)):
        written[start : start + len(block)] = block
        start += len(block)
    written.flush()
    rows = np.load(path, mmap_mode="r")
    published = regime.published_recall
    return with_truth(
        regime.name, regime.metric, rows[:n], rows[n:], _or_none(published)
    )


def with_truth(
    name: str,
    metric: Metric,
    base: np.ndarray,
    queries: np.ndarray,
    published: float | None = None,
) -> Task:
    """Return a task with the exact distances that its queries are to find."""
    _, true = quiver.exact_knn(base, queries, K, metric=metric)
    return Task(name, metric, base, np.array(queries), true, published)


def _or_none(number: float) -> float | None:
    return None if np.isnan(number) else number
