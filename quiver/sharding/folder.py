"""Folder: where a manifest lies beside the files that it names.

It is written last and atomically, so a folder without one is no index, and a folder
with one is whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from reprlib import repr as brief
from typing import Any

from quiver.errors import FileFormatError, InvalidTypeError
from quiver.sharding.manifest import Manifest, pack_manifest, unpack_manifest
from quiver.storage.atomic import claim, os_errors, replacing, write_all
from quiver.storage.canonical import HeaderError
from quiver.storage.source import SourceFile

NAME = "shards.json"
MAX_BYTES = 1 << 22
"""More than the most shards can take."""


def file_name(number: int, generation: int) -> str:
    """Return the name of a shard that a generation brought."""
    return f"shard-{number:05d}-g{generation}.quiver"


def as_folder(folder: Any) -> Path:
    """Return the path of a folder that a caller named.

    Raises
    ------
    InvalidTypeError
        If it is no path.
    """
    try:
        return Path(os.fsdecode(folder))
    except TypeError as error:
        msg = f"folder must be a string or path-like, got {folder!r}"
        raise InvalidTypeError(msg) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a folder, atomically.

    Raises
    ------
    LockError, FileAccessError
        As `quiver.Index.save`; the old manifest is untouched.
    """
    raw = pack_manifest(manifest)
    unpack_manifest(raw)
    with replacing(folder / NAME) as fd:
        write_all(fd, raw)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder.

    Raises
    ------
    FileAccessError
        If there is none or it cannot be read.
    FileFormatError
        If it breaks a rule; the message names file, field, found and expected.
    """
    with SourceFile(folder / NAME) as source:
        if source.size > MAX_BYTES:
            source.fail("manifest", 0, f"{source.size} bytes", f"at most {MAX_BYTES}")
        raw = source.read("manifest", 0, source.size)
    try:
        return unpack_manifest(raw)
    except HeaderError as error:
        found = brief(error.found)
        msg = f"{folder / NAME}: found {found}, expected {error.expected}"
        raise FileFormatError(msg) from error


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep others from changing a folder.

    Raises
    ------
    LockError
        If somebody else does.
    """
    lock = folder / ".changing"
    with os_errors("write to", folder):
        held = claim(lock, "another build or change of this folder holds its lock")
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(held)


def remove_unnamed(folder: Path, manifest: Manifest) -> None:
    """Remove shards that the manifest does not name, and notes of how they were built.

    Who has opened such a file keeps it until it is closed.
    """
    named = {shard.file for shard in manifest.shards}
    for path in (*folder.glob("shard-*-g*.quiver"), *folder.glob(".shard-*.done")):
        # Where an open file cannot be removed, a later manifest removes it.
        if path.name not in named:
            with suppress(OSError):
                path.unlink()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with os_errors("read", path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
