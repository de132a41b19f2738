"""Mapped: rows of a file as memory, with an eye on the disk and on the file's size."""

from __future__ import annotations

import mmap
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from quiver._typing import AnyArray, Ids
from quiver.errors import FileFormatError
from quiver.storage.layout import Section
from quiver.storage.source import READ_BYTES, SourceFile

if sys.platform == "linux":
    import resource


class MappedFile:
    """A read-only mapping of one section that notices when the file shrinks.

    Reading past the end of a shrunken file would kill the process, so the size is
    compared before each batch of rows. Saving never shrinks a file: it replaces it,
    and the mapping keeps the old one.

    While batches miss the page cache, the next one is announced row by row before it
    is read: the disk then works on all rows at once, at about a microsecond a row.

    Attributes
    ----------
    misses : bool
        Whether the last batch had to wait for the disk; True before the first.
    """

    def __init__(self, source: SourceFile, section: Section) -> None:
        self._path = source.path
        self._section = section
        self._map = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
        # Rows are read in no order the system could guess.
        if sys.platform != "win32":
            self._map.madvise(mmap.MADV_RANDOM)
        self.misses = True

    def array(self) -> AnyArray:
        """Return the section as a view of the mapping."""
        section = self._section
        dtype = np.dtype("<" + section.dtype)
        count = section.length // dtype.itemsize
        flat = np.frombuffer(self._map, dtype, count, section.offset)
        return flat.reshape(section.shape)

    def has_valid_crc(self) -> bool:
        """Return whether the checksum of all rows is the one in the table."""
        self.check_size()
        crc, end = 0, self._section.offset + self._section.length
        for start in range(self._section.offset, end, READ_BYTES):
            crc = zlib.crc32(self._map[start : min(start + READ_BYTES, end)], crc)
        return crc == self._section.crc

    @contextmanager
    def reading(self, rows: Ids | None) -> Iterator[None]:
        """Surround the reading of rows; None stands for rows not known before."""
        self.check_size()
        before = blocks_read()
        if self.misses and rows is not None:
            self._announce(rows)
        yield
        self.misses = blocks_read() > before

    def _announce(self, rows: Ids) -> None:
        if sys.platform == "win32":
            return
        row_bytes = self._section.length // max(1, self._section.shape[0])
        starts = self._section.offset + rows.astype(np.int64) * row_bytes
        pages = starts - starts % mmap.PAGESIZE
        lengths = starts + row_bytes - pages
        for page, length in zip(pages.tolist(), lengths.tolist(), strict=True):
            self._map.madvise(mmap.MADV_WILLNEED, page, length)

    def check_size(self) -> None:
        """Raise if the file is now shorter than what is mapped."""
        size = self._map.size()
        required = self._section.offset + self._section.length
        if size < required:
            msg = (
                f"{self._path}: section 'vectors' at byte {size}: found the file's "
                f"end, expected {required} bytes: it was cut short while open"
            )
            raise FileFormatError(msg)


def blocks_read() -> int:
    """Return the blocks this thread read from a disk; 0 where there is no counter."""
    if sys.platform == "linux":
        return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock
    return 0
