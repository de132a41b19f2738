"""Every error quiver raises on purpose, and every warning.

Each names the argument, the value found and the rule it broke. The children also
derive from the built-in error a NumPy user expects, so ``except ValueError`` works.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class QuiverError(Exception):
    """Base of all errors raised by quiver."""


class InvalidArgumentError(QuiverError, ValueError):
    """A value is outside its documented range, or an array breaks a rule."""


class InvalidTypeError(QuiverError, TypeError):
    """An argument has a type or dtype that cannot be used."""


class BackendUnavailableError(QuiverError, ImportError):
    """A backend is known but cannot run on this computer; the reason is given."""


class FileFormatError(QuiverError, ValueError):
    """A file is missing a rule of its format: foreign, damaged or too new."""


class CancelledError(QuiverError, RuntimeError):
    """The caller's ``progress`` callback returned False; nothing was changed."""


class FileAccessError(QuiverError, OSError):
    """The operating system refused to open, read or write; ``errno`` says why."""


class LockError(FileAccessError):
    """Another writer is saving to the same path."""


class ShardError(QuiverError, RuntimeError):
    """A shard gave no answer; the message names its file and what happened to it."""


class ArithmeticModeError(QuiverError, ArithmeticError):
    """A thread computes by other rules than IEEE 754, and cannot be set right."""


class MalformedRequestError(QuiverError, ValueError):
    """A request to a service is not JSON, or came in part."""


class TooLargeError(QuiverError, ValueError):
    """A request to a service has more bytes than it takes."""


class OverloadedError(QuiverError, RuntimeError):
    """A service answers as many requests as it may; ask it again later."""


class DeadlineError(QuiverError, TimeoutError):
    """A service had no answer in time."""


class SlowBackendWarning(UserWarning):
    """The kernels work, but far slower than they could; reason and remedy are given."""


class PrecisionWarning(UserWarning):
    """Float32 cannot tell rows apart as they were given; share and remedy are given."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return the end of a message that offers the known word nearest to a misspelt one.

    Examples
    --------
    >>> did_you_mean("euclidian", ["cosine", "euclidean"])
    "; did you mean 'euclidean'?"
    """
    if not isinstance(word, str):
        return ""
    near = get_close_matches(word.lower(), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
