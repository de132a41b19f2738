from __future__ import annotations

import numpy as np

import quiver
from quiver.encoding import encode_queries
from quiver.reference.codes import aligned_zeros
from quiver.reference.keys import NO_ID

from .common import (
    BACKENDS,
    DATASETS,
    EF,
    THREADS,
    K,
    OnIndexes,
    load_backend,
    load_dataset,
    threads_of,
)

TIMED_QUERIES = 16


class Search(OnIndexes):
    params = (BACKENDS, DATASETS)
    param_names = ("backend", "dataset")

    def setup(self, paths, backend, dataset):
        load_backend(backend)
        # Mapped, since peakmem_ counts what setup holds.
        self.index = quiver.open(paths[dataset], cold="mmap", backend=backend)
        self.queries = load_dataset(dataset).queries
        self.true = np.load(paths[dataset].with_name(f"{dataset}-true.npy"))

    def search(self, n_queries=None):
        queries = self.queries[:n_queries]
        return self.index.search(queries, k=K, ef=EF, threads=1)

    def time_search(self, paths, backend, dataset):
        self.search(TIMED_QUERIES)

    def time_one_query(self, paths, backend, dataset):
        self.index.search(self.queries[0], k=K, ef=EF)

    def peakmem_search(self, paths, backend, dataset):
        self.search(TIMED_QUERIES)

    def track_recall_at_10(self, paths, backend, dataset):
        return quiver.recall_at_k(self.search().distances, self.true)

    track_recall_at_10.unit = "share of the true 10"

    def track_distance_computations(self, paths, backend, dataset):
        return float(self.search().stats.distance_computations.mean())

    track_distance_computations.unit = "code distances per query"

    def track_hops(self, paths, backend, dataset):
        return float(self.search().stats.hops.mean())

    track_hops.unit = "expansions per query"

    def track_reranked(self, paths, backend, dataset):
        return float(self.search().stats.reranked.mean())

    track_reranked.unit = "vectors read per query"

    def track_hot_bytes_per_vector(self, paths, backend, dataset):
        return self.index.memory_report().hot_per_vector

    track_hot_bytes_per_vector.unit = "bytes"


class Filtered(OnIndexes):
    """Many rows that may answer are walked to, few are scanned."""

    params = (BACKENDS, DATASETS, (0.9, 0.5, 0.1, 0.01))
    param_names = ("backend", "dataset", "share")

    def setup(self, paths, backend, dataset, share):
        load_backend(backend)
        self.index = quiver.open(paths[dataset], backend=backend)
        self.queries = load_dataset(dataset).queries[:TIMED_QUERIES]
        n = self.index.n
        marks = np.random.default_rng(0).permutation(n) < max(1, share * n)
        self.filter = self.index.filter(marks)

    def search(self):
        how = {"k": K, "ef": EF, "filter": self.filter, "threads": 1}
        return self.index.search(self.queries, **how)

    def time_filtered(self, paths, backend, dataset, share):
        self.search()

    def track_distance_computations(self, paths, backend, dataset, share):
        return float(self.search().stats.distance_computations.mean())

    track_distance_computations.unit = "code distances per query"


class Radius(OnIndexes):
    """As far as the tenth neighbour is away."""

    params = (BACKENDS, DATASETS)
    param_names = ("backend", "dataset")

    def setup(self, paths, backend, dataset):
        load_backend(backend)
        self.index = quiver.open(paths[dataset], backend=backend)
        self.queries = load_dataset(dataset).queries[:TIMED_QUERIES]
        self.radius = self.index.search(self.queries, k=K, ef=EF).distances[:, -1]

    def time_radius(self, paths, backend, dataset):
        self.index.search_radius(self.queries, self.radius, threads=1)


class Batch(OnIndexes):
    params = (BACKENDS, DATASETS, THREADS)
    param_names = ("backend", "dataset", "threads")

    def setup(self, paths, backend, dataset, threads):
        load_backend(backend)
        self.index = quiver.open(paths[dataset], backend=backend)
        self.queries = load_dataset(dataset).queries

    def time_batch(self, paths, backend, dataset, threads):
        self.index.search(self.queries, k=K, ef=EF, threads=threads_of(threads))


class Spread(OnIndexes):
    """The same walks with nothing but room between the rows, which may not cost.

    Untouched, the zeros between take no memory.
    """

    params = (BACKENDS, (1, 2000))
    param_names = ("backend", "room")

    def setup(self, paths, backend, room):
        load_backend(backend)
        self.backend = quiver.get_backend(backend)
        state = quiver.open(paths["synthetic-128"], backend=backend).state
        rows = aligned_zeros((state.n * room, state.codes.rows.shape[1]), np.uint8)
        rows[::room] = state.codes.rows
        edges = np.zeros((state.n * room, state.neighbors.shape[1]), np.uint32)
        edges[::room] = np.where(
            state.neighbors == NO_ID, NO_ID, state.neighbors * np.uint32(room)
        )
        queries = load_dataset("synthetic-128").queries[:TIMED_QUERIES]
        coded = encode_queries(state, self.backend, queries)
        starts = state.entry_points * np.uint32(room)
        self.walks = state.codes._replace(rows=rows), edges, coded, starts, EF

    def search(self):
        return self.backend.search(*self.walks)

    def time_walks(self, paths, backend, room):
        self.search()

    def track_distance_computations(self, paths, backend, room):
        return float(self.search().distance_computations.mean())

    track_distance_computations.unit = "code distances per query"
