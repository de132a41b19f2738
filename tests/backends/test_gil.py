"""Compiled kernels release the GIL, so that threads are worth having."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from strategies import random_codes

from quiver.backends import Backend


def test_python_runs_on_while_a_kernel_searches(backend: Backend) -> None:
    if backend.target == "numpy":
        pytest.skip("interpreted: it holds the GIL between NumPy's calls")
    rng = np.random.default_rng(0)
    n = 10_000
    codes = random_codes(rng, n, 256)
    # Every row has the same random strides, so a walk soon sees thousands of rows.
    strides = rng.choice(np.arange(1, n, dtype=np.uint32), 24, replace=False)
    neighbors = (np.arange(n, dtype=np.uint32)[:, None] + strides) % np.uint32(n)
    queries = codes.take(np.arange(1500))
    start = np.zeros(1, dtype=np.uint32)
    backend.search(codes, neighbors, codes.take(np.arange(2)), start, 300)
    kernel = threading.Thread(
        target=backend.search, args=(codes, neighbors, queries, start, 300)
    )
    ticks = 0
    kernel.start()
    while kernel.is_alive():
        time.sleep(0.001)
        ticks += 1
    # With the GIL held, this thread would not tick before the kernel is done.
    assert ticks >= 10
