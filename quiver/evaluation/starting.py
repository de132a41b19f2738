"""Starting: what a backend costs before it gives its first answer."""

from __future__ import annotations

import os
import subprocess
import sys

_TO_FIRST_ANSWER = """
import sys, time
start = time.perf_counter()
import numpy as np
import quiver
rows = np.eye(64, dtype=np.float32)
quiver.Index.build(rows, backend=sys.argv[1], threads=1).search(rows[0])
print(time.perf_counter() - start)
"""
_PATIENCE = 300.0


def start_seconds(backend: str) -> float | None:
    """Return the seconds from importing quiver to a first answer, in a fresh process.

    Kernels that are compiled once and kept are there already, if they could be kept
    and were used before. None where no process can be started, or does not know the
    backend: one may be registered in this process alone.
    """
    # The child must find what this process has found, wherever that was.
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", _TO_FIRST_ANSWER, backend],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
        return float(ended.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
