"""Replica: one actor that has a shard, started again when it dies or hangs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any


class Replica:
    """An actor, which Ray starts again when its process dies.

    Parameters
    ----------
    ray : module
        Connected to its cluster.
    start : callable
        Starts another, as the first.

    Attributes
    ----------
    opened : ObjectRef
        What `Holder.open` returns, once it has.
    """

    def __init__(self, ray: Any, start: Callable[[], Any]) -> None:
        self._ray, self._start, self._lock = ray, start, Lock()
        self._begin()

    def _begin(self) -> None:
        self._actor = self._start()
        self.opened = self._actor.open.remote()

    def ask(self, frame: Any, *, is_patient: bool) -> Any:
        """Return where the answers to a frame will be.

        A patient question waits for an actor that is being started again; another is
        lost at once. Either is asked at most once.
        """
        opened = None
        if is_patient:
            # Opening may be tried again and again, and Ray asks only after that.
            opened = self._actor.open.options(max_task_retries=-1).remote()
        return self._actor.ask.remote(frame, opened)

    def replace(self) -> None:
        """Start another actor in the place of one that hangs.

        One that has not opened its shard yet is let be, or none would ever come so far
        where questions are given less time than that takes.
        """
        with self._lock:
            if self._ray.wait([self.opened], timeout=0)[0]:
                self.end()
                self._begin()

    def end(self) -> None:
        """Kill the actor for good."""
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._actor)
