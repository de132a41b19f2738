"""Calls of the C kernels in a file, with what an oracle returns; replay.c reads it.

A call is the name of its kernel in 16 bytes, how many values go in and come out, what
each of them is, and their bytes. They are what the bindings of the kernels are handed:
`CythonBackend` itself lays them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np

from quiver import reference
from quiver.backends.cython_backend import CythonBackend
from quiver.conformance import hazards
from quiver.conformance.cases import draw_calls

N_OUTPUTS = {"quantize": 2, "merge": 2, "search": 5, "rerank": 3, "answer": 3}
"""Arrays that the bindings are handed last, to be filled; others have one."""

STARTS = (0, 16, 8, 1)
"""Bytes that arrays of bytes begin behind a cache line, one call after the other."""


class Recording:
    """A backend that answers by an oracle and writes every call to a file.

    Parameters
    ----------
    file : binary file
        Written to.
    oracle : Backend, default the reference
        What the answers are taken from.
    """

    def __init__(self, file: BinaryIO, oracle: Any = reference) -> None:
        self.n_calls = 0
        self._file = file
        self._oracle = oracle

    def __getattr__(self, method: str) -> Any:
        """Return a method of the protocol."""
        return partial(self._record, method)

    def _record(self, method: str, *args: Any, **rules: Any) -> Any:
        result = getattr(self._oracle, method)(*args, **rules)
        inputs = laid_out(method, *args, **rules)
        outputs = [*flat(result)]
        # The bindings fill one array; the rest of the tuple is Python's.
        if method in ("encode", "scan"):
            del outputs[1:]
        start = STARTS[self.n_calls % len(STARTS)]
        counts = np.array([len(inputs), len(outputs)], "<i8")
        self._file.write(method.encode().ljust(16, b"\0") + counts.tobytes())
        values = [as_array(value) for value in (*inputs, *outputs)]
        for value in values:
            self._file.write(described(value, start))
        for value in values:
            self._file.write(b"" if value is None else value.tobytes())
        self.n_calls += 1
        return result


def record_hazards(path: Path) -> int:
    """Write calls of every method at every hazardous dimension; return how many."""
    with path.open("wb") as file:
        recording = Recording(file)
        for dim in hazards.BOUNDARY_DIMS:
            for call in draw_calls(np.random.default_rng(dim), dim):
                getattr(recording, call.method)(*call.args, **call.rules)
    return recording.n_calls


def laid_out(method: str, *args: Any, **rules: Any) -> list[Any]:
    """Return what the kernel is handed that a call of a backend's method ends in."""
    handed: list[Any] = []

    def keep(kernel: str, *values: Any) -> Any:
        handed.extend([*flat(values)][: -N_OUTPUTS.get(kernel, 1)])
        # How many lists were merged; otherwise balls, of which there are none.
        return 0 if kernel == "merge" else []

    class Kernels:
        def __getattr__(self, kernel: str) -> Any:
            return partial(keep, kernel)

    backend = object.__new__(CythonBackend)
    backend.name = backend.target = "recorded"
    backend._kernels = Kernels()
    backend._searched = lambda _, **parts: SimpleNamespace(
        answer=partial(keep, "answer", *parts.values())
    )
    getattr(backend, method)(*args, **rules)
    return handed


def flat(value: Any) -> Iterator[Any]:
    """Yield what nested tuples hold."""
    if isinstance(value, tuple):
        for part in value:
            yield from flat(part)
    else:
        yield value


def as_array(value: Any) -> np.ndarray | None:
    """Return a value as the array it is in the file; words become bytes."""
    if value is None:
        return None
    if isinstance(value, str):
        return np.frombuffer(value.encode() + b"\0", np.uint8)
    if isinstance(value, float):
        return np.array(value, np.float64)
    if isinstance(value, (bool, int)):
        return np.array(value, np.int64)
    return np.ascontiguousarray(value)


def described(array: np.ndarray | None, start: int) -> bytes:
    """Return axes, kind, bytes of an item, shape and where it shall start: int64."""
    if array is None:
        return np.array([-1] + 6 * [0], "<i8").tobytes()
    shape = [*array.shape, *(3 - array.ndim) * [0]]
    place = start if array.itemsize == 1 else 0
    kind = ord(array.dtype.kind)
    return np.array([array.ndim, kind, array.itemsize, *shape, place], "<i8").tobytes()
