from __future__ import annotations

from functools import partial

import numpy as np

import quiver
from quiver.encoding import encode_queries, fit
from quiver.params import Encoding
from quiver.reference.keys import make_keys

from .common import BACKENDS, EF, OnIndexes, load_backend, load_dataset

N_ROWS = 500
N_QUERIES = 8
MAX_DEGREE = 32
DATASETS = ("synthetic-128", "demo-384", "synthetic-768", "synthetic-1536")
KERNELS = (
    "encode",
    "quantize",
    "distance-symmetric",
    "distance-asymmetric",
    "prune",
    "merge",
    "search",
    "scan",
    "rerank",
    "answer",
    # Wide codes: other sums of products, and an encoder that tries steps.
    "encode-8-bits",
    "distance-symmetric-8-bits",
    "distance-asymmetric-4-bits",
    "distance-asymmetric-8-bits",
)


class Kernel(OnIndexes):
    params = (BACKENDS, KERNELS, DATASETS)
    param_names = ("backend", "kernel", "dataset")

    def setup(self, paths, backend, kernel, dataset):
        load_backend(backend)
        self.kernel = bind(quiver.get_backend(backend), kernel, paths, dataset)
        self.kernel()

    def time_kernel(self, paths, backend, kernel, dataset):
        self.kernel()


def bind(backend, kernel, paths, dataset):
    """Return the call to time; its inputs are made here."""
    data = load_dataset(dataset)
    base, queries = data.vectors[:N_ROWS], data.queries[:N_QUERIES]
    word, bits = kernel, 2
    if kernel.endswith("-bits"):
        word, digit, _ = kernel.rsplit("-", 2)
        bits = int(digit)
    transform = fit(base, "cosine", Encoding(bits=bits), seed=0)
    kind = transform, bits, "corrected"
    codes = backend.encode(base, *kind)
    coded = backend.quantize(queries, transform, bits)
    every_row = np.arange(len(base), dtype=np.uint32)
    near = np.tile(every_row[:EF], (N_QUERIES, 1))
    to_rows = backend.distance(codes, backend.encode(queries, *kind))
    keys = np.sort(make_keys(to_rows, every_row[None]), axis=1)[:, :96].copy()
    # Full lists, each of which some new sources overflow.
    steps = np.arange(1, 1 + MAX_DEGREE, dtype=np.uint32)
    lists = (every_row[:, None] + steps) % np.uint32(len(base))
    chosen = every_row[:8], np.tile(every_row[8:], (8, 1))
    choice = MAX_DEGREE, 1.1, 0.7, "vamana"
    if word in ("search", "answer"):
        index = quiver.open(paths[dataset], backend=backend.name)
        if word == "answer":
            asked = index.state.searched, queries, 10, EF, EF
            return partial(backend.answer, *asked, bounded=True)
        graph = (
            index.codes,
            index.neighbors,
            encode_queries(index.state, index.backend, queries),
        )
        return partial(backend.search, *graph, index.state.entry_points, EF)
    return {
        "encode": partial(backend.encode, base, *kind),
        "quantize": partial(backend.quantize, queries, transform, bits),
        "distance-symmetric": partial(backend.distance, codes, codes.take(near[0])),
        "distance-asymmetric": partial(backend.distance, codes, coded),
        "prune": partial(backend.prune, codes, keys, *choice),
        "merge": partial(backend.merge, codes, lists, *chosen, 0, len(base), *choice),
        "scan": partial(backend.scan, codes, coded, every_row, EF),
        "rerank": partial(backend.rerank, base, queries, near, 10, "cosine"),
    }[word]
