"""Table: the documents of a store in a database of SQLite.

Each record has a CRC-32 of its own, for SQLite finds few of the bytes that a disk has
changed.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from quiver._typing import Metric
from quiver.errors import FileAccessError, FileFormatError, LockError, QuiverError
from quiver.integrations.store.document import Document, Kept
from quiver.params import BuildParams
from quiver.storage.atomic import os_errors
from quiver.validation.checks import check_metric

Done = Callable[[], None]

KINDS = {"application_id": 0x5156_5354, "user_version": 1}
"""What SQLite keeps of the kind of a database, and the version of its tables."""

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


class Table:
    """An open database, locked for as long as this object lives.

    Parameters
    ----------
    file : Path
        Which `write_table` wrote.

    Raises
    ------
    LockError
        If another store has it open.
    FileFormatError
        If it is no database of a store, or damaged.
    FileAccessError
        If the operating system fails.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        with os_errors("open the store", file):
            os.stat(file)
        with _sqlite_errors("open", file):
            self._db = _connected(file, "rw")
            weakref.finalize(self, self._db.close)
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("BEGIN EXCLUSIVE")
            self._db.execute("COMMIT")
        for pragma, expected in KINDS.items():
            if (found := self._one(f"PRAGMA {pragma}")) != expected:
                self._fail(f"{pragma} {found}", f"{expected}, of a store")

    def settings(self) -> Settings:
        """Return what the index is made with."""
        content = self._one("SELECT content FROM settings")
        try:
            kept = json.loads(content)
            return Settings(check_metric(kept["metric"]), BuildParams(**kept["params"]))
        except (QuiverError, KeyError, TypeError, ValueError) as error:
            self._fail(f"settings {content!r}", f"those of a store ({error})")

    def kept(self) -> list[Kept]:
        """Return every document, in the order of its rows."""
        select = "SELECT row, id, text, metadata, vector_crc, crc FROM documents"
        with _sqlite_errors("read", self._file):
            records = self._db.execute(f"{select} ORDER BY row").fetchall()
        return [self._as_kept(record) for record in records]

    def next_row(self) -> int:
        """Return the first row number that no document ever had."""
        last = self._one("SELECT max(seq) FROM sqlite_sequence")
        return 0 if last is None else int(last) + 1

    def change(self, gone: Iterable[str], new: Iterable[Kept], done: Done) -> None:
        """Put documents in the place of others, all or none; ``done`` is told of all.

        It may be told twice, and is even where Ctrl-C comes just after the commit.
        """
        with _sqlite_errors("write", self._file), _transaction(self._db, done):
            ids = ((own_id,) for own_id in gone)
            self._db.executemany("DELETE FROM documents WHERE id = ?", ids)
            _insert(self._db, new)

    def _one(self, select: str) -> Any:
        with _sqlite_errors("read", self._file):
            found = self._db.execute(select).fetchone()
        if found is None:
            self._fail(f"no answer to {select}", "one")
        return found[0]

    def _as_kept(self, record: tuple[Any, ...]) -> Kept:
        *content, crc = record
        if crc != _crc(content):
            self._fail(f"a damaged document {content[1]!r}", "one of its CRC-32")
        row, own_id, text, metadata, vector_crc = content
        return Kept(row, Document(own_id, text, json.loads(metadata)), vector_crc)

    def _fail(self, found: str, expected: str) -> NoReturn:
        msg = f"{self._file}: found {found}, expected {expected}"
        raise FileFormatError(msg)


def write_table(file: Path, settings: Settings, kept: Iterable[Kept]) -> None:
    """Write a new database, on the disk when this returns."""
    content = {"metric": settings.metric, "params": asdict(settings.params)}
    with _sqlite_errors("write", file), closing(_connected(file, "rwc")) as db:
        # Nothing to go back to: what is stopped here was no store yet.
        db.execute("PRAGMA journal_mode=MEMORY")
        db.executescript(_TABLES)
        for pragma, value in KINDS.items():
            db.execute(f"PRAGMA {pragma}={value}")
        with _transaction(db, lambda: None):
            db.execute("INSERT INTO settings VALUES (?)", [json.dumps(content)])
            _insert(db, kept)


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


def _insert(db: sqlite3.Connection, kept: Iterable[Kept]) -> None:
    records = map(_record, kept)
    db.executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)", records)


def _record(kept: Kept) -> tuple[Any, ...]:
    own = kept.document
    metadata = json.dumps(own.metadata, allow_nan=False, separators=(",", ":"))
    content = kept.row, own.id, own.text, metadata, kept.vector_crc
    return *content, _crc(content)


def _crc(content: Iterable[Any]) -> int:
    return zlib.crc32("\0".join(map(str, content)).encode())


@contextmanager
def _transaction(db: sqlite3.Connection, done: Done) -> Iterator[None]:
    is_begun = False
    try:
        db.execute("BEGIN IMMEDIATE")
        is_begun = True
        yield
        db.execute("COMMIT")
        done()
    except BaseException as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        # Some errors of a commit end it too; without one it was committed.
        elif is_begun and not isinstance(error, sqlite3.Error):
            done()
        raise


@contextmanager
def _sqlite_errors(action: str, file: Path) -> Iterator[None]:
    """Turn what SQLite raises into errors of quiver."""
    try:
        yield
    except sqlite3.Error as error:
        # Python's own, of text that is no UTF-8, has no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            reason = "another process or store keeps this folder"
            raise LockError(errno.EAGAIN, reason, str(file)) from error
        damage = sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR
        if code in damage:
            msg = f"{file}: found {error}, expected the documents of a store"
            raise FileFormatError(msg) from error
        reason = f"cannot {action}: {error}"
        raise FileAccessError(errno.EIO, reason, str(file)) from error
