"""Timing a call: once, or the least of several runs, as interference only lengthens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMING_SECONDS = 0.2
"""Shortest time that is measured: a shorter call is repeated until then."""


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """Return the result of ``call`` and the seconds of this one run."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def fastest(call: Callable[[], T]) -> tuple[T, float]:
    """Return the last result of ``call`` and the seconds of its fastest run."""
    seconds: list[float] = []
    while sum(seconds) < TIMING_SECONDS:
        result, last = timed(call)
        seconds.append(last)
    return result, min(seconds)
