"""A stand-in for the ``os`` module of the saving code that fails on command."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

import quiver.storage.atomic
import quiver.storage.journal
import quiver.storage.writer

COUNTED = (
    *("open", "dup", "ftruncate", "fchmod", "lseek", "write"),
    *("fsync", "close", "replace"),
)
MODULES = (quiver.storage.atomic, quiver.storage.writer, quiver.storage.journal)

Act = Callable[[str, Callable[..., Any], tuple[Any, ...]], Any]


class FaultyOS:
    """Passes every call on to ``os``, except that counted call ``at`` goes to ``act``.

    Attributes
    ----------
    calls : list of str
        Names of the counted calls so far.
    """

    def __init__(self, at: int | None = None, act: Act | None = None) -> None:
        self.calls: list[str] = []
        self._at = at
        self._act = act

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in COUNTED:
            return real

        def counted(*args: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) - 1 == self._at and self._act is not None:
                return self._act(name, real, args)
            return real(*args)

        return counted

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for module in MODULES:
            patch.setattr(module, "os", self)


def failing(number: int) -> Act:
    """Raise an error number instead of the call; a close still closes."""

    def act(name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if name == "close":
            real(*args)
        raise OSError(number, os.strerror(number))

    return act


def kill(name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """End the process as a power cut would, before the call takes place."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_halfway(name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """End the process when half of a write has been written, or after the call."""
    if name == "write":
        args = (args[0], args[1][: len(args[1]) // 2])
    real(*args)
    os.kill(os.getpid(), signal.SIGKILL)
