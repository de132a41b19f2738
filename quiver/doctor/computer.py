"""Facts about the computer and this Python that kernels or threads depend on."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from quiver.parallel.processors import read_quota
from quiver.parallel.workers import resolve_threads

PACKAGES = (
    *("numba", "llvmlite", "typer", "rich", "h5py", "pyarrow", "zarr", "scipy"),
    *("scikit-learn", "langchain-core", "haystack-ai", "llama-index-core"),
    *("torch", "faiss-cpu", "faiss-gpu"),
)
"""Those of the extras, and others that bring threads of their own into a process."""

SETTINGS = (
    *("QUIVER_BACKEND", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "NUMBA_CPU_NAME"),
    *("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "PYTHON_CPU_COUNT", "PYTHON_GIL"),
)
"""Variables of the environment that change what runs, or on how many threads."""


def describe_python() -> dict[str, Any]:
    """Return versions: of Python, of NumPy and of what else is installed."""
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "gil": bool(has_lock),
        "numpy": np.__version__,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
    }


def describe_computer() -> dict[str, Any]:
    """Return what runs it, and on how many processors quiver may."""
    return {
        "machine": f"{platform.system()} {platform.machine()}",
        "kernel": ".".join(re.findall(r"\d+", platform.release())[:2]),
        "libc": " ".join(platform.libc_ver()).strip(),
        "processor": processor_name(),
        "features": _features(),
        "huge_pages": _chosen(Path("/sys/kernel/mm/transparent_hugepage/enabled")),
        "threads": resolve_threads(None),
        "processors": os.cpu_count(),
        "quota": read_quota(Path("/")),
    }


def processor_name() -> str:
    """Return the name of the processor, as far as the system tells it."""
    return _processor(Path("/proc/cpuinfo")) or platform.processor()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _features() -> list[str]:
    """Return the instruction sets that NumPy has kernels for and found here."""
    sets: dict[str, Any] = dict(np.show_config(mode="dicts")["SIMD Extensions"])
    # What is empty is left out of it.
    return [*sets.get("baseline", ()), *sets.get("found", ())]


def _processor(path: Path) -> str:
    """Return its name, or on ARM the numbers that stand for it; empty if not told."""
    lines = _read(path).splitlines()
    facts = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    numbers = [facts.get(f"CPU {part}", "") for part in ("implementer", "part")]
    return facts.get("model name") or " ".join(filter(None, numbers))


def _chosen(path: Path) -> str | None:
    """Return the word in brackets, of a file of Linux that lists what may be chosen."""
    found = re.search(r"\[(\w+)\]", _read(path))
    return found.group(1) if found else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
