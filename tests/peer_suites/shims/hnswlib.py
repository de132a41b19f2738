"""hnswlib's Python API over quiver, as much of it as hnswlib's own tests call.

Put first on the module path, it is what these tests import: see
``test_unchanged.py``. docs/migrating.md says what each call becomes.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

import quiver


class Items:
    """What both indexes of hnswlib have in common: a space, threads and a capacity."""

    def __init__(self, space, dim):
        self.space, self.dim = space, dim
        self.num_threads = 0
        self.max_elements = 0

    def set_num_threads(self, num_threads):
        self.num_threads = num_threads

    def get_max_elements(self):
        return self.max_elements

    def get_current_count(self):
        return self.element_count

    def labels_for(self, data, labels):
        if labels is None:
            labels = self.element_count + np.arange(len(data))
        return np.asarray(labels, dtype=np.int64)

    def check_capacity(self, n_new):
        if self.element_count + n_new > self.max_elements:
            msg = "The number of elements exceeds the specified limit"
            raise RuntimeError(msg)

    def answer(self, ids, distances):
        if (ids < 0).any():
            msg = "Cannot return the results in a contiguous 2D array"
            raise RuntimeError(msg)
        if self.space == "l2":
            distances = distances**2
        return ids.astype(np.uint64), distances + (self.space == "ip")


class Index(Items):
    """A graph. A deleted vector is removed and kept aside, should it be restored."""

    def __init__(self, space, dim):
        super().__init__(space, dim)
        self.ef = 10
        self.index = None
        self.deleted = {}

    def init_index(self, max_elements, M=16, ef_construction=200, **_):
        self.max_elements, self.M, self.ef_construction = (
            max_elements,
            M,
            ef_construction,
        )
        # A node of the bottom level of HNSW has up to 2 M links.
        shape = {"max_degree": 2 * M, "ef_construction": ef_construction}
        self.index = quiver.Index.create(self.dim, self.space, **shape)

    def set_ef(self, ef):
        self.ef = ef

    @property
    def threads(self):
        return self.num_threads if self.num_threads > 0 else None

    @property
    def element_count(self):
        return len(self.index) + len(self.deleted)

    def add_items(self, data, ids=None, replace_deleted=False):
        labels = self.labels_for(data, ids)
        if replace_deleted:
            for label in list(self.deleted)[: len(labels)]:
                del self.deleted[label]
        self.check_capacity(len(labels))
        if len(self.index) == 0:
            # All at once is faster, and a build looks how many bits the rows need.
            self.index = quiver.Index.build(
                data,
                metric=self.space,
                ids=labels,
                params=self.index.params,
                threads=self.threads,
            )
        else:
            self.index.add(data, labels, threads=self.threads)

    def knn_query(self, data, k=1, num_threads=-1, filter=None):
        if filter is not None:
            filter = np.vectorize(filter, otypes=[bool])
        threads = num_threads if num_threads > 0 else self.threads
        ef = max(self.ef, k)
        found = self.index.search(data, k, ef=ef, filter=filter, threads=threads)
        return self.answer(found.ids, found.distances)

    def get_ids_list(self):
        return self.index.ids.tolist()

    def get_items(self, ids=None, return_type="numpy"):
        ids = np.asarray(self.index.ids if ids is None else ids)
        if ids.ndim == 0:
            msg = "get_items accepts a list of indices"
            raise ValueError(msg)
        vectors = self.index.get(ids.ravel())
        return vectors if return_type == "numpy" else vectors.tolist()

    def mark_deleted(self, label):
        self.deleted[int(label)] = self.index.get(label)
        # Many calls in a row: whoever adds next lets all their rows go at once.
        self.index.remove(label, consolidate="manual")

    def unmark_deleted(self, label):
        self.index.add(self.deleted.pop(int(label))[None], [label])

    def resize_index(self, max_elements):
        self.max_elements = max_elements

    def save_index(self, path):
        self.index.save(path)
        beside = {**vars(self), "index": None}
        Path(f"{path}.beside").write_bytes(pickle.dumps(beside))

    def load_index(self, path, max_elements=0, **_):
        kept = {"ef": self.ef, "num_threads": self.num_threads}
        vars(self).update(pickle.loads(Path(f"{path}.beside").read_bytes()), **kept)
        self.index = quiver.open(path)
        self.max_elements = max(self.max_elements, max_elements)


class BFIndex(Items):
    """A table, every row of which is looked at."""

    def init_index(self, max_elements):
        self.max_elements = max_elements
        self.vectors = np.empty((0, self.dim), dtype=np.float32)
        self.labels = np.empty(0, dtype=np.int64)

    @property
    def element_count(self):
        return len(self.labels)

    def add_items(self, data, ids=None):
        self.check_capacity(len(data))
        self.labels = np.concatenate([self.labels, self.labels_for(data, ids)])
        self.vectors = np.concatenate([self.vectors, data])

    def knn_query(self, data, k=1, filter=None):
        labels, vectors = self.labels, self.vectors
        if filter is not None:
            kept = np.vectorize(filter, otypes=[bool])(labels)
            labels, vectors = labels[kept], vectors[kept]
        rows, distances = quiver.exact_knn(vectors, data, k, metric=self.space)
        return self.answer(labels[rows], distances)

    def save_index(self, path):
        Path(path).write_bytes(pickle.dumps(vars(self)))

    def load_index(self, path):
        vars(self).update(pickle.loads(Path(path).read_bytes()))
