"""Equality to the last bit, and proof that a call left its arguments alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from quiver.reference.answer import Searched

UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def assert_identical(actual: Any, expected: Any, where: str = "result") -> None:
    """Assert equal types, dtypes, shapes, layouts and bits, through tuples."""
    assert type(actual) is type(expected), where
    if isinstance(expected, tuple):
        assert len(actual) == len(expected), where
        names = getattr(expected, "_fields", range(len(expected)))
        for name, left, right in zip(names, actual, expected, strict=True):
            assert_identical(left, right, f"{where}.{name}")
    elif isinstance(expected, np.ndarray):
        assert actual.dtype == expected.dtype, where
        assert actual.shape == expected.shape, where
        assert actual.flags.c_contiguous, where
        # Compared as integers: -0.0 is not 0.0, and a NaN equals itself.
        unsigned = UNSIGNED[expected.itemsize]
        bits = np.ascontiguousarray(expected).view(unsigned)
        np.testing.assert_array_equal(actual.view(unsigned), bits, where)
    else:
        assert actual == expected, where


def call_untouched(method: Callable[..., Any], *args: Any, **rules: Any) -> Any:
    """Call with read-only arrays and assert that no byte of them has changed."""
    arrays = list(arrays_in((*args, *rules.values())))
    before = [array.tobytes() for array in arrays]
    writeable = [array.flags.writeable for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    try:
        result = method(*args, **rules)
    finally:
        for array, was_writeable in zip(arrays, writeable, strict=True):
            array.setflags(write=was_writeable)
    assert [array.tobytes() for array in arrays] == before, "an input was written to"
    return result


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    """Yield every array in nested tuples, and in what is searched."""
    if isinstance(value, Searched):
        value = tuple(value.parts().values())
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from arrays_in(part)
