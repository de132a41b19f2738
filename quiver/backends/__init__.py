"""Swappable kernels behind one protocol.

`protocol` states the contract, `registry` finds and loads; the other modules are
the backends themselves and are imported on first use only.
"""

from quiver.backends.protocol import Backend
from quiver.backends.registry import (
    BackendInfo,
    get_backend,
    list_backends,
    register_backend,
)

__all__ = [
    "Backend",
    "BackendInfo",
    "get_backend",
    "list_backends",
    "register_backend",
]
