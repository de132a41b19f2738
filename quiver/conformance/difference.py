"""Where two results differ: type, dtype, shape, memory order, then every bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from quiver._typing import AnyArray
from quiver.reference.answer import Searched


def first_difference(actual: Any, expected: Any, where: str) -> str:
    """Return where two results first differ, and both values; empty if nowhere.

    Type, dtype, shape and memory order count; floats are compared as bits.
    """
    # A tuple instead of its named kind would break the caller, so types count.
    if type(actual) is not type(expected):
        return f"{where} is {type(actual).__name__}, not {type(expected).__name__}"
    if isinstance(expected, str):
        return "" if actual == expected else f"{where}: {actual!r} != {expected!r}"
    if not isinstance(expected, tuple):
        return _array_difference(np.asarray(actual), np.asarray(expected), where)
    if len(actual) != len(expected):
        return f"{where} has {len(actual)} parts, not {len(expected)}"
    names = getattr(expected, "_fields", range(len(expected)))
    pairs = zip(names, actual, expected, strict=True)
    found = (first_difference(a, e, f"{where}.{name}") for name, a, e in pairs)
    return next((difference for difference in found if difference), "")


def _array_difference(actual: AnyArray, expected: AnyArray, where: str) -> str:
    for trait in ("dtype", "shape"):
        got, wanted = getattr(actual, trait), getattr(expected, trait)
        if got != wanted:
            return f"{where} has {trait} {got}, not {wanted}"
    if not actual.flags.c_contiguous:
        return f"{where} is not C-contiguous"
    # As integers -0.0 differs from 0.0, and a NaN equals itself.
    unsigned = f"u{expected.dtype.itemsize}"
    wanted_bits = np.ascontiguousarray(expected).view(unsigned)
    differs = np.argwhere(actual.view(unsigned) != wanted_bits)
    if not differs.size:
        return ""
    position = tuple(differs[0].tolist())
    return (
        f"{where}{list(position)} is {actual[position]!r}, not {expected[position]!r}"
    )


def arrays_in(value: Any) -> Iterator[AnyArray]:
    """Yield every array in nested tuples, and in what is searched, in order."""
    if isinstance(value, Searched):
        value = tuple(value.parts().values())
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from arrays_in(part)
