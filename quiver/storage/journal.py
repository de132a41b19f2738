"""Journal: operations on an index, one record each, on the disk before they count.

A file beside the index file: a head that names the base it belongs to, then records.
The same operations make the same bytes, so what an operation was given is all that has
to be kept. The last record may be torn, by a crash in the middle of a write: then that
operation never took place. Told byte by byte in ``docs/format.md``.
"""

from __future__ import annotations

import os
import struct
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn, get_args

import numpy as np

from quiver._typing import UserIds, Vectors
from quiver.errors import FileFormatError
from quiver.storage.atomic import claim, force, os_errors, sync_folder, write_all

Kind = Literal["add", "remove", "update", "consolidate", "repair", "save"]

MAGIC = b"\x89QVJ\r\n\x1a\n"
HEAD = struct.Struct("<8sII32s12xI")
RECORD = struct.Struct("<4sBBHQQQI")
RECORD_MAGIC, VERSION = b"QVJR", 1
AUTO, REFIT = 1, 2
"""Bits of a record's switches."""


class Entry(NamedTuple):
    """One operation, or a save.

    Attributes
    ----------
    kind : {'add', 'remove', 'update', 'consolidate', 'repair', 'save'}
        Which. A save changes no index: it says which file is to hold all before it.
    version : int
        Of the index before it.
    switches : int
        ``AUTO`` if it may consolidate by itself, ``REFIT`` if it fits anew.
    ids : ndarray of shape (m,), int64
        Those given, or chosen; of a save the fingerprint, as four numbers.
    vectors : ndarray of shape (m or 0, dim), float32
        Those given.
    """

    kind: Kind
    version: int
    switches: int
    ids: UserIds
    vectors: Vectors


class Journal:
    """The journal of one index file, locked for as long as this object lives.

    Parameters
    ----------
    base : Path
        The index file.

    Raises
    ------
    LockError
        If another journal of the same file is open, in this process or another.
    FileAccessError
        If the operating system fails.
    """

    def __init__(self, base: Path) -> None:
        self.base = Path(os.path.realpath(base))
        self.path = journal_path(base)
        with os_errors("open the journal", self.path):
            self._fd = claim(self.path, "another process or index keeps this journal")
        weakref.finalize(self, os.close, self._fd)

    def entries(self, fingerprint: str, version: int, dim: int) -> list[Entry]:
        """Return the operations that the base does not hold yet, in order.

        A torn record at the end is cut off. The journal of an older base is begun
        anew if its last record says that the base was saved with all of it.

        Parameters
        ----------
        fingerprint : str
            Of the base, see `quiver.storage.reader.fingerprint`.
        version : int
            Of the state in the base.
        dim : int
            Columns of its vectors.

        Raises
        ------
        FileFormatError
            If a record other than the last is damaged, or they do not belong to the
            base.
        """
        content = self._content()
        if len(content) < HEAD.size:
            self.restart(fingerprint)
            return []
        own = self._checked_head(content)
        found, end = self._records(content, dim)
        missing = [entry for entry in found if entry.kind != "save"]
        if own != bytes.fromhex(fingerprint):
            is_saved = bool(found) and found[-1].kind == "save"
            if missing and not (
                is_saved and found[-1].ids.tobytes() == bytes.fromhex(fingerprint)
            ):
                self._fail(
                    16,
                    "operations on another file",
                    f"those on {self.base}: put that file back, or move the journal "
                    "away, and what it holds is given up",
                )
            self.restart(fingerprint)
            return []
        if end < len(content):
            with os_errors("cut the journal", self.path):
                os.ftruncate(self._fd, end)
        versions = [entry.version for entry in missing]
        if versions != list(range(version, version + len(missing))):
            self._fail(HEAD.size, f"versions {versions}", f"one after {version}")
        return missing

    def append(self, entry: Entry) -> None:
        """Write an operation and force it to the disk; all of it or nothing.

        Raises
        ------
        FileAccessError
            If the operating system fails; the operation must not count.
        """
        record = pack_entry(entry)
        with os_errors("write the journal", self.path):
            end = os.lseek(self._fd, 0, os.SEEK_END)
            try:
                write_all(self._fd, record)
                force(self._fd)
            except BaseException:
                os.ftruncate(self._fd, end)
                raise

    def announce(self, fingerprint: str, version: int, dim: int) -> None:
        """Say that a file of this fingerprint is about to hold all operations."""
        ids = np.frombuffer(bytes.fromhex(fingerprint), "<i8")
        self.append(Entry("save", version, 0, ids, np.empty((0, dim), np.float32)))

    def restart(self, fingerprint: str) -> None:
        """Forget all operations: they are in the base, which has this fingerprint."""
        head = HEAD.pack(MAGIC, 0x0102_0304, VERSION, bytes.fromhex(fingerprint), 0)
        head = head[:-4] + zlib.crc32(head[:-4]).to_bytes(4, "little")
        with os_errors("write the journal", self.path):
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            write_all(self._fd, head)
            force(self._fd)
            sync_folder(self.path.parent)

    def _content(self) -> bytes:
        with os_errors("read the journal", self.path):
            size = os.fstat(self._fd).st_size
            os.lseek(self._fd, 0, os.SEEK_SET)
            parts = []
            while size > 0 and (part := os.read(self._fd, size)):
                parts.append(part)
                size -= len(part)
        return b"".join(parts)

    def _checked_head(self, content: bytes) -> bytes:
        magic, mark, version, own, crc = HEAD.unpack_from(content)
        if magic != MAGIC or mark != 0x0102_0304:
            self._fail(0, repr(magic), f"a journal, starting {MAGIC!r}")
        if version != VERSION:
            self._fail(12, version, f"{VERSION}, the version this quiver reads")
        if crc != zlib.crc32(content[: HEAD.size - 4]):
            self._fail(HEAD.size - 4, hex(crc), "the CRC-32 of the bytes before")
        return bytes(own)

    def _records(self, content: bytes, dim: int) -> tuple[list[Entry], int]:
        """Return all whole records, and where the last of them ends."""
        found, start = [], HEAD.size
        for start, record in self._split(content, dim):
            kind, switches = record[4], record[5]
            _, _, _, _, version, n_ids, n_vectors, _ = RECORD.unpack_from(record)
            ids = np.frombuffer(record, "<i8", n_ids, RECORD.size)
            place = RECORD.size + 8 * n_ids
            vectors = np.frombuffer(record, "<f4", n_vectors * dim, place)
            rows = vectors.reshape(n_vectors, dim)
            found.append(Entry(get_args(Kind)[kind], version, switches, ids, rows))
            start += len(record)
        return found, start

    def _split(self, content: bytes, dim: int) -> Iterator[tuple[int, bytes]]:
        """Yield where each record starts, and its bytes; a torn last one is left."""
        start = HEAD.size
        while len(content) - start >= RECORD.size:
            fields = RECORD.unpack_from(content, start)
            crc = zlib.crc32(content[start : start + RECORD.size - 4])
            is_sound = fields[0] == RECORD_MAGIC and fields[1] < len(get_args(Kind))
            if not is_sound or fields[-1] != crc:
                # Blocks that were reserved and never written hold zeros.
                if any(content[start:]):
                    self._fail(start, "a damaged record", "one of its CRC-32")
                return
            length = RECORD.size + 8 * fields[5] + 4 * dim * fields[6] + 4
            record = content[start : start + length]
            if len(record) < length:
                return
            if zlib.crc32(record[:-4]) != int.from_bytes(record[-4:], "little"):
                if start + length < len(content):
                    self._fail(start, "a damaged record", "one of its CRC-32")
                return
            yield start, record
            start += length

    def _fail(self, offset: int, found: object, expected: object) -> NoReturn:
        msg = f"{self.path}: byte {offset}: found {found}, expected {expected}"
        raise FileFormatError(msg)


def journal_path(base: Path) -> Path:
    """Return where the journal of an index file is, beside what a link names."""
    real = Path(os.path.realpath(base))
    return real.with_name(f"{real.name}.journal")


def pack_entry(entry: Entry) -> bytes:
    """Return the bytes of a record."""
    kind = get_args(Kind).index(entry.kind)
    counts = entry.version, len(entry.ids), len(entry.vectors)
    head = RECORD.pack(RECORD_MAGIC, kind, entry.switches, 0, *counts, 0)[:-4]
    head += zlib.crc32(head).to_bytes(4, "little")
    ids = np.ascontiguousarray(entry.ids, dtype="<i8").tobytes()
    body = head + ids + np.ascontiguousarray(entry.vectors, dtype="<f4").tobytes()
    return body + zlib.crc32(body).to_bytes(4, "little")
