"""Peers that are HNSW graphs: hnswlib, faiss, usearch.

Source: Malkov and Yashunin, arXiv 1603.09320. All are built with a construction beam
of 200; a base layer of degree 32 is M=16 in hnswlib and usearch.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from peers.contract import HNSW_EF_CONSTRUCTION, Matrix, Peer, saved_bytes


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
        return self.index.search(queries, k)[1]

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

    def hot_bytes(self) -> int:
        """Every vector lies in the graph."""
        return int(self.index.serialized_length)
