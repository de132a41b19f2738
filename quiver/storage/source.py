"""Source: an open index file in which every failure has a type and a place."""

from __future__ import annotations

import io
import os
import stat
import zlib
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, NoReturn

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import FileFormatError
from quiver.reference.codes import aligned_zeros
from quiver.storage.atomic import os_errors
from quiver.storage.layout import Section

READ_BYTES = 1 << 20
"""Bytes read before their checksum is taken: they are still in the cache then."""

# Without O_NONBLOCK opening a pipe would wait for a writer for ever.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class Identity(NamedTuple):
    """What tells a file from any other, and from itself before it was changed.

    Attributes
    ----------
    device, number, size : int
        Of the file.
    written, changed : int
        When its content was last written, and when anything was, in nanoseconds: the
        first can be set back, the second cannot.
    """

    device: int
    number: int
    size: int
    written: int
    changed: int


class SourceFile:
    """A regular file, opened for reading; use it as a context manager.

    Attributes
    ----------
    path : Path
        As the caller gave it.
    size : int
        Bytes, when it was opened.
    identity : Identity
        Which file it is, and of what time.

    Raises
    ------
    FileAccessError
        If the operating system cannot open it.
    FileFormatError
        If it is no regular file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with os_errors("open", path):
            fd = os.open(path, _OPEN_FLAGS)
        status = os.fstat(fd)
        self.size = status.st_size
        times = status.st_mtime_ns, status.st_ctime_ns
        self.identity = Identity(status.st_dev, status.st_ino, self.size, *times)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            kind = stat.filemode(status.st_mode)
            self.fail("file", 0, f"type {kind[0]!r} of {kind}", "a regular file")
        self._raw = io.FileIO(fd)

    def __enter__(self) -> SourceFile:
        """Return the file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._raw.close()

    def fileno(self) -> int:
        """Return the descriptor, for mapping."""
        return self._raw.fileno()

    def fail(
        self,
        part: str,
        offset: int,
        found: object,
        expected: object,
        cause: Exception | None = None,
    ) -> NoReturn:
        """Raise the error that names file, part, offset, found and expected."""
        place = f"{self.path}: {part} at byte {offset}"
        msg = f"{place}: found {found}, expected {expected}"
        raise FileFormatError(msg) from cause

    def read(self, part: str, offset: int, length: int) -> bytes:
        """Return ``length`` bytes or raise that the file ends before."""
        buffer = bytearray(length)
        self.checksum_into(part, offset, memoryview(buffer))
        return bytes(buffer)

    def read_zeros(self, part: str, start: int, stop: int) -> None:
        """Raise unless the padding ``start … stop`` is zero."""
        padding = self.read(part, start, stop - start)
        position = len(padding) - len(padding.lstrip(b"\0"))
        if position < len(padding):
            found = f"{padding[position]:#04x}"
            self.fail(f"padding before {part}", start + position, found, "zero")

    def read_section(self, section: Section) -> AnyArray:
        """Return a section as a new aligned array, its checksum proven.

        The caller has compared the table with the file's size, so what is allocated
        here is never more than the file holds.
        """
        dtype = np.dtype("<" + section.dtype).newbyteorder("=").type
        rows, columns = (*section.shape, 1)[:2]
        array = np.asarray(aligned_zeros((rows, columns), dtype)).reshape(section.shape)
        view = array.reshape(-1).view(np.uint8).data
        part = f"section {section.name!r}"
        crc = self.checksum_into(part, section.offset, view)
        self.check_crc(part, section.offset, crc, section.crc)
        return array

    def check_crc(self, part: str, offset: int, found: int, expected: int) -> None:
        """Raise unless the checksum of a part is the one stored for it."""
        if found != expected:
            self.fail(part, offset, f"CRC-32 {found:#010x}", f"{expected:#010x}")

    def checksum_into(self, part: str, offset: int, view: memoryview) -> int:
        """Fill ``view`` from ``offset`` on and return the CRC-32 of the bytes."""
        crc, position = 0, 0
        with os_errors("read", self.path):
            self._raw.seek(offset)
            while position < len(view):
                got = self._raw.readinto(view[position : position + READ_BYTES])
                if not got:
                    found = f"the file's end at byte {offset + position}"
                    self.fail(part, offset, found, f"{len(view)} bytes")
                crc = zlib.crc32(view[position : position + got], crc)
                position += got
        return crc
