"""Loading a backend: those of this package, plug-ins, and what all must have.

A third party offers a plug-in under the entry-point group ``quiver.backends``: a
callable that returns the backend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from quiver.arithmetic import standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.backends.targets import TARGETS
from quiver.errors import BackendUnavailableError, InvalidTypeError

ENTRY_POINT_GROUP = "quiver.backends"

PARTS = [part for part in vars(Backend) if not part.startswith("_")]
"""Attributes and methods of the protocol."""

Loader = Callable[[], Backend]


@dataclass(frozen=True)
class Builtin:
    """Where a backend of this package is.

    Attributes
    ----------
    module, factory : str
        What is imported and called.
    arguments : tuple of str
        What it is called with.
    compiler : str
        Package that compiles the kernels while they load, which takes long; or empty.
    """

    module: str
    factory: str
    arguments: tuple[str, ...] = ()
    compiler: str = ""

    def __call__(self) -> Backend:
        """Load it."""
        module = import_module(self.module)
        backend: Backend = getattr(module, self.factory)(*self.arguments)
        return backend


# Fastest first: this is the order in which "auto" tries them.
BUILTIN_LOADERS: dict[str, Loader] = {
    **{
        f"cython-{target.name}": Builtin(
            "quiver.backends.cython_backend", "CythonBackend", (target.name,)
        )
        for target in TARGETS
    },
    "numba": Builtin("quiver.backends.numba_backend", "NumbaBackend", compiler="numba"),
    "reference": Builtin("quiver.backends.reference_backend", "ReferenceBackend"),
}


@cache
def load(loader: Loader, name: str) -> Backend:
    """Return what a loader returns; raise `BackendUnavailableError` with the reason."""
    with _reason_given(name):
        backend = loader()
        check_parts(backend)
    return backend


def check_parts(backend: Backend) -> None:
    """Raise unless the protocol is complete, as far as names can tell."""
    if isinstance(backend, type):
        msg = f"its loader returned the class {backend.__name__}, not an object of it"
        raise InvalidTypeError(msg)
    if missing := [part for part in PARTS if not hasattr(backend, part)]:
        msg = f"{type(backend).__name__} lacks {', '.join(missing)}"
        raise InvalidTypeError(msg)


def probe(loader: Loader, name: str) -> None:
    """Raise as `load` would, as far as it can be told without compiling."""
    if isinstance(loader, Builtin) and loader.compiler:
        with _reason_given(name):
            import_module(loader.compiler)
    else:
        load(loader, name)


@contextmanager
def _reason_given(name: str) -> Iterator[None]:
    try:
        # What is imported may change how this thread computes.
        with standard_arithmetic():
            yield
    except Exception as error:  # A broken plug-in must not break the others.
        msg = f"backend {name!r} cannot run here: {error}"
        raise BackendUnavailableError(msg) from error


@cache
def plugin_loaders() -> dict[str, Loader]:
    """Return the loaders of all installed plug-ins by name; none is imported."""
    found = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: _plugin(point.load) for point in found}


def _plugin(load_factory: Callable[[], Loader]) -> Loader:
    return lambda: load_factory()()
