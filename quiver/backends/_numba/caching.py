"""Caching: compiled kernels kept in a folder of these sources and of no others.

Numba compares the one file that a kernel stands in. Compiled into it are functions of
other modules and constants of the reference, which an upgrade may change without that
file. So every state of all these sources, and of what compiles them, has a folder of
its own. What is in it is the same whoever wrote it, and appears whole by being renamed:
processes that compile at once do each other no harm.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.misc.appdirs import AppDirs

config: Any = numba.config  # Its names are made when it is imported.

_COMPILED = "quiver.backends._numba", "quiver.reference"
"""Packages whose functions and constants are compiled into kernels."""


@cache
def cache_folder() -> Path | None:
    """Return the folder of the compiled kernels, or None where none can be written.

    It lies in ``NUMBA_CACHE_DIR`` if that is set, else beside the kernels' sources,
    else in the user's cache folder: the first of these that can be written. Asked once
    per process; nothing is compiled for it.
    """
    beside = Path(__file__).parent / "__pycache__"
    of_user = AppDirs(appname="numba", appauthor=False).user_cache_dir
    places = [*filter(None, [config.CACHE_DIR]), beside, of_user]
    folders = (Path(place).absolute() / f"quiver-{_fingerprint()}" for place in places)
    return next(filter(_can_be_written, folders), None)


@contextmanager
def cached_in(folder: Path) -> Iterator[None]:
    """Let functions that are compiled in the block be cached in a folder."""
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _fingerprint() -> str:
    """Return a name for the sources, and for what compiles them."""
    digest = hashlib.sha256()
    for library in (numba, llvmlite, np):
        digest.update(f"{library.__name__} {library.__version__}\n".encode())
    for package in _COMPILED:
        files = sorted(resources.files(package).iterdir(), key=lambda file: file.name)
        for file in files:
            if file.name.endswith(".py"):
                digest.update(f"{package} {file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
