"""Quiver itself, one peer per backend and graph size."""

from __future__ import annotations

from typing import Any

import quiver
from peers.contract import Matrix, Peer
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
        found = self.index.search(
            queries, k=k, ef=ef, n_rerank=n_rerank, threads=threads
        )
        return found.ids

    def widened(self, effort: Any, factor: float) -> Any:
        """Widen the beam and what is ordered exactly."""
        return tuple(int(part * factor) for part in effort)

    def hot_bytes(self) -> int:
        """Codes, graph and ids."""
        return self.index.memory_report().hot
