"""Names to backends: which there are, which can run here, and what ``auto`` means.

Nothing is imported until a backend is asked for; `quiver.backends.loading` does that.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from typing import NamedTuple

from quiver.backends.loading import (
    BUILTIN_LOADERS,
    PARTS,
    Loader,
    check_parts,
    load,
    plugin_loaders,
    probe,
)
from quiver.backends.protocol import Backend
from quiver.errors import (
    BackendUnavailableError,
    InvalidArgumentError,
    InvalidTypeError,
    QuiverError,
    SlowBackendWarning,
)

ENVIRONMENT_VARIABLE = "QUIVER_BACKEND"


class BackendInfo(NamedTuple):
    """One line of `list_backends`.

    Attributes
    ----------
    name : str
        Registered name.
    available : bool
        Whether it can run on this computer.
    reason : str
        Empty if available, else why not and what to do.
    """

    name: str
    available: bool
    reason: str


_loaders: dict[str, Loader] = {**BUILTIN_LOADERS}

BUILTINS = tuple(BUILTIN_LOADERS)
"""Names of the backends of this package, fastest first."""


def register_backend(name: str, loader: Loader) -> None:
    """Register a backend under a new name.

    Parameters
    ----------
    name : str
        Name for `get_backend`; neither ``auto`` nor one already registered.
    loader : callable
        Called on first use; returns the backend, an object with every attribute and
        method of `quiver.backends.Backend`, or raises with the reason it cannot run
        here. A class without arguments is such a callable.

    Raises
    ------
    InvalidArgumentError
        If the name is taken.
    InvalidTypeError
        If the loader cannot be called. What it returns is checked on first use.
    """
    if not callable(loader):
        msg = (
            "loader must be a callable that returns the backend, such as its class, "
            f"got {loader!r}"
        )
        raise InvalidTypeError(msg)
    if name == "auto" or name in _all_loaders():
        msg = f"name must not be registered yet, got {name!r}"
        raise InvalidArgumentError(msg)
    _loaders[name] = loader


def get_backend(name: str | Backend = "auto") -> Backend:
    """Return a backend by name, or one given as itself.

    Parameters
    ----------
    name : str or Backend, default "auto"
        An object that follows the protocol is returned. ``auto`` takes the
        environment variable ``QUIVER_BACKEND`` if it is set and not empty, else the
        fastest available built-in. A named backend is used or raises: there is no
        silent fallback.

    Returns
    -------
    Backend
        The kernels; one object per name and process.

    Raises
    ------
    InvalidArgumentError
        If no backend has that name, or it is neither a name nor a backend.
    InvalidTypeError
        If an object has some parts of the protocol, but not all.
    BackendUnavailableError
        If it cannot run on this computer, or lacks a part of the protocol, with the
        reason.

    Warns
    -----
    SlowBackendWarning
        If ``auto`` finds nothing faster than ``reference``; once per process.

    Examples
    --------
    >>> get_backend("reference").name
    'reference'
    """
    if not isinstance(name, str):
        if not any(hasattr(name, part) for part in PARTS):
            raise _unknown(name)
        check_parts(name)
        return name
    chosen = _requested() if name == "auto" else name
    return _fastest() if chosen == "auto" else load(_find(chosen), chosen)


def list_backends() -> list[BackendInfo]:
    """Return every registered backend, whether it can run here, and why not.

    Nothing is compiled for it: that numba can be imported is all that is asked of the
    ``numba`` backend. Backends of others are loaded, since that is how they tell.

    Returns
    -------
    list of BackendInfo
        Plug-ins, then the built-in ones in the order in which ``auto`` tries them.
    """
    return [_info(name) for name in _all_loaders()]


def default_name() -> str:
    """Return the name that ``auto`` stands for here, without compiling it.

    Returns
    -------
    str
        Name of the backend that `get_backend` returns for ``auto``.

    Raises
    ------
    InvalidArgumentError, BackendUnavailableError
        If the environment variable ``QUIVER_BACKEND`` is wrong.
    """
    requested = _requested()
    if requested != "auto":
        return requested
    return next(name for name in BUILTINS if _info(name).available)


def _requested() -> str:
    """Return what the environment asks for: ``auto``, or a name that can run here."""
    name = os.environ.get(ENVIRONMENT_VARIABLE, "").strip() or "auto"
    try:
        if name != "auto":
            probe(_find(name), name)
    except QuiverError as error:
        msg = f"the environment variable {ENVIRONMENT_VARIABLE} is wrong: {error}"
        raise type(error)(msg) from error
    return name


def _fastest() -> Backend:
    refused: dict[str, list[str]] = {}
    for name, loader in _loaders.items():
        try:
            backend = load(loader, name)
        except BackendUnavailableError as error:
            refused.setdefault(str(error.__cause__), []).append(name)
            continue
        if name == "reference":
            _warn_of_the_slowest(
                "; ".join(f"{', '.join(n)}: {why}" for why, n in refused.items())
            )
        return backend
    msg = "no backend is available, not even reference: the installation is broken"
    raise BackendUnavailableError(msg)


@cache
def _warn_of_the_slowest(reasons: str) -> None:
    msg = (
        "only the reference backend can run here, which is written to be read and "
        f"takes seconds where others take milliseconds ({reasons}). Remedy: pip "
        "install 'quiver-ann[numba]', or install quiver where a C compiler is found. "
        f"{ENVIRONMENT_VARIABLE}=reference chooses it without this warning."
    )
    # Shown at the caller of `get_backend`.
    warnings.warn(msg, SlowBackendWarning, stacklevel=4)


def _info(name: str) -> BackendInfo:
    try:
        probe(_find(name), name)
    except BackendUnavailableError as error:
        return BackendInfo(name, available=False, reason=str(error))
    return BackendInfo(name, available=True, reason="")


def _find(name: str) -> Loader:
    loaders = _all_loaders()
    if name not in loaders:
        raise _unknown(name)
    return loaders[name]


def _unknown(name: object) -> InvalidArgumentError:
    known = ", ".join(["auto", *_all_loaders()])
    return InvalidArgumentError(f"backend must be one of {known}, got {name!r}")


def _all_loaders() -> dict[str, Loader]:
    return {**plugin_loaders(), **_loaders}
