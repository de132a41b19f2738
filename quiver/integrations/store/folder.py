"""Folder: a store on the disk, a database of documents beside an index file.

``documents.sqlite`` says which documents there are; a row of ``vectors.quiver`` that it
does not name counts for nothing. So vectors come before their documents and go after
them, and whatever is stopped in between leaves the documents of before or of after.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from quiver.backends.protocol import Backend
from quiver.errors import FileAccessError, FileFormatError
from quiver.index import Index
from quiver.index import open as open_index
from quiver.integrations.store.document import Kept
from quiver.integrations.store.table import Settings, Table, write_table
from quiver.storage.atomic import os_errors, sync_folder, temp_path
from quiver.storage.journal import journal_path

DOCUMENTS, VECTORS = "documents.sqlite", "vectors.quiver"

JOURNAL_SHARE, LEAST_JOURNAL = 20, 1 << 20
"""A journal of a twentieth of the index, and of a mebibyte, is as long as may be: to
repeat its rows takes about a twentieth of a build. Then the index is saved."""

MOST_OPERATIONS = 1000
"""More operations are too many, too: however few rows one adds, it copies the graph,
which takes a hundredth of the time of a save."""

CHECKED_ROWS = 4096
"""Vectors that are read at a time to be checked."""


class Folder:
    """The folder of a store, its own for as long as this object lives.

    Parameters
    ----------
    path : Path
        Where `write_folder` wrote.

    Raises
    ------
    LockError, FileFormatError, FileAccessError
        As `Table` does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table = Table(path / DOCUMENTS)
        self._vectors = path / VECTORS
        self._saved_version = 0

    def index(self, kept: Iterable[Kept], backend: Backend) -> Index | None:
        """Return the index of documents; None before the first vector.

        Raises
        ------
        FileFormatError
            If it is damaged, or the vectors are not those that were put.
        """
        index = None
        if self._vectors.exists():
            index = self._opened(backend)
        having = [one for one in kept if one.vector_crc is not None]
        for start in range(0, len(having), CHECKED_ROWS):
            self._check_vectors(having[start : start + CHECKED_ROWS], index)
        return index

    def begun(self, index: Index) -> Index:
        """Return an index, kept here from now on, for one without vectors."""
        with os_errors("save the store", self._vectors):
            _remove(journal_path(self._vectors))
        index.save(self._vectors)
        return self._opened(index.backend)

    def hand_over(self, index: Index, heir: Index) -> None:
        """Save an index in the place of another, and keep its changes from now on.

        The journal names the new file before that takes its name, as in any save: so
        either file opens wherever this is stopped, with all that the old one had.
        """
        heir.writer.journal = index.writer.journal
        self.save(heir)

    def save(self, index: Index | None) -> None:
        """Save the index, so that its journal is empty."""
        if index is not None:
            index.save(self._vectors)
            self._saved_version = index.version

    def save_grown(self, index: Index) -> None:
        """Save the index if its journal has grown long."""
        with os_errors("save the store", self._vectors):
            length = journal_path(self._vectors).stat().st_size
            size = self._vectors.stat().st_size
        n_operations = index.version - self._saved_version
        is_long = length > max(LEAST_JOURNAL, size // JOURNAL_SHARE)
        if is_long or n_operations >= MOST_OPERATIONS:
            self.save(index)

    def _opened(self, backend: Backend) -> Index:
        # Without its journal the file is what was saved; its header says of when.
        saved = open_index(self._vectors, hot="mmap", verify="none", backend=backend)
        self._saved_version = saved.version
        return open_index(self._vectors, backend=backend, journal=True)

    def _check_vectors(self, kept: list[Kept], index: Index | None) -> None:
        found = {} if index is None else _vector_crcs(index, kept)
        for one in kept:
            if one.vector_crc != found.get(one.row):
                msg = (
                    f"{self._vectors}: found another or no vector of document "
                    f"{one.document.id!r}, expected the one that was put; restore "
                    f"this file and {DOCUMENTS} together"
                )
                raise FileFormatError(msg)


def _vector_crcs(index: Index, kept: list[Kept]) -> dict[int, int]:
    """Return the CRC-32 of the vectors of documents by row, of those that are there."""
    there = [one.row for one in kept if one.row in index]
    return dict(zip(there, map(zlib.crc32, index.get(there)), strict=True))


def write_folder(
    path: Path, settings: Settings, kept: Iterable[Kept], index: Index | None
) -> None:
    """Write a store to a folder that has none; it is one once its database is whole.

    Raises
    ------
    FileAccessError
        If there is one already, or the operating system fails.
    """
    file, temp = path / DOCUMENTS, temp_path(path / DOCUMENTS)
    vectors = path / VECTORS
    with os_errors("save the store", path):
        path.mkdir(parents=True, exist_ok=True)
        # Beside its temp file, an index is what a save left that was stopped.
        if file.exists() or (vectors.exists() and not temp.exists()):
            reason = "there is a store already; open it, or remove its folder"
            raise FileAccessError(errno.EEXIST, reason, str(path))
        _remove(vectors, journal_path(vectors), temp)
    try:
        write_table(temp, settings, kept)
        if index is not None:
            index.save(vectors)
        with os_errors("save the store", file):
            os.replace(temp, file)
            sync_folder(path)
    except BaseException:
        with suppress(OSError):
            _remove(vectors, temp)
        raise


def _remove(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)
