"""Quiver itself, one peer per backend and graph size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import quiver
from peers.contract import Ids, Mask, Matrix, Peer
from quiver.errors import BackendUnavailableError

BEAM_WIDTHS = (10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384, 512)
# Where codes confuse near neighbours, more must be ordered exactly.
RERANKS = (32, 64)


class Quiver(Peer):
    """One backend with one graph size."""

    module, distribution = "quiver", "quiver-ann"
    stores = "2 bits, float32 re-rank"
    # (ef, n_rerank)
    efforts = tuple(
        (ef, min(ef, n_rerank))
        for ef in BEAM_WIDTHS
        for n_rerank in RERANKS
        if n_rerank == RERANKS[0] or n_rerank <= ef
    )

    def __init__(self, backend: str, max_degree: int, ef_construction: int) -> None:
        self.backend = backend
        self.params = quiver.BuildParams(
            max_degree=max_degree, ef_construction=ef_construction
        )

    def absence(self) -> str:
        """Ask the registry, which knows the reason."""
        try:
            quiver.get_backend(self.backend)
        except BackendUnavailableError as error:
            return str(error)
        return ""

    def load(self) -> None:
        """Load the kernels, which compiles Numba's where that was never done."""
        quiver.verify(self.backend, rounds=1)

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Build over a copy, which `Index.build` makes of a writeable array."""
        self.index = quiver.Index.build(
            vectors,
            metric=metric,
            params=self.params,
            backend=self.backend,
            threads=threads,
        )

    def search(self, queries: Matrix, k: int, effort: Any, threads: int) -> Any:
        """Answer the batch; ``effort`` is (ef, n_rerank)."""
        ef, n_rerank = effort
        self.found = self.index.search(
            queries, k=k, ef=ef, n_rerank=n_rerank, threads=threads
        )
        return self.found.ids

    def default_effort(self, k: int) -> Any:
        """Return the default beam; how much of it is ordered exactly is not given."""
        return super().default_effort(k), None

    def search_among(self, queries: Matrix, k: int, allowed: Mask) -> Any:
        """Make a filter and search with it."""
        self.found = self.index.search(
            queries, k, filter=self.index.filter(allowed), threads=1
        )
        return self.found.ids

    def search_within(self, queries: Matrix, radius: float) -> Sequence[Any]:
        """Search within the radius, with the default confidence."""
        self.found = self.index.search_radius(queries, radius, threads=1)
        return [ids for ids, _ in self.found]

    def add(self, vectors: Matrix) -> None:
        """Add in one call."""
        ids = np.arange(self.index.n, self.index.n + len(vectors))
        self.index.add(vectors, ids, threads=1)

    def remove(self, ids: Ids) -> None:
        """Remove in one call, and consolidate."""
        self.index.remove(ids, consolidate="manual", threads=1)
        self.index.consolidate(threads=1)

    def distances(self) -> float:
        """Return those between codes, a query."""
        return float(self.found.stats.distance_computations.mean())

    def widened(self, effort: Any, factor: float) -> Any:
        """Widen the beam and what is ordered exactly."""
        return tuple(int(part * factor) for part in effort)

    def hot_bytes(self) -> int:
        """Codes, graph and ids."""
        return self.index.memory_report().hot
