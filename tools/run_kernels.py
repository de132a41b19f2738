"""Call every compiled kernel once on fixed inputs; `gate` counts its instructions.

python tools/run_kernels.py TARGET BITS

Inputs are made of raw random bits and integers, the same with every NumPy.
"""

from __future__ import annotations

import sys

import numpy as np

from quiver.backends import Backend
from quiver.backends.cython_backend import CythonBackend
from quiver.graph.order import LEAST_ENTRY_POINTS
from quiver.params import Encoding
from quiver.reference.answer import Searched
from quiver.reference.codes import Transform
from quiver.reference.keys import NO_ID, make_keys

KERNELS = (
    *("encode", "quantize", "distance", "prune", "merge"),
    *("search", "scan", "rerank", "answer"),
)
N, DIM, N_QUERIES, MAX_DEGREE, EF = 1000, 384, 16, 32, 64


def draw(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Return float32 in -1 … 1, exact multiples of 2**-23."""
    raw = np.random.PCG64(seed).random_raw(shape[0] * shape[1]).reshape(shape)
    centered = (raw >> np.uint64(40)).astype(np.int64) - 2**23
    return (centered / 2**23).astype(np.float32)


def run(backend: Backend, bits: int) -> None:
    """Run the kernels in the order of ``KERNELS``, each exactly once."""
    vectors, queries = draw((N, DIM), 1), draw((N_QUERIES, DIM), 2)
    coded_dim = Encoding(bits=bits).coded_dim(DIM)
    signs = np.where(draw((2, coded_dim), 3) < 0, np.float32(-1), np.float32(1))
    transform = Transform("cosine", np.zeros(DIM, dtype=np.float32), signs)
    every_id = np.arange(N, dtype=np.uint32)

    codes = backend.encode(vectors, transform, bits, "corrected")
    coded = backend.quantize(queries, transform, bits)
    distances = backend.distance(codes, coded)
    keys = np.sort(make_keys(distances, every_id[None]), axis=1)
    backend.prune(codes, keys[:, :128].copy(), MAX_DEGREE, 1.1, 0.7, "vamana")
    # Powers of two reach every row in a few hops from any other.
    steps = np.array([1 << bit for bit in range(10)] + [3, 5, 7, 11], dtype=np.uint32)
    neighbors = (every_id[:, None] + steps) % np.uint32(N)
    # Each list gains four sources, for which every other one has room.
    lists = neighbors.copy()
    lists[::2, 10:] = NO_ID
    chosen = every_id[:4], np.tile(every_id[4:], (4, 1))
    backend.merge(codes, lists, *chosen, 0, N, 14, 1.1, 0.7, "vamana")
    backend.search(codes, neighbors, coded, every_id[:LEAST_ENTRY_POINTS], EF)
    backend.scan(codes, coded, every_id, EF)
    candidates = np.tile(every_id[:EF], (N_QUERIES, 1))
    backend.rerank(vectors, queries, candidates, 10, "cosine")
    searched = Searched(
        codes=codes,
        neighbors=neighbors,
        entry_points=every_id[:LEAST_ENTRY_POINTS],
        vectors=vectors,
        transform=transform,
        metric="cosine",
        mean=transform.mean,
        ids=np.arange(N, dtype=np.int64),
        allowed=None,
        beside=np.empty(0, dtype=np.uint32),
        unlinked=np.empty((0, 2), dtype=np.uint32),
    )
    backend.answer(searched, queries, 10, EF, EF, bounded=True)


if __name__ == "__main__":
    run(CythonBackend(sys.argv[1]), int(sys.argv[2]))
