"""Watchdog: something done when other work takes too long, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer


@contextmanager
def after(seconds: float | None, act: Callable[[], None]) -> Iterator[None]:
    """Call ``act`` if the block has not ended after so many seconds; None waits.

    For work that nothing but its object can end: reading from a process that hangs ends
    once that is killed.
    """
    if seconds is None:
        yield
        return
    timer = Timer(seconds, act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
