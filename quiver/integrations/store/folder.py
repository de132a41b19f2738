"""Folder: a store on the disk, a database of documents beside an index file.

``documents.sqlite`` says which documents there are; a row of ``vectors.quiver`` that it
does not name counts for nothing. So vectors come before their documents and go after
them, and whatever is stopped in between leaves the documents of before or of after.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import weakref
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from quiver._typing import Metric
from quiver.backends.protocol import Backend
from quiver.errors import FileAccessError, FileFormatError, LockError, QuiverError
from quiver.index import Index
from quiver.index import open as open_index
from quiver.integrations.store.document import Document, Kept
from quiver.params import BuildParams
from quiver.storage.atomic import os_errors, sync_folder, temp_path
from quiver.storage.journal import journal_path
from quiver.validation.checks import check_metric

DOCUMENTS, VECTORS = "documents.sqlite", "vectors.quiver"
APPLICATION, VERSION = 0x5156_5354, 1
"""What SQLite keeps of the kind of a database, and the version of its tables."""

JOURNAL_SHARE, LEAST_JOURNAL = 20, 1 << 20
"""A journal of a twentieth of the index, and of a mebibyte, is repeated in less than a
second or in a twentieth of a build; then the index is saved."""

CHECKED_ROWS = 4096
"""Vectors that are read at a time to be checked."""

_TABLES = """
CREATE TABLE settings (content TEXT NOT NULL);
CREATE TABLE documents (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    metadata TEXT NOT NULL,
    vector_crc INTEGER,
    crc INTEGER NOT NULL
);
"""


class Settings(NamedTuple):
    """What an index is made with, once there is a vector."""

    metric: Metric
    params: BuildParams


class Folder:
    """The folder of a store, its own for as long as this object lives.

    Parameters
    ----------
    path : Path
        Where `write_folder` wrote.

    Raises
    ------
    LockError
        If another store has it open.
    FileFormatError
        If its database is none of a store, or damaged.
    FileAccessError
        If the operating system fails.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path / DOCUMENTS
        with os_errors("open the store", self._file):
            os.stat(self._file)
        with _sqlite_errors("open", self._file):
            self._db = _connected(self._file, "rw")
            weakref.finalize(self, self._db.close)
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("BEGIN EXCLUSIVE")
            self._db.execute("COMMIT")

    def settings(self) -> Settings:
        """Return what the index is made with."""
        kinds = {"application_id": APPLICATION, "user_version": VERSION}
        with _sqlite_errors("read", self._file):
            for pragma, expected in kinds.items():
                (found,) = self._db.execute(f"PRAGMA {pragma}").fetchone()
                if found != expected:
                    self._fail(f"{pragma} {found}", f"{expected}, of a store")
            (content,) = self._db.execute("SELECT content FROM settings").fetchone()
        try:
            kept = json.loads(content)
            return Settings(check_metric(kept["metric"]), BuildParams(**kept["params"]))
        except (QuiverError, KeyError, TypeError, ValueError) as error:
            self._fail(f"settings {content!r}", f"those of a store ({error})")

    def _kept(self) -> list[Kept]:
        """Return every document, in the order of its rows."""
        select = "SELECT row, id, text, metadata, vector_crc, crc FROM documents"
        with _sqlite_errors("read", self._file):
            records = self._db.execute(f"{select} ORDER BY row").fetchall()
        return [self._as_kept(record) for record in records]

    def next_row(self) -> int:
        """Return the first row number that no document ever had."""
        select = "SELECT seq FROM sqlite_sequence WHERE name = 'documents'"
        with _sqlite_errors("read", self._file):
            found = self._db.execute(select).fetchone()
        return 0 if found is None else int(found[0]) + 1

    def content(self, backend: Backend) -> tuple[list[Kept], Index | None]:
        """Return the documents and their index, which is None before the first vector.

        Raises
        ------
        FileFormatError
            If something is damaged, or an index is not that of the documents.
        """
        kept, index = self._kept(), None
        if (self.path / VECTORS).exists():
            index = open_index(self.path / VECTORS, backend=backend, journal=True)
        self._check_vectors(kept, index)
        return kept, index

    def _check_vectors(self, kept: list[Kept], index: Index | None) -> None:
        having = [one for one in kept if one.vector_crc is not None]
        for start in range(0, len(having), CHECKED_ROWS):
            some = having[start : start + CHECKED_ROWS]
            vectors = {} if index is None else _vectors_by_row(index, some)
            for one in some:
                if one.vector_crc != vectors.get(one.row):
                    msg = (
                        f"{self.path / VECTORS}: found another or no vector of "
                        f"document {one.document.id!r}, expected the one that was put; "
                        f"restore it together with {DOCUMENTS}"
                    )
                    raise FileFormatError(msg)

    def begun(self, index: Index) -> Index:
        """Return the first index of the store, kept here from now on."""
        index.save(self.path / VECTORS)
        return open_index(self.path / VECTORS, backend=index.backend, journal=True)

    def change(self, gone: Iterable[str], new: Iterable[Kept]) -> None:
        """Put documents in the place of others, on the disk, all or none."""
        with _sqlite_errors("write", self._file), _transaction(self._db):
            _delete(self._db, gone)
            _insert(self._db, new)

    def save(self, index: Index | None) -> None:
        """Save the index, so that its journal is empty."""
        if index is not None:
            index.save(self.path / VECTORS)

    def save_grown(self, index: Index) -> None:
        """Save the index if its journal has grown long."""
        base = self.path / VECTORS
        with os_errors("save the store", base):
            length, size = journal_path(base).stat().st_size, base.stat().st_size
        if length > max(LEAST_JOURNAL, size // JOURNAL_SHARE):
            self.save(index)

    def _as_kept(self, record: tuple[Any, ...]) -> Kept:
        *content, crc = record
        if crc != _crc(content):
            self._fail(f"a damaged document {content[1]!r}", "one of its CRC-32")
        row, own_id, text, metadata, vector_crc = content
        return Kept(row, Document(own_id, text, json.loads(metadata)), vector_crc)

    def _fail(self, found: str, expected: str) -> NoReturn:
        msg = f"{self._file}: found {found}, expected {expected}"
        raise FileFormatError(msg)


def _vectors_by_row(index: Index, kept: list[Kept]) -> dict[int, int]:
    """Return the CRC-32 of the vectors of documents, of those that are there."""
    rows = [one.row for one in kept if one.row in index]
    return dict(zip(rows, map(zlib.crc32, index.get(rows)), strict=True))


def write_folder(
    path: Path, settings: Settings, kept: Iterable[Kept], index: Index | None
) -> None:
    """Write a store to a folder that has none; it is one once its database is whole.

    Raises
    ------
    FileAccessError
        If there is one already, or the operating system fails.
    """
    file = path / DOCUMENTS
    with os_errors("save the store", path):
        path.mkdir(parents=True, exist_ok=True)
        if file.exists():
            reason = "there is a store already; open it, or remove its folder"
            raise FileAccessError(errno.EEXIST, reason, str(path))
        # What a save left behind that was stopped.
        temp_path(file).unlink(missing_ok=True)
        journal_path(path / VECTORS).unlink(missing_ok=True)
    if index is not None:
        index.save(path / VECTORS)
    _write_documents(temp_path(file), settings, kept)
    with os_errors("save the store", file):
        os.replace(temp_path(file), file)
        sync_folder(path)


def _write_documents(file: Path, settings: Settings, kept: Iterable[Kept]) -> None:
    content = {"metric": settings.metric, "params": asdict(settings.params)}
    with _sqlite_errors("write", file):
        db = _connected(file, "rwc")
        try:
            # Nothing to go back to: what is stopped here was no store yet.
            db.execute("PRAGMA journal_mode=MEMORY")
            db.executescript(_TABLES)
            db.execute(f"PRAGMA application_id={APPLICATION}")
            db.execute(f"PRAGMA user_version={VERSION}")
            with _transaction(db):
                db.execute("INSERT INTO settings VALUES (?)", [json.dumps(content)])
                _insert(db, kept)
        finally:
            db.close()


def _connected(file: Path, mode: str) -> sqlite3.Connection:
    # Used by one thread at a time, under the lock of the store.
    db = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
    )
    # The name of a rollback journal is gone from the disk before a change counts.
    db.execute("PRAGMA synchronous=EXTRA")
    return db


def _delete(db: sqlite3.Connection, ids: Iterable[str]) -> None:
    db.executemany("DELETE FROM documents WHERE id = ?", ((one,) for one in ids))


def _insert(db: sqlite3.Connection, kept: Iterable[Kept]) -> None:
    db.executemany(
        "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)", map(_record, kept)
    )


def _record(kept: Kept) -> tuple[Any, ...]:
    own = kept.document
    metadata = json.dumps(own.metadata, allow_nan=False, separators=(",", ":"))
    content = kept.row, own.id, own.text, metadata, kept.vector_crc
    return *content, _crc(content)


def _crc(content: Iterable[Any]) -> int:
    return zlib.crc32("\0".join(map(str, content)).encode())


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # Some errors of a commit have ended it already.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def _sqlite_errors(action: str, file: Path) -> Iterator[None]:
    """Turn what SQLite raises into errors of quiver."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            reason = "another process or store keeps this folder"
            raise LockError(errno.EAGAIN, reason, str(file)) from error
        damage = sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR
        if code in damage:
            msg = f"{file}: found {error}, expected the documents of a store"
            raise FileFormatError(msg) from error
        raise FileAccessError(
            errno.EIO, f"cannot {action}: {error}", str(file)
        ) from error
