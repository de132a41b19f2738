"""Timing a call: the minimum of repeated runs, as interference only lengthens them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMING_SECONDS = 0.2
"""Shortest time that is measured: a shorter call is repeated until then."""


def fastest(call: Callable[[], T]) -> tuple[T, float]:
    """Return the last result of ``call`` and the seconds of its fastest run."""
    seconds: list[float] = []
    while sum(seconds) < TIMING_SECONDS:
        start = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)
