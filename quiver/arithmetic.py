"""Arithmetic: IEEE 754 to nearest, as every bit that is promised needs it.

A thread can be told to flush subnormals to zero or to round another way: by
``fesetround``, by `torch.set_flush_denormal`, or by no more than loading a library that
was linked with ``-ffast-math``. Threads that it starts inherit that, and NumPy, every
kernel and Python itself then compute other bits. So the words that compute are entered
by `in_standard_arithmetic`, which puts the thread right for as long as they run.

The rules of a thread are asked of a sum and a product: that is done in a tenth of a
microsecond, on any processor. Only where they are other ones the C library is called.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, wraps
from types import FunctionType
from typing import Any, NamedTuple, ParamSpec, TypeVar

from quiver.errors import ArithmeticModeError

P = ParamSpec("P")
T = TypeVar("T")

# Names, since a sum of literals would be computed when this is compiled.
_ONE, _LITTLE = 1.0, 2.0**-60
_LEAST_NORMAL, _HALF = sys.float_info.min, 0.5

_ENVIRONMENT_BYTES = 256
"""More than any ``fenv_t`` has."""

_DEFAULTS = ("_FE_DFL_ENV", "__fe_dfl_env")
"""What ``FE_DFL_ENV`` points to on Darwin and on BSD; elsewhere the address is -1."""


def is_standard() -> bool:
    """Return whether this thread rounds to nearest and keeps subnormals.

    Examples
    --------
    >>> is_standard()
    True
    """
    # Where subnormals count as zero, a product that is one is not above it.
    return _ONE + _LITTLE == _ONE - _LITTLE and _LEAST_NORMAL * _HALF > 0.0


def in_standard_arithmetic(word: Callable[P, T]) -> Callable[P, T]:
    """Decorate a word that computes, so that while it runs its thread does by IEEE 754.

    Afterwards the thread has the rules again that it was given. A generator is not
    covered: it runs when it is asked, so decorate what it calls.

    Raises
    ------
    ArithmeticModeError
        When called, if the thread has other rules and they cannot be changed here.
    """

    @wraps(word)
    def computed(*args: P.args, **kwargs: P.kwargs) -> T:
        # As in `is_standard`, without a call: a single query takes microseconds.
        if _ONE + _LITTLE == _ONE - _LITTLE and _LEAST_NORMAL * _HALF > 0.0:
            return word(*args, **kwargs)
        with standard_arithmetic():
            return word(*args, **kwargs)

    return computed


def with_standard_arithmetic(verbs: type[T]) -> type[T]:
    """Decorate every public method of a class by `in_standard_arithmetic`."""
    for name, verb in [*vars(verbs).items()]:
        if name.startswith("_"):
            continue
        if isinstance(verb, classmethod):
            setattr(verbs, name, classmethod(in_standard_arithmetic(verb.__func__)))
        elif isinstance(verb, FunctionType):
            setattr(verbs, name, in_standard_arithmetic(verb))
    return verbs


@contextmanager
def standard_arithmetic() -> Iterator[None]:
    """Compute by IEEE 754 in the block, and by the rules from before after it.

    Whatever is done to this thread's rules in the block ends with it as well: so what
    imports other libraries can stand in one.

    Raises
    ------
    ArithmeticModeError
        If the thread has other rules and they cannot be changed here.
    """
    if (rules := _rules()) is None:
        _check()
        yield
        return
    before = ctypes.create_string_buffer(_ENVIRONMENT_BYTES)
    rules.read(before)
    try:
        rules.write(rules.default)
        _check()
        yield
    finally:
        rules.write(before)


def _check() -> None:
    if not is_standard():
        msg = (
            "this thread must round to nearest and keep subnormals, and does not: a "
            "library set it so (torch.set_flush_denormal, fesetround, or an object "
            "linked with -ffast-math), and here it cannot be set back. Remedy: undo "
            "that, or use quiver in another process"
        )
        raise ArithmeticModeError(msg)


class _Rules(NamedTuple):
    """What the C library has to read and to write the rules of a thread."""

    read: Any
    write: Any
    default: Any


@cache
def _rules() -> _Rules | None:
    """Return that, or None where the C library lacks it."""
    try:
        # One that keeps the GIL: the calls are shorter than its release.
        library = ctypes.PyDLL(None)
        both = library.fegetenv, library.fesetenv
    except (TypeError, OSError, AttributeError):
        return None
    for name in _DEFAULTS:
        with suppress(ValueError):
            return _Rules(*both, ctypes.byref(ctypes.c_char.in_dll(library, name)))
    return _Rules(*both, ctypes.c_void_p(-1))
