"""Timing a call: the fastest of several runs, since a computer only ever adds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMING_SECONDS = 0.2
"""A batch of queries lasts milliseconds: repeat it until a clock can tell."""


def fastest(call: Callable[[], T]) -> tuple[T, float]:
    """Return the last result of ``call`` and the seconds of its fastest run."""
    seconds: list[float] = []
    while sum(seconds) < TIMING_SECONDS:
        start = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)
