"""Let two threads encode into the same rows: a race that ThreadSanitizer must report.

The kernels are given what no backend gives them, so that a run without a report means
that there was nothing to report.
"""

from __future__ import annotations

import threading

import numpy as np

from quiver.backends._simd import bindings

DIM, N_ROWS, ROUNDS = 100, 64, 50


def main() -> None:
    kernels = bindings.Kernels("scalar")
    vectors = np.random.default_rng(0).normal(size=(N_ROWS, DIM)).astype(np.float32)
    mean, signs = np.zeros(DIM, np.float32), np.ones((2, DIM), np.float32)
    rows = np.zeros((N_ROWS, 64), np.uint8)
    gate = threading.Barrier(2)

    def encode() -> None:
        gate.wait()
        for _ in range(ROUNDS):
            kernels.encode(vectors, "euclidean", mean, signs, 2, "corrected", rows)

    threads = [threading.Thread(target=encode) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
