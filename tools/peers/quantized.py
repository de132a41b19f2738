"""Peers that search codes: SymphonyQG (rabitqlib), ScaNN, TriviumDB.

Source: RaBitQ (SIGMOD 2024), SymphonyQG (SIGMOD 2025), ScaNN (ICML 2020), QuIVer
(arXiv 2605.02171), whose original implementation TriviumDB contains.
"""

from __future__ import annotations

import tempfile
from typing import Any, ClassVar

import numpy as np

from peers.contract import HNSW_EF_CONSTRUCTION, Matrix, Peer, saved_bytes


class SymphonyQG(Peer):
    """SymphonyQG: a 1-bit code for every edge beside the float32 vectors."""

    module, distribution = "rabitqlib", "rabitqlib"
    stores = "1-bit code per edge, float32"

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Build with degree 32, the block its kernels work on."""
        import rabitqlib

        measure = "ip" if metric == "cosine" else "l2"
        self.index = rabitqlib.SymqgIndex(vectors.shape[1], 32, measure, 0)
        self.index.build(vectors, HNSW_EF_CONSTRUCTION, num_threads=threads)

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer the batch with beam width ``effort``."""
        return self.index.search_batch(queries, k, effort, num_threads=threads)[0]

    def hot_bytes(self) -> int:
        """Every step reads codes and the node's own vector."""
        return saved_bytes(self.index.save)


class Scann(Peer):
    """ScaNN: partitions, 4-bit anisotropic product codes, float32 re-rank."""

    module, distribution = "scann", "scann"
    stores = "4 bits per 2 dimensions, float32 re-rank"
    # (partitions searched, candidates re-ranked)
    efforts = tuple(
        (leaves, reordered)
        for leaves in (1, 2, 4, 8, 16, 32, 64, 128, 256)
        for reordered in (40, 150)
    )

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Cut into 2·sqrt(n) partitions and train on all rows."""
        from scann import scann_ops_pybind

        n = len(vectors)
        measure = "dot_product" if metric == "cosine" else "squared_l2"
        builder = scann_ops_pybind.builder(vectors, 10, measure)
        builder = builder.set_n_training_threads(threads).tree(
            num_leaves=int(2 * np.sqrt(n)),
            num_leaves_to_search=16,
            training_sample_size=min(n, 250_000),
        )
        builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2)
        self.index = builder.reorder(100).build()
        self.threads = 0

    def widened(self, effort: Any, factor: float) -> Any:
        """Re-rank more candidates of as many partitions."""
        leaves, reordered = effort
        return leaves, int(reordered * factor)

    def search(self, queries: Matrix, k: int, effort: Any, threads: int) -> Any:
        """Answer the batch; ``effort`` is (partitions, candidates)."""
        if threads != self.threads:
            self.index.set_num_threads(threads)
            self.threads = threads
        answer = self.index.search_batched
        if threads > 1:
            answer = self.index.search_batched_parallel
        leaves, reordered = effort
        return answer(
            queries,
            final_num_neighbors=k,
            leaves_to_search=leaves,
            pre_reorder_num_neighbors=reordered,
        )[0]


class TriviumDB(Peer):
    """The original QuIVer inside its database, as a Python user meets it.

    Python can set ``recall_k`` only: the beam is 8·recall_k, of which at most
    ``max(64, 2·recall_k)`` are re-ranked. The first search builds the graph.
    """

    module, distribution = "triviumdb", "triviumdb"
    stores = "2 bits and magnitudes, float32 re-rank"
    metrics: ClassVar[tuple[str, ...]] = ("cosine",)
    efforts = (10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 400)
    threads_build = False
    environment: ClassVar[dict[str, str]] = {"RAYON_NUM_THREADS": "{threads}"}

    def build(self, vectors: Matrix, metric: str, threads: int) -> None:
        """Insert in blocks, then search once."""
        import triviumdb

        del metric, threads
        n, dim = vectors.shape
        self.lists: dict[tuple[int, int], Any] = {}
        self.folder = tempfile.TemporaryDirectory(prefix="peers-")
        self.database = triviumdb.TriviumDB(
            f"{self.folder.name}/base.tdb", dim=dim, sync_mode="off", expected_nodes=n
        )
        self.database.disable_auto_compaction()
        for start in range(0, n, 10_000):
            rows = vectors[start : start + 10_000].tolist()
            ids = list(range(start + 1, start + len(rows) + 1))
            self.database.batch_insert_with_ids(ids, rows, [None] * len(rows))
        self.database.search(vectors[0].tolist(), top_k=1, min_score=-1.0)

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer the batch with ``recall_k=effort``."""
        hits = self.database.search_batch(
            self._rows(queries),
            top_k=k,
            recall_k=effort,
            # Its default drops every answer below a similarity of 0.5.
            min_score=-1.0,
            parallelism=threads,
        )
        return [[hit.id - 1 for hit in row] for row in hits]

    def _rows(self, queries: Matrix) -> Any:
        """Return queries as lists, which it takes; made once, outside the timing.

        They are parts of one array, told apart by where they begin and end.
        """
        key = queries.ctypes.data, len(queries)
        if key not in self.lists:
            self.lists[key] = queries.tolist()
        return self.lists[key]

    def close(self) -> None:
        """Close and remove the database."""
        self.database.close()
        self.folder.cleanup()


class TriviumDBIndex(TriviumDB):
    """The same, counting only the time it reports for its vector index.

    Every query of the database also adds up its memory, in time linear in the rows,
    which is not the index's doing.
    """

    parallel = False

    def search(self, queries: Matrix, k: int, effort: int, threads: int) -> Any:
        """Answer one query after the other."""
        del threads
        answers, self.seconds = [], 0.0
        for query in self._rows(queries):
            hits, context = self.database.search_with_context(
                query, top_k=k, recall_k=effort, expand_depth=0, min_score=-1.0
            )
            if context.observations["vector_route_quiver"] != 1:
                msg = "a query was not answered by the QuIVer index"
                raise RuntimeError(msg)
            self.seconds += context.timings["vector_recall"] / 1000
            answers.append([hit.id - 1 for hit in hits])
        return answers

    def own_seconds(self) -> float:
        """Return the vector index's share of the last batch."""
        return self.seconds
