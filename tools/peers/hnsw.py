"""Peers that are HNSW graphs: hnswlib, faiss, usearch.

Source: Malkov and Yashunin, arXiv 1603.09320. All are built with a construction beam
of 200; a base layer of degree 32 is M=16 in hnswlib and usearch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from peers.contract import (
    HNSW_EF_CONSTRUCTION,
    Ids,
    Mask,
    Matrix,
    Peer,
    saved_bytes,
)


class Hnswlib(Peer):
    """hnswlib: the yardstick most people know."""

    module, distribution = "hnswlib", "hnswlib"

    def __init__(self, degree: int) -> None:
        self.degree = degree

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Add all rows at once."""
        import hnswlib

        space = "ip" if metric == "cosine" else "l2"
        self.index = hnswlib.Index(space=space, dim=vectors.shape[1])
        self.index.init_index(
            max_elements=len(vectors),
            M=self.degree,
            ef_construction=HNSW_EF_CONSTRUCTION,
        )
        self.index.add_items(vectors, num_threads=threads)

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer the batch with beam width ``effort``."""
        self.index.set_ef(effort)
        return self.index.knn_query(queries, k=k, num_threads=threads)[0]

    def search_among(self, queries: Matrix, k: int, allowed: Mask) -> Any:
        """Call back for every row that is met; it asks in Python, one thread only."""
        self.index.set_ef(self.default_effort(k))
        return [self._among(query, k, allowed.__getitem__) for query in queries]

    def _among(self, query: Matrix, k: int, allows: Any) -> Any:
        """Ask again for fewer where fewer than k are found, which it raises for."""
        while k:
            try:
                found = self.index.knn_query(query, k, num_threads=1, filter=allows)
            except RuntimeError:
                k //= 2
            else:
                return found[0][0]
        return []

    def add(self, vectors: Matrix) -> None:
        """Make room and add."""
        start = self.index.get_current_count()
        self.index.resize_index(start + len(vectors))
        ids = np.arange(start, start + len(vectors))
        self.index.add_items(vectors, ids, num_threads=1)

    def remove(self, ids: Ids) -> None:
        """Mark rows one by one; there is nothing that lets them go."""
        for number in ids.tolist():
            self.index.mark_deleted(number)

    def hot_bytes(self) -> int:
        """Every vector lies in the graph."""
        return saved_bytes(self.index.save_index)


class Faiss(Peer):
    """faiss: HNSW over float32 or over 8-bit scalars."""

    module, distribution = "faiss", "faiss-cpu"

    def __init__(self, factory: str, stores: str) -> None:
        self.factory, self.stores = factory, stores

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Train, where the factory string needs it, and add all rows."""
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(threads)
        measure = faiss.METRIC_L2
        if metric == "cosine":
            measure = faiss.METRIC_INNER_PRODUCT
        self.index = faiss.index_factory(vectors.shape[1], self.factory, measure)
        self.index.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
        self.index.train(vectors)
        self.index.add(vectors)

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer the batch with beam width ``effort``."""
        self.faiss.omp_set_num_threads(threads)
        self.index.hnsw.efSearch = effort
        return self._counted(len(queries), self.index.search, queries, k)[1]

    def search_among(self, queries: Matrix, k: int, allowed: Mask) -> Any:
        """Hand it a bit for every row."""
        self.faiss.omp_set_num_threads(1)
        bits = np.packbits(allowed, bitorder="little")
        how = self.faiss.SearchParametersHNSW(
            efSearch=self.default_effort(k), sel=self.faiss.IDSelectorBitmap(bits)
        )
        search = self.index.search
        return self._counted(len(queries), search, queries, k, params=how)[1]

    def search_within(self, queries: Matrix, radius: float) -> Sequence[Any]:
        """Search within the radius, at the default beam."""
        self.faiss.omp_set_num_threads(1)
        self.index.hnsw.efSearch = self.default_effort(1)
        bound = 1 - radius
        if self.index.metric_type == self.faiss.METRIC_L2:
            bound = radius**2
        search = self.index.range_search
        limits, _, ids = self._counted(len(queries), search, queries, bound)
        return np.split(ids, limits[1:-1].astype(int))

    def add(self, vectors: Matrix) -> None:
        """Add; removing is not to be had of this index."""
        self.faiss.omp_set_num_threads(1)
        self.index.add(vectors)

    def distances(self) -> float:
        """Return those of its graph, a query."""
        return self.computed

    def _counted(self, n_queries: int, search: Any, *how: Any, **more: Any) -> Any:
        self.faiss.cvar.hnsw_stats.reset()
        found = search(*how, **more)
        self.computed = self.faiss.cvar.hnsw_stats.ndis / n_queries
        return found

    def hot_bytes(self) -> int:
        """Codes and graph; nothing else is kept."""
        return int(self.faiss.serialize_index(self.index).nbytes)


class Usearch(Peer):
    """usearch: one HNSW for many element types."""

    module, distribution = "usearch.index", "usearch"

    def __init__(self, degree: int, dtype: str, stores: str) -> None:
        self.degree, self.dtype, self.stores = degree, dtype, stores
        # Its 8-bit elements are scaled for cosine only.
        if dtype == "i8":
            self.metrics: ClassVar[tuple[str, ...]] = ("cosine",)

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Add all rows at once."""
        from usearch.index import Index

        self.index = Index(
            ndim=vectors.shape[1],
            metric="cos" if metric == "cosine" else "l2sq",
            dtype=self.dtype,
            connectivity=self.degree,
            expansion_add=HNSW_EF_CONSTRUCTION,
        )
        keys = np.arange(len(vectors), dtype=np.uint64)
        self.index.add(keys, vectors, threads=threads)

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer the batch with beam width ``effort``."""
        self.index.expansion_search = effort
        return self.index.search(queries, k, threads=threads).keys

    def add(self, vectors: Matrix) -> None:
        """Add in one call."""
        keys = np.arange(len(vectors), dtype=np.uint64) + np.uint64(self.index.size)
        self.index.add(keys, vectors, threads=1)

    def remove(self, ids: Ids) -> None:
        """Remove in one call."""
        self.index.remove(ids.astype(np.uint64), threads=1)

    def hot_bytes(self) -> int:
        """Every vector lies in the graph."""
        return int(self.index.serialized_length)
