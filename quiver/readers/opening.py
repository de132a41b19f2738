"""Opening: what a file of several arrays needs before one of them is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from quiver.errors import FileFormatError, InvalidArgumentError, QuiverError


@contextmanager
def needing(what: object, package: str) -> Iterator[None]:
    """Turn a missing package into an error that says what to install.

    Raises
    ------
    InvalidArgumentError
    """
    try:
        yield
    except ImportError as error:
        extra = package if package in ("zarr", "ray") else "io"
        msg = f"{what} needs {package}: pip install 'quiver-ann[{extra}]'"
        raise InvalidArgumentError(msg) from error


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a library says of a damaged file into an error of ours.

    Raises
    ------
    FileFormatError
        Memory that lacks stays a MemoryError, except where pyarrow lacks it: a damaged
        Arrow file asks for any amount.
    """
    # An unreadable file is told as such, before a library calls it malformed.
    if path.is_file():
        path.open("rb").close()
    try:
        yield
    except QuiverError:
        raise
    except Exception as error:
        is_memory = isinstance(error, MemoryError)
        if is_memory and not type(error).__module__.startswith("pyarrow"):
            raise
        msg = f"{path}: must be a whole {kind} file, got {error}"
        raise FileFormatError(msg) from error


class Wanted(NamedTuple):
    """What is looked for in a file where no name is given.

    Attributes
    ----------
    name : str
        What it is called in most files.
    ndim : int
        Axes of the array that is meant if it is the only one with so many.
    """

    name: str
    ndim: int


VECTORS = Wanted("train", 2)
IDS = Wanted("ids", 1)


def choose_array(
    path: object, key: str | None, axes: dict[str, int], wanted: Wanted
) -> str:
    """Return the name of the array or column meant, of those with so many axes.

    Raises
    ------
    InvalidArgumentError
        If the key names none, or none is given and several may be meant.
    """
    if key is None:
        alike = [name for name, ndim in axes.items() if ndim == wanted.ndim]
        key = alike[0] if len(alike) == 1 else None
        key = wanted.name if wanted.name in axes else key
    if key in axes:
        return key
    found = ", ".join(axes) or "none"
    msg = f"key must name an array or column of {path} ({found}), got {key!r}"
    raise InvalidArgumentError(msg)
