from __future__ import annotations

from asv_runner.benchmarks.mark import SkipNotImplemented

import quiver

from .common import BACKENDS, DATASETS, N_SYNTHETIC, load_backend, load_dataset

MANUAL = {"consolidate": "manual"}


class Change:
    """A tenth of the rows: added at once and one by one, removed, consolidated."""

    params = (BACKENDS, DATASETS)
    param_names = ("backend", "dataset")
    number = 1
    timeout = 600

    def setup(self, backend, dataset):
        if backend == "reference":
            reason = "the reference takes minutes to build what others build in one"
            raise SkipNotImplemented(reason)
        load_backend(backend)
        rows = load_dataset(dataset).vectors[:N_SYNTHETIC]
        n_base = len(rows) * 9 // 10
        self.more = rows[n_base:]
        self.index = quiver.Index.build(rows[:n_base], backend=backend)
        self.sparse = self.index.snapshot()
        self.sparse.remove(self.index.ids[::10], **MANUAL)
        # An addition before it is timed: the first makes room for others.
        self.index.add(self.more[:1])

    def time_add(self, backend, dataset):
        self.index.add(self.more)

    def time_add_one_by_one(self, backend, dataset):
        for row in self.more[:20]:
            self.index.add(row[None])

    def time_add_among_removed(self, backend, dataset):
        self.sparse.add(self.more, **MANUAL)

    def time_remove(self, backend, dataset):
        self.index.remove(self.index.ids[: len(self.more)], **MANUAL)

    def time_consolidate(self, backend, dataset):
        self.sparse.consolidate()

    def peakmem_consolidate(self, backend, dataset):
        self.sparse.consolidate()
