from __future__ import annotations

from asv_runner.benchmarks.mark import SkipNotImplemented

import quiver

from .common import BACKENDS, DATASETS, N_SYNTHETIC, load_backend, load_dataset


class Build:
    params = (BACKENDS, DATASETS)
    param_names = ("backend", "dataset")
    number = 1
    timeout = 600

    def setup(self, backend, dataset):
        if backend == "reference":
            reason = "the reference takes minutes to build what others build in one"
            raise SkipNotImplemented(reason)
        load_backend(backend)
        self.vectors = load_dataset(dataset).vectors[:N_SYNTHETIC]

    def time_build(self, backend, dataset):
        quiver.Index.build(self.vectors, backend=backend, threads=1)

    def peakmem_build(self, backend, dataset):
        quiver.Index.build(self.vectors, backend=backend, threads=1)
