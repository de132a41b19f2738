"""How long a clean computer takes from nothing installed to the first answer.

python tools/measure_install.py wheel dist/quiver_ann-…-manylinux….whl
python tools/measure_install.py source dist/quiver_ann-….tar.gz
python tools/measure_install.py numba dist/quiver_ann-…-none-any.whl

Makes an environment, installs what is named and, as the last, the extra `numba`, then
builds an index over the demo set and searches it. Seconds of the clock and of the
processors; what pip downloads depends on the network, so a second run shows it from
pip's cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIRST_ANSWER = """
import quiver
from quiver.datasets import load_demo
demo = load_demo()
index = quiver.Index.build(demo.vectors, metric="cosine")
print(index.backend.name, index.search(demo.queries[1], 1).take(demo.texts))
"""
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"
KINDS = {
    "wheel": ([], ""),
    "source": (["--no-cache-dir", "-Csetup-args=-Dext=enabled"], ""),
    "numba": ([], "[numba]"),
}


def main(kind: str, file: str) -> None:
    options, extra = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / SCRIPTS / "python"
        pip = [python, "-m", "pip", "install", "--quiet", *options]
        # A cache of compiled kernels from elsewhere would be no clean computer.
        alone = {**os.environ, "NUMBA_CACHE_DIR": str(Path(folder) / "cache")}
        report("install", [*pip, f"{Path(file).resolve()}{extra}"], folder, alone)
        report("first answer", [python, "-c", FIRST_ANSWER], folder, alone)


def report(step: str, command: list[object], folder: str, variables: dict) -> None:
    start, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, cwd=folder, env=variables)
    seconds, after = time.perf_counter() - start, os.times()
    used = sum(after[2:4]) - sum(before[2:4])
    print(f"{step}: {seconds:.1f} s, {used:.1f} s of processors", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
