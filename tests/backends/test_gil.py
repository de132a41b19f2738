"""Compiled kernels release the GIL, so that threads are worth having."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from strategies import random_codes

from quiver.backends import Backend
from quiver.reference.keys import NO_ID


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
    assert_python_runs_on(
        partial(backend.search, codes, neighbors, queries, start, 300)
    )


def test_python_runs_on_while_a_kernel_merges(backend: Backend) -> None:
    if backend.target == "numpy":
        pytest.skip("interpreted: it holds the GIL between NumPy's calls")
    rng = np.random.default_rng(0)
    n = 20_000
    codes = random_codes(rng, n, 256)
    every_row = np.arange(n, dtype=np.uint32)[:, None]
    neighbors = (every_row + np.arange(1, 65, dtype=np.uint32)) % np.uint32(n)
    sources = every_row[::100, 0].copy()
    edges = np.tile(every_row.T, (len(sources), 1))
    # None to itself.
    edges[np.arange(len(sources)), sources] = NO_ID
    given = codes, neighbors, sources, edges, 0, n, 64, 1.0, 0.7, "vamana"
    assert_python_runs_on(partial(backend.merge, *given))


def test_no_target_brings_a_global_lock_back() -> None:
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("this Python has one")
    bindings = pytest.importorskip("quiver.backends._simd.bindings")
    ask = f"import sys, {bindings.__name__}; print(sys._is_gil_enabled())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("PYTHON_GIL", None)
    command = [sys.executable, "-P", "-W", "error", "-c", ask]
    told = subprocess.check_output(command, env=environment, encoding="utf-8")
    assert told == "False\n"


def assert_python_runs_on(call: Callable[[], object]) -> None:
    """Fail unless this thread ticks while another calls a kernel."""
    kernel = threading.Thread(target=call)
    ticks = 0
    kernel.start()
    while kernel.is_alive():
        time.sleep(0.001)
        ticks += 1
    # With the GIL held, this thread would not tick before the kernel is done.
    assert ticks >= 10
