"""Exchange: what another library's object offers instead of a NumPy array.

Nothing foreign is imported: objects are known by their protocols. Arrow's goes before
``__array__``, which makes an object of every row; DLPack's comes last.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quiver.errors import InvalidTypeError
from quiver.validation.arrow import from_arrow, offers_arrow

# DLPack's numbers of main memory: plain, and pinned for CUDA or ROCm.
_HOST_DEVICES = (1, 3, 11)


def offered(value: Any, name: str) -> Any:
    """Return what NumPy can read of an object; anything else as it is.

    Raises
    ------
    InvalidTypeError
        If it lies on another device, or as `quiver.validation.arrow.from_arrow`.
    """
    value = _of_dataset(value)
    if offers_arrow(value):
        return from_arrow(value, name)
    if hasattr(value, "detach") and hasattr(value, "device"):
        return _detached(value, name)
    if hasattr(value, "__dlpack_device__") and not hasattr(value, "__array__"):
        return _from_dlpack(value, name)
    return value


def _of_dataset(value: Any) -> Any:
    """Return a Hugging Face dataset, or a column of one, as its Arrow table has it."""
    if type(value).__module__.partition(".")[0] != "datasets":
        return value
    source = getattr(value, "source", value)
    if not hasattr(source, "with_format"):
        return value
    rows = source.with_format("arrow")
    return rows[value.column_name] if hasattr(value, "column_name") else rows[:]


def _detached(tensor: Any, name: str) -> Any:
    """Return a tensor without its gradient."""
    if getattr(tensor.device, "type", "cpu") != "cpu":
        msg = (
            f"{name} must be in main memory, got a tensor on device {tensor.device}; "
            f"give {name}.cpu()"
        )
        raise InvalidTypeError(msg)
    plain = tensor.detach()
    # NumPy has no bfloat16; every value of it is a float32.
    return plain.float() if str(plain.dtype).endswith("bfloat16") else plain


def _from_dlpack(value: Any, name: str) -> Any:
    kind, number = value.__dlpack_device__()
    if kind not in _HOST_DEVICES:
        msg = (
            f"{name} must be in main memory, got {type(value).__name__} on DLPack "
            f"device ({int(kind)}, {number}); copy it to the host first, such as by "
            f"{name}.get() or {name}.cpu()"
        )
        raise InvalidTypeError(msg)
    return np.from_dlpack(value)
