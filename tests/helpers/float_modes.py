"""Rules of arithmetic that someone else's library may leave behind in a thread."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_MACHINE = platform.machine()

# Where the C library of Linux keeps the rules in a `fenv_t`, and the bits of each mode.
_X86 = {
    "flushes results": 0x8000,
    "flushes operands": 0x0040,
    "flushes both": 0x8040,
    "rounds up": 0x4000,
    "rounds down": 0x2000,
    "rounds toward zero": 0x6000,
}
_ARM = {
    "flushes both": 1 << 24,
    "rounds up": 1 << 22,
    "rounds down": 2 << 22,
    "rounds toward zero": 3 << 22,
}
_WORD, MODES = {"x86_64": (7, _X86), "aarch64": (0, _ARM)}.get(_MACHINE, (0, {}))
if sys.platform != "linux":
    MODES = {}


@contextmanager
def mode(name: str) -> Iterator[None]:
    """Compute by one of `MODES` in this thread, and as before after the block."""
    before = rules()
    set_mode(name)
    try:
        yield
    finally:
        ctypes.PyDLL(None).fesetenv(before)


def set_mode(name: str) -> None:
    """Let this thread compute by one of `MODES` from now on."""
    changed = rules()
    changed[_WORD] |= MODES[name]
    ctypes.PyDLL(None).fesetenv(changed)


def rules() -> ctypes.Array[ctypes.c_uint32]:
    """Return the rules of this thread, but for flags of what has happened."""
    environment = (ctypes.c_uint32 * 64)()
    ctypes.PyDLL(None).fegetenv(environment)
    return environment


def current() -> int:
    """Return the bits of `MODES` that are set in this thread."""
    every = 0
    for bits in MODES.values():
        every |= bits
    return rules()[_WORD] & every
