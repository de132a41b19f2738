"""What a library must offer to be measured: one small class per library."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]
Ids = NDArray[np.int64]
# Beam widths, roughly geometric; a sweep stops once its recall is complete.
BEAM_WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 360, 540, 800, 1200)
HNSW_EF_CONSTRUCTION = 200
USUAL_K = 10
"""Neighbors that the efforts are meant for."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a run is done; every field goes into the report."""

    threads: int
    k: int = USUAL_K
    repeats: int = 3
    turn_seconds: float = 0.15
    clock: str = "wall"
    build_seconds: float = 900.0
    minutes: float | None = None


class Peer:
    """One library in one configuration.

    Making an object imports nothing, so the scheduler can ask what it is; the other
    methods run in the library's own process. Cosine data arrives with unit rows, for
    which inner product, cosine and Euclidean distance rank alike.

    Attributes
    ----------
    module, distribution : str
        What is imported, and whose version is reported.
    stores : str
        What the index keeps of a vector.
    efforts : sequence
        Settings of a search, ascending; anything JSON can hold.
    metrics : tuple of str
        Those it can search.
    parallel : bool
        Whether a batch can be answered on several threads.
    threads_build : bool
        Whether a build can be told how many threads to take.
    environment : dict
        Set before its process starts; ``{threads}`` is filled in.
    """

    module: ClassVar[str]
    distribution: ClassVar[str]
    stores = "float32"
    efforts: Sequence[Any] = BEAM_WIDTHS
    metrics: ClassVar[tuple[str, ...]] = ("cosine", "euclidean")
    parallel = True
    threads_build = True
    environment: ClassVar[dict[str, str]] = {}

    def load(self) -> None:
        """Import the library, before the first look at the memory."""
        importlib.import_module(self.module)

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Build the index; keep no reference to ``vectors`` it can do without."""
        raise NotImplementedError

    def search(self, queries: Matrix, k: int, effort: Any, threads: int) -> Any:
        """Return ids of shape (q, k)."""
        raise NotImplementedError

    def efforts_for(self, k: int) -> list[Any]:
        """Return the settings for k neighbors: wider in proportion to k."""
        return [self.widened(effort, max(1.0, k / USUAL_K)) for effort in self.efforts]

    def widened(self, effort: Any, factor: float) -> Any:
        """Return a setting that keeps so many times as many candidates."""
        return int(effort * factor)

    def default_effort(self, k: int) -> Any:
        """Return the same beam for all: what quiver takes by default."""
        return max(64, 2 * k)

    def search_among(self, queries: Matrix, k: int, allowed: Mask) -> Any:
        """Return ids of rows that are allowed, on one thread, at the default effort."""
        raise NotImplementedError

    def search_within(self, queries: Matrix, radius: float) -> Sequence[Any]:
        """Return the ids within a distance of each query, likewise.

        The distance is ``1 - cos`` or the Euclidean one.
        """
        raise NotImplementedError

    def add(self, vectors: Matrix) -> None:
        """Add rows on one thread; their ids follow those there are."""
        raise NotImplementedError

    def remove(self, ids: Ids) -> None:
        """Remove rows, and tidy up after them where the library can."""
        raise NotImplementedError

    def distances(self) -> float | None:
        """Return the distances that the last search computed, where it tells."""
        return None

    def own_seconds(self) -> float | None:
        """Return what the library says its last search took, where only that counts."""
        return None

    def hot_bytes(self) -> int | None:
        """Return the bytes a search walks through, or None where unknown.

        Vectors that only a final re-rank reads do not count.
        """
        return None

    def close(self) -> None:
        """Remove what the index left on the disk."""

    def absence(self) -> str:
        """Return why the library cannot be used here, or nothing."""
        name = self.module.partition(".")[0]
        missing = importlib.util.find_spec(name) is None
        return f"{self.distribution} is not installed" if missing else ""

    def version(self) -> str:
        """Return the version of the installed distribution."""
        return importlib.metadata.version(self.distribution)


def saved_bytes(save: Callable[[str], object]) -> int:
    """Return the size of what ``save(path)`` writes, be it a file or a folder."""
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        save(os.path.join(folder, "index"))
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in files)
