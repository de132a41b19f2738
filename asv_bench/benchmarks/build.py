from __future__ import annotations

from asv_runner.benchmarks.mark import SkipNotImplemented

import quiver

from .common import (
    BACKENDS,
    DATASETS,
    LARGE,
    N_LARGE,
    N_SYNTHETIC,
    THREADS,
    load_backend,
    load_dataset,
    threads_of,
)


class Build:
    # Of the few rows threads must not make more work, of the many they must make less.
    params = (BACKENDS, (*DATASETS, LARGE), THREADS)
    param_names = ("backend", "dataset", "threads")
    number = 1
    timeout = 600

    def setup(self, backend, dataset, threads):
        if backend == "reference":
            reason = "the reference takes minutes to build what others build in one"
            raise SkipNotImplemented(reason)
        load_backend(backend)
        n_rows = N_LARGE if dataset == LARGE else N_SYNTHETIC
        self.vectors = load_dataset(dataset).vectors[:n_rows]

    def build(self, backend, threads):
        quiver.Index.build(self.vectors, backend=backend, threads=threads_of(threads))

    def time_build(self, backend, dataset, threads):
        self.build(backend, threads)

    def peakmem_build(self, backend, dataset, threads):
        self.build(backend, threads)
