"""Watchdog: something done when other work takes too long, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

AGAIN_SECONDS = 1.0
"""Time between one call and the next, should the first not have ended the block."""


@contextmanager
def after(seconds: float | None, act: Callable[[], None]) -> Iterator[None]:
    """Call ``act`` if the block has not ended after so many seconds, and again.

    For work that nothing but its object can end: writing to a process that hangs ends
    once that is killed. None waits for ever, without a thread.
    """
    if seconds is None:
        yield
        return
    has_ended = Event()

    def watch() -> None:
        wait = seconds
        while not has_ended.wait(wait):
            act()
            wait = AGAIN_SECONDS

    Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        has_ended.set()
