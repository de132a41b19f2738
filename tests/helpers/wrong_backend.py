"""Backends that are the reference but for one method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quiver.backends import Backend
from quiver.backends.reference_backend import ReferenceBackend
from quiver.reference.codes import Codes


def flip_last_bit(result: Any) -> Any:
    """Return the result with one bit changed, in the last element of an array."""
    if isinstance(result, np.ndarray):
        changed = result.copy()
        changed.reshape(-1)[-1:].view(f"u{changed.itemsize}")[...] ^= 1
        return changed
    if isinstance(result, Codes):
        return result._replace(rows=flip_last_bit(result.rows))
    first, *rest = result
    parts = flip_last_bit(first), *rest
    return type(result)(*parts) if hasattr(result, "_fields") else parts


def with_wrong(method: str, corrupt: Callable[[Any], Any]) -> Backend:
    """Return a backend that is the reference but for one method's results."""

    class Wrong(ReferenceBackend):
        name = "wrong"

    def wrong(*args: Any, **rules: Any) -> Any:
        return corrupt(getattr(ReferenceBackend, method)(*args, **rules))

    setattr(Wrong, method, staticmethod(wrong))
    return Wrong()
