"""Mapped: sections of a file as memory, with an eye on the disk and the file's size."""

from __future__ import annotations

import mmap
import os
import sys
import weakref
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from quiver._typing import AnyArray, Ids
from quiver.errors import FileFormatError
from quiver.storage.layout import Section
from quiver.storage.source import READ_BYTES, SourceFile

if sys.platform == "linux":
    import resource


class MappedFile:
    """A read-only mapping of sections that notices when the file shrinks.

    Reading past the end of a shrunken file would kill the process, so the size is
    compared before each batch of rows. Saving never shrinks a file: it replaces it,
    and the mapping keeps the old one. All processes that map a file share its pages.

    Kernels follow what is hot without a bounds test, so where that is mapped a file
    that was written to since is refused as well, as far as its time tells.

    While batches miss the page cache, the next one is announced row by row before it
    is read: the disk then works on all rows at once, at about a microsecond a row.

    Parameters
    ----------
    source : SourceFile
        Open; the mapping outlives it.
    cold : Section
        The stored vectors, the last of the file.
    hot : sequence of Section
        What else is read from the mapping.

    Attributes
    ----------
    hot : tuple of Section
        As given.
    misses : bool
        Whether the last batch had to wait for the disk; True before the first.
    """

    def __init__(
        self, source: SourceFile, cold: Section, hot: Sequence[Section] = ()
    ) -> None:
        self._path = source.path
        self._cold = cold
        self.hot = tuple(hot)
        self._map = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
        self._written = source.identity.written
        self._fd = os.dup(source.fileno())
        weakref.finalize(self, os.close, self._fd)
        # Vectors are read in no order the system could guess. What is hot is wanted
        # whole, and is read ahead as usual.
        if sys.platform != "win32" and cold.length:
            start = cold.offset - cold.offset % mmap.PAGESIZE
            end = cold.offset + cold.length
            self._map.madvise(mmap.MADV_RANDOM, start, end - start)
        self.misses = True

    def array(self, section: Section) -> AnyArray:
        """Return a section as a view of the mapping."""
        dtype = np.dtype("<" + section.dtype)
        count = section.length // dtype.itemsize
        flat = np.frombuffer(self._map, dtype, count, section.offset)
        return flat.reshape(section.shape)

    def holds(self, array: AnyArray) -> bool:
        """Return whether an array lies in the mapping."""
        return np.may_share_memory(array, np.frombuffer(self._map, np.uint8))

    def crc(self, section: Section) -> int:
        """Return the CRC-32 of a section as it is now."""
        self.check_file()
        crc, end = 0, section.offset + section.length
        for start in range(section.offset, end, READ_BYTES):
            crc = zlib.crc32(self._map[start : min(start + READ_BYTES, end)], crc)
        return crc

    def first_damaged(self) -> str | None:
        """Return the name of a section whose checksum is not the table's, if any."""
        sections = *self.hot, self._cold
        return next((one.name for one in sections if self.crc(one) != one.crc), None)

    @contextmanager
    def reading(self, rows: Ids | None) -> Iterator[None]:
        """Surround the reading of rows; None stands for rows not known before."""
        self.check_file()
        before = blocks_read()
        if self.misses and rows is not None:
            self._announce(rows)
        yield
        self.misses = blocks_read() > before

    def _announce(self, rows: Ids) -> None:
        if sys.platform == "win32":
            return
        row_bytes = self._cold.length // max(1, self._cold.shape[0])
        starts = self._cold.offset + rows.astype(np.int64) * row_bytes
        pages = starts - starts % mmap.PAGESIZE
        lengths = starts + row_bytes - pages
        for page, length in zip(pages.tolist(), lengths.tolist(), strict=True):
            self._map.madvise(mmap.MADV_WILLNEED, page, length)

    def check_file(self) -> None:
        """Raise if the file is now shorter than what is mapped, or was written to."""
        now = os.fstat(self._fd)
        required = self._cold.offset + self._cold.length
        if now.st_size < required:
            msg = (
                f"{self._path}: section {self._cold.name!r} at byte {now.st_size}: "
                f"found the file's end, expected {required} bytes: it was cut short "
                "while open"
            )
            raise FileFormatError(msg)
        if self.hot and now.st_mtime_ns != self._written:
            msg = (
                f"{self._path}: file at byte 0: found that it was written to while "
                "open, expected that it is replaced, as Index.save does; open it again"
            )
            raise FileFormatError(msg)


def blocks_read() -> int:
    """Return the blocks this thread read from a disk; 0 where there is no counter."""
    if sys.platform == "linux":
        return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock
    return 0
