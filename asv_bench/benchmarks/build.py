from __future__ import annotations

from time import thread_time
from unittest.mock import patch

from asv_runner.benchmarks.mark import SkipNotImplemented

import quiver
from quiver.parallel.workers import Workers

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


class BuildScaling:
    """What no other thread can take over, however many there are."""

    params = (BACKENDS,)
    param_names = ("backend",)
    timeout = 600

    def setup(self, backend):
        if backend == "reference":
            reason = "interpreted: none of its threads runs beside another"
            raise SkipNotImplemented(reason)
        load_backend(backend)
        self.vectors = load_dataset(LARGE).vectors[:N_LARGE]

    def track_serial_share(self, backend):
        shared = 0.0
        real = Workers.map

        def timed(workers, task, n_rows, **how):
            nonlocal shared
            began = thread_time()
            try:
                return real(workers, task, n_rows, **how)
            finally:
                shared += thread_time() - began

        with patch.object(Workers, "map", timed):
            began = thread_time()
            quiver.Index.build(self.vectors, backend=backend, threads=1)
            return 1 - shared / (thread_time() - began)

    track_serial_share.unit = "share of CPU time on one thread"
