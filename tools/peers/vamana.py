"""Peers that are Vamana graphs: scalable-vs and diskannpy.

Source: DiskANN (NeurIPS 2019); LVQ and LeanVec (arXiv 2304.04759, 2312.16335).
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np

from peers.contract import Ids, Matrix, Peer, saved_bytes

MAX_DEGREE, BUILD_BEAM = 64, 128


class Svs(Peer):
    """Intel's Scalable Vector Search; it compresses on Intel's processors only."""

    module, distribution = "svs", "scalable-vs"
    efforts = (10, 12, 14, 17, 20, 25, 32, 40, 56, 80, 112, 160, 240, 360, 540)

    def __init__(self, kind: str, stores: str) -> None:
        self.kind, self.stores = kind, stores

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Build over codes, which the library makes while it loads a file."""
        import svs

        cosine = metric == "cosine"
        parameters = svs.VamanaBuildParameters(
            # Below 1 for similarities, above 1 for distances: the library's rule.
            alpha=0.95 if cosine else 1.2,
            graph_max_degree=MAX_DEGREE,
            window_size=BUILD_BEAM,
            prune_to=MAX_DEGREE - 4,
        )
        measure = svs.DistanceType.MIP if cosine else svs.DistanceType.L2
        with tempfile.TemporaryDirectory(prefix="peers-") as folder:
            rows = self._encode(svs, vectors, os.path.join(folder, "base.fvecs"))
            self.index = svs.Vamana.build(parameters, rows, measure, threads)

    def _encode(self, svs: Any, vectors: Matrix, path: str) -> Any:
        if self.kind == "float16":
            return vectors.astype(np.float16)
        dim = vectors.shape[1]
        svs.write_vecs(vectors, path)
        loader = svs.VectorDataLoader(path, svs.float32, dims=dim)
        if self.kind == "lvq":
            strategy = svs.LVQStrategy.Auto
            return svs.LVQLoader(loader, primary=4, residual=8, strategy=strategy)
        eight_bits = svs.LeanVecKind.lvq8
        return svs.LeanVecLoader(
            loader,
            leanvec_dims=dim // 2,
            primary_kind=eight_bits,
            secondary_kind=eight_bits,
        )

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer the batch with window ``effort``."""
        # Setting the number makes a new thread pool, so only where it changes.
        if self.index.num_threads != threads:
            self.index.num_threads = threads
        self.index.search_window_size = effort
        return self.index.search(queries, k)[0]

    def hot_bytes(self) -> int:
        """Codes of both levels and graph."""

        def save(folder: str) -> None:
            os.mkdir(folder)
            parts = ("config", "graph", "vectors")
            self.index.save(*(os.path.join(folder, part) for part in parts))

        return saved_bytes(save)


class DiskAnn(Peer):
    """Microsoft's DiskANN, its index in memory."""

    module, distribution = "diskannpy", "diskannpy"

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Build in a folder and open from there, which is all it offers."""
        import diskannpy

        del metric  # Euclidean ranks unit rows like cosine.
        self.folder = tempfile.TemporaryDirectory(prefix="peers-")
        diskannpy.build_memory_index(
            vectors,
            "l2",
            self.folder.name,
            complexity=BUILD_BEAM,
            graph_degree=MAX_DEGREE,
            num_threads=threads,
            alpha=1.2,
        )
        self.index = diskannpy.StaticMemoryIndex(
            self.folder.name,
            num_threads=threads,
            initial_search_complexity=max(self.efforts),
        )

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer the batch with beam width ``effort``."""
        return self.index.batch_search(queries, k, effort, threads).identifiers

    def hot_bytes(self) -> int:
        """Vectors and graph, the two files it opens."""
        files = (os.path.join(self.folder.name, name) for name in ("ann", "ann.data"))
        return sum(os.path.getsize(path) for path in files)

    def close(self) -> None:
        """Remove the folder."""
        self.folder.cleanup()


class DiskAnnDynamic(Peer):
    """The same, its index that changes; it is told at once how far it may grow."""

    module, distribution = "diskannpy", "diskannpy"
    growth = 1.25

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Insert all rows."""
        import diskannpy

        self.n, self.threads = 0, threads
        self.index = diskannpy.DynamicMemoryIndex(
            # With "l2" it leaves a sixth of unit rows unreached.
            "cosine" if metric == "cosine" else "l2",
            np.float32,
            vectors.shape[1],
            max_vectors=int(len(vectors) * self.growth),
            complexity=BUILD_BEAM,
            graph_degree=MAX_DEGREE,
            num_threads=threads,
        )
        self.add(vectors)

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer the batch with beam width ``effort``."""
        found = self.index.batch_search(queries, k, effort, threads).identifiers
        return found.astype(np.int64) - 1

    def add(self, vectors: Matrix) -> None:
        """Insert in one call; its ids begin with 1."""
        ids = np.arange(self.n, self.n + len(vectors), dtype=np.uint32) + 1
        self.index.batch_insert(vectors, ids.astype(np.uint32), self.threads)
        self.n += len(vectors)

    def remove(self, ids: Ids) -> None:
        """Mark rows one by one, and consolidate."""
        for number in ids.tolist():
            self.index.mark_deleted(np.uint32(number + 1))
        self.index.consolidate_delete()
