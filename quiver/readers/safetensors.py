"""Map one tensor of a ``.safetensors`` file.

The format is a length, a JSON header and the values, so it is read here: mapped in
place, with every size compared to the file's first, where the library would load it.

Source: github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import FileFormatError
from quiver.readers.formats import check_numbers, check_size
from quiver.readers.opening import Wanted, choose_array
from quiver.readers.streamed import Streamed, rows_per_chunk, streamed

MAX_HEADER = 100_000_000
"""Bytes of JSON, the format's own bound."""

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    **{
        f"{kind}{8 * size}": f"<{kind.lower()}{size}"
        for kind in "IU"
        for size in (1, 2, 4, 8)
    },
}


def read_safetensors(
    path: Path, key: str | None, wanted: Wanted
) -> AnyArray | Streamed:
    """Map a tensor; one of bfloat16, which NumPy lacks, is streamed as float32."""
    tensors, start = _header(path)
    axes = {name: len(tensor["shape"]) for name, tensor in tensors.items()}
    name = choose_array(path, key, axes, wanted)
    kind, (begin, end) = tensors[name]["dtype"], tensors[name]["data_offsets"]
    if kind not in _DTYPES:
        msg = f"{path}: dtype must be one of {', '.join(_DTYPES)}, got {kind!r}"
        raise FileFormatError(msg)
    shape, dtype = tuple(tensors[name]["shape"]), np.dtype(_DTYPES[kind])
    check_numbers(path, shape, dtype)
    if end - begin != prod(shape) * dtype.itemsize:
        msg = (
            f"{path}: tensor {name} of {kind} {shape} must take "
            f"{prod(shape) * dtype.itemsize} bytes, got {end - begin}"
        )
        raise FileFormatError(msg)
    if not end - begin:
        return np.empty(shape, dtype)
    stored = np.memmap(path, dtype, "r", start + begin, shape)
    return stored if kind != "BF16" else streamed(path, shape[0], _widened(stored))


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the tensors, proven to fill the file, and where their values start."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(min(length, MAX_HEADER))
    try:
        tensors = json.loads(text.decode())
        tensors.pop("__metadata__", None)
        spans = [_span(tensor) for tensor in tensors.values()]
    # Bytes that are no JSON, or JSON of another shape, raise nearly anything.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        msg = f"{path}: must begin with a safetensors header, got {error!r}"
        raise FileFormatError(msg) from error
    check_size(path, 8 + length + max((end for _, end in spans), default=0))
    return tensors, 8 + length


def _span(tensor: dict[str, Any]) -> tuple[int, int]:
    begin, end = tensor["data_offsets"]
    sizes = [begin, end - begin, *tensor["shape"]]
    sound = all(type(size) is int and size >= 0 for size in sizes)
    if not (sound and isinstance(tensor["dtype"], str)):
        msg = f"a tensor of {tensor['dtype']!r} and sizes {sizes}"
        raise ValueError(msg)
    return begin, end


def _widened(stored: AnyArray) -> Iterator[AnyArray]:
    """Return bfloat16 as float32: it is the upper half of one."""
    step = rows_per_chunk(stored.shape, np.dtype(np.float32))
    for start in range(0, len(stored), step):
        bits = stored[start : start + step].astype(np.uint32)
        yield (bits << np.uint32(16)).view(np.float32)
