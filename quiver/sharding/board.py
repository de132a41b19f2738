"""Board: memory that one process writes and others read, for what all are asked.

It has no name that a crash could leave behind. On POSIX it is a file that is open and
nowhere else, handed to a process as that starts; on Windows, memory that goes with the
last process that maps it.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterable
from mmap import ACCESS_READ, ACCESS_WRITE, mmap
from multiprocessing import reduction
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import AnyArray
from quiver.storage.atomic import write_all

ALIGNMENT = 64
"""Bytes at a multiple of which every array begins."""

LEAST_BYTES = 1 << 14
"""What is less crosses a pipe as fast."""

MOST_BYTES = 1 << 26
"""A board keeps its memory for the next question; what is more crosses the pipes."""


class Posted(NamedTuple):
    """Where arrays are on a board.

    Attributes
    ----------
    offsets : dict of int
        First byte of each array, by its ``id``.
    size : int
        Bytes of the board.
    """

    offsets: dict[int, int]
    size: int


def laid_out(arrays: Iterable[AnyArray]) -> tuple[list[int], int]:
    """Return where each of some arrays begins, one after the other, and their bytes."""
    offsets, size = [], 0
    for array in arrays:
        offsets.append(size)
        size += array.nbytes + -array.nbytes % ALIGNMENT
    return offsets, size


class Board:
    """Memory that this process writes, and those that were given the board read."""

    def __init__(self) -> None:
        self._memory: mmap | None = None
        self._size, self._owner = 0, os.getpid()
        self._source: Any = None

    def put(self, arrays: Collection[AnyArray]) -> Posted | None:
        """Write arrays over what was there; None if they had better be sent.

        Nobody may still read what was there.
        """
        offsets, size = laid_out(arrays)
        if not LEAST_BYTES <= size <= MOST_BYTES:
            return None
        try:
            memory = self._with_room(size)
        except OSError:
            return None
        for array, offset in zip(arrays, offsets, strict=True):
            place = np.frombuffer(memory, array.dtype, array.size, offset)
            place.reshape(array.shape)[...] = array
        return Posted(dict(zip(map(id, arrays), offsets, strict=True)), self._size)

    def read(self, size: int) -> mmap:
        """Return what the writer of the board, which is of some size, has written."""
        if self._memory is None or self._size != size:
            self._memory, self._size = self._mapped(size, ACCESS_READ), size
        return self._memory

    def _with_room(self, size: int) -> mmap:
        self._be_owner()
        if self._memory is None or self._size < size:
            size = 1 << (size - 1).bit_length()
            if sys.platform != "win32":
                # Touching a hole in a file on a full disk would end the process.
                write_all(self._source, bytes(size - self._size))
            self._memory, self._size = self._mapped(size, ACCESS_WRITE), size
        return self._memory

    def _be_owner(self) -> None:
        """Have a source that no other process writes to, as the one before a fork."""
        if self._source is None or self._owner != os.getpid():
            self._memory, self._size, self._owner = None, 0, os.getpid()
            self._hold(_new_source())

    def _hold(self, source: Any) -> None:
        self._source = source
        if sys.platform != "win32":
            weakref.finalize(self, os.close, source)

    def _mapped(self, size: int, access: int) -> mmap:
        if sys.platform == "win32":
            return mmap(-1, size, tagname=f"{self._source}-{size}", access=access)
        return mmap(self._source, size, access=access)

    def __reduce__(self) -> tuple[Callable[[Any], Board], tuple[Any]]:
        """Return the board for a process that is being started."""
        self._be_owner()
        if sys.platform == "win32":
            return _given, (self._source,)
        return _given, (reduction.DupFd(self._source),)


def _new_source() -> Any:
    """Return a file without a name, or on Windows a name without a file."""
    if sys.platform == "win32":
        return f"quiver-{secrets.token_hex(16)}"
    if hasattr(os, "memfd_create"):
        return os.memfd_create("quiver")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _given(source: Any) -> Board:
    board = Board()
    board._hold(source if sys.platform == "win32" else source.detach())
    return board
