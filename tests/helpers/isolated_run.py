"""Running the scripts of ``tests/isolated`` in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ISOLATED = Path(__file__).parents[1] / "isolated"


def start_isolated(name: str, *args: object) -> subprocess.Popen[str]:
    """Start a script and return its process, with pipes."""
    return subprocess.Popen(
        [sys.executable, str(ISOLATED / name), *map(str, args)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_isolated(name: str, *args: object, timeout: float = 300) -> str:
    """Run a script to its end and return what it printed; a hang is a failure."""
    with start_isolated(name, *args) as process:
        try:
            out, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == 0, errors
    return out
