"""Surroundings: what a proof ran on and with, and nothing that tells whose it is."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import numpy as np

from quiver._version import __version__
from quiver.backends.protocol import Backend

UNKNOWN = "unknown"

_PACKAGE = Path(__file__).parents[1]
_SOURCES = {
    "quiver.backends.reference_backend": "reference",
    "quiver.backends.numba_backend": "backends/_numba",
}
"""Folders whose modules are the kernels of a backend's module."""

_COMPILED = {"quiver.backends.cython_backend": "quiver.backends._simd.bindings"}
"""Compiled modules that are."""


def surroundings() -> dict[str, str]:
    """Return versions, kind of system, processor features and the oracle's digest."""
    return {
        "quiver": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "numba": _version_of("numba"),
        "system": platform.system() or UNKNOWN,
        "machine": platform.machine() or UNKNOWN,
        "byteorder": sys.byteorder,
        "features": _features(),
        "reference": _digest((_PACKAGE / "reference").glob("*.py")),
    }


def kernels_digest(backend: Backend) -> str:
    """Return the SHA-256 of a backend's kernels: of their sources, or as compiled."""
    name = type(backend).__module__
    if name in _SOURCES:
        return _digest((_PACKAGE / _SOURCES[name]).glob("*.py"))
    module = sys.modules.get(_COMPILED.get(name, name))
    file = getattr(module, "__file__", None)
    return UNKNOWN if file is None else _digest([Path(file)])


def _digest(files: Iterable[Path]) -> str:
    digest = sha256()
    for file in sorted(files):
        content = file.read_bytes()
        # What differs by the ends of its lines only is the same program.
        is_text = file.suffix == ".py"
        content = content.replace(b"\r\n", b"\n") if is_text else content
        digest.update(sha256(content).digest())
    return digest.hexdigest()


def _version_of(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _features() -> str:
    """Return the instruction sets of this processor that NumPy knows."""
    config = np.show_config(mode="dicts")
    known = config.get("SIMD Extensions", {}) if isinstance(config, dict) else {}
    return " ".join(sorted([*known.get("baseline", []), *known.get("found", [])]))
