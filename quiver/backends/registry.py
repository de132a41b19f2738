"""Names to backends: lazy loading, availability with a reason, entry points.

Nothing is imported until a backend is asked for. A third party registers one under
the entry-point group ``quiver.backends`` (a callable returning the backend) or with
`register_backend`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import NamedTuple

from quiver.backends.protocol import Backend
from quiver.errors import BackendUnavailableError, InvalidArgumentError

ENTRY_POINT_GROUP = "quiver.backends"
ENVIRONMENT_VARIABLE = "QUIVER_BACKEND"

Loader = Callable[[], Backend]


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


_CYTHON = "quiver.backends.cython_backend"


def _builtin(module: str, factory: str, *args: str) -> Loader:
    def load() -> Backend:
        backend: Backend = getattr(import_module(module), factory)(*args)
        return backend

    return load


# Fastest first: this is the order in which "auto" tries them.
_loaders: dict[str, Loader] = {
    "cython-avx512": _builtin(_CYTHON, "CythonBackend", "avx512"),
    "cython-avx2": _builtin(_CYTHON, "CythonBackend", "avx2"),
    "cython-scalar": _builtin(_CYTHON, "CythonBackend", "scalar"),
    "numba": _builtin("quiver.backends.numba_backend", "NumbaBackend"),
    "reference": _builtin("quiver.backends.reference_backend", "ReferenceBackend"),
}


def register_backend(name: str, loader: Loader) -> None:
    """Register a backend under a new name.

    Parameters
    ----------
    name : str
        Name for `get_backend`; neither ``auto`` nor one already registered.
    loader : callable
        Called on first use; returns the backend or raises with the reason it
        cannot run here.

    Raises
    ------
    InvalidArgumentError
        If the name is taken.
    """
    if name == "auto" or name in _all_loaders():
        msg = f"name must not be registered yet, got {name!r}"
        raise InvalidArgumentError(msg)
    _loaders[name] = loader


def get_backend(name: str = "auto") -> Backend:
    """Return a backend by name.

    Parameters
    ----------
    name : str, default "auto"
        ``auto`` takes the environment variable ``QUIVER_BACKEND`` if set, else the
        fastest available built-in. A named backend is used or raises: there is no
        silent fallback.

    Returns
    -------
    Backend
        The kernels; one object per name and process.

    Raises
    ------
    InvalidArgumentError
        If no backend has that name.
    BackendUnavailableError
        If it cannot run on this computer, with the reason.

    Examples
    --------
    >>> get_backend("reference").name
    'reference'
    """
    if name == "auto":
        requested = os.environ.get(ENVIRONMENT_VARIABLE, "auto")
        return _fastest() if requested == "auto" else get_backend(requested)
    loaders = _all_loaders()
    if name not in loaders:
        known = ", ".join(["auto", *loaders])
        msg = f"backend must be one of {known}, got {name!r}"
        raise InvalidArgumentError(msg)
    return _load(loaders[name], name)


def list_backends() -> list[BackendInfo]:
    """Return every registered backend, whether it can run here, and why not.

    Returns
    -------
    list of BackendInfo
        In the order in which ``auto`` tries the built-in ones.
    """
    infos = []
    for name in _all_loaders():
        try:
            get_backend(name)
        except BackendUnavailableError as error:
            infos.append(BackendInfo(name, available=False, reason=str(error)))
        else:
            infos.append(BackendInfo(name, available=True, reason=""))
    return infos


def _fastest() -> Backend:
    for name, loader in _loaders.items():
        try:
            return _load(loader, name)
        except BackendUnavailableError:
            continue
    msg = "no backend is available, not even reference: the installation is broken"
    raise BackendUnavailableError(msg)


@cache
def _load(loader: Loader, name: str) -> Backend:
    try:
        return loader()
    except Exception as error:  # A broken plug-in must not break the others.
        msg = f"backend {name!r} cannot run here: {error}"
        raise BackendUnavailableError(msg) from error


def _all_loaders() -> dict[str, Loader]:
    return {**_plugin_loaders(), **_loaders}


@cache
def _plugin_loaders() -> dict[str, Loader]:
    found = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: _plugin(point.load) for point in found}


def _plugin(load_factory: Callable[[], Loader]) -> Loader:
    return lambda: load_factory()()
