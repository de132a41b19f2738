"""Atomic save: the old file or the new one, whole, whatever happens in between.

The new bytes go to a temp file beside the target, are forced to the disk, and take
the target's name in one step; then the folder is forced too. The temp file has a
fixed name and is locked while in use, so a second writer is told at once, and a
temp file without a lock is what a crash left: the next save takes it over.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from quiver.errors import FileAccessError, LockError

WRITE_BYTES = 1 << 22
"""Bytes per write: large enough for any disk, short enough for Ctrl-C."""

_OPEN_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)

if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> None:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def temp_path(target: Path) -> Path:
    """Return the temp file of a target: beside it, hidden, always the same."""
    return target.with_name(f".{target.name}.saving")


@contextmanager
def os_errors(action: str, path: Path) -> Iterator[None]:
    """Turn what the operating system raises into `FileAccessError`."""
    try:
        yield
    except FileAccessError:
        raise
    except OSError as error:
        reason = f"cannot {action}: {error.strerror or error}"
        raise FileAccessError(error.errno, reason, str(path)) from error


@contextmanager
def replacing(path: Path) -> Iterator[int]:
    """Yield a descriptor to write the new file to; it replaces ``path`` at the end.

    A link is followed, so the file it names is replaced. On any exception the temp
    file is removed and the old file is as it was; only when forcing the folder fails
    is the new file already in place, whole.

    Raises
    ------
    LockError
        If another writer is saving to the same path.
    FileAccessError
        If the operating system fails at any step.
    """
    target = Path(os.path.realpath(path))
    temp = temp_path(target)
    with os_errors("save", target), ExitStack() as locked:
        reason = "another writer is saving to this path; its temp file is locked"
        lock = claim(temp, reason)
        locked.callback(os.close, lock)
        try:
            os.ftruncate(lock, 0)
            _copy_mode(target, lock)
            # The duplicate shares the lock, so closing it reports late write errors
            # while the lock still holds.
            with _closing(os.dup(lock)) as fd:
                yield fd
                force(fd)
            if sys.platform == "win32":  # An open file cannot be renamed there.
                locked.close()
            os.replace(temp, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temp)
            raise
        sync_folder(target.parent)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte, however short the single writes fall."""
    rest = memoryview(data)
    while rest:
        written = os.write(fd, rest[:WRITE_BYTES])
        if written == 0:
            raise OSError(errno.EIO, "the disk took no byte")
        rest = rest[written:]


def claim(temp: Path, reason: str) -> int:
    """Return a file, made if need be and locked, content and all.

    Raises
    ------
    LockError
        If somebody else has locked it, which is for the reason given.
    """
    while True:
        fd = os.open(temp, _OPEN_FLAGS, 0o666)
        try:
            _lock(fd, temp, reason)
            # A writer that just finished has renamed what we opened: then this
            # descriptor is the finished file and must not be touched.
            if _is_named(fd, temp):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _lock(fd: int, temp: Path, reason: str) -> None:
    try:
        _try_lock(fd)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise
        raise LockError(error.errno, reason, str(temp)) from error


def _is_named(fd: int, temp: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(temp))
    except FileNotFoundError:
        return False


def _copy_mode(target: Path, fd: int) -> None:
    """Give the new file the permissions of the old one, where there is one."""
    if hasattr(os, "fchmod") and target.is_file():
        os.fchmod(fd, target.stat().st_mode & 0o777)


@contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


def force(fd: int) -> None:
    """Force what was written to the disk."""
    if sys.platform == "darwin":  # There fsync stops at the disk's own cache.
        with suppress(OSError):  # Not every file system knows the stronger call.
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    # Only POSIX can open a folder; elsewhere the rename itself is all there is.
    if os.name == "posix":
        with _closing(os.open(folder, os.O_RDONLY)) as fd:
            os.fsync(fd)
