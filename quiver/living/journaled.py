"""Journaled: an index whose every operation is on the disk before it counts.

Opening repeats what the file does not hold yet. The same operations make the same
bytes, so the index is the one that was lost, bit for bit; where a file at half
precision was saved to meanwhile, the one that would have been opened from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from quiver.errors import FileFormatError
from quiver.living.operations import Consolidate
from quiver.living.verbs import Living
from quiver.storage import fingerprint_of
from quiver.storage.journal import AUTO, REFIT, Entry, Journal

L = TypeVar("L", bound=Living)


def open_journaled(path: str | os.PathLike[str], opened: Callable[[], L]) -> L:
    """Return an index with its journal repeated, and kept from here on.

    ``opened`` opens the file at the path, once its journal is locked.
    """
    # A journal belongs to a file that is there.
    fingerprint_of(path)
    journal = Journal(Path(os.fsdecode(path)))
    index = opened()
    state = index.state
    for entry in journal.entries(fingerprint_of(path), state.version, state.dim):
        repeat(index, entry)
        if index.version != entry.version + 1:
            msg = f"{journal.path}: an operation on version {entry.version} did nothing"
            raise FileFormatError(msg)
    index.writer.journal = journal
    return index


def repeat(index: Living, entry: Entry) -> None:
    """Carry out an operation that a journal holds."""
    mode: Consolidate = "auto" if entry.switches & AUTO else "manual"
    if entry.kind == "add":
        index.add(entry.vectors, entry.ids, consolidate=mode)
    elif entry.kind == "remove":
        index.remove(entry.ids, consolidate=mode)
    elif entry.kind == "update":
        index.update(entry.ids, entry.vectors, consolidate=mode)
    elif entry.kind == "repair":
        index.repair()
    else:
        index.consolidate(refit=bool(entry.switches & REFIT))


@contextmanager
def saving(
    index: Living, path: str | os.PathLike[str]
) -> Iterator[Callable[[str], None] | None]:
    """Surround the saving of an index; its journal is begun anew if it was to its base.

    No operation comes between the two, for it would be forgotten. A crash in between
    leaves a journal that names the new file last, by what is yielded here.
    """
    journal = index.writer.journal
    if journal is None or Path(os.path.realpath(os.fsdecode(path))) != journal.base:
        yield None
        return
    with index.writer.lock:
        version, dim = index.version, index.state.dim
        yield lambda fingerprint: journal.announce(fingerprint, version, dim)
        journal.restart(fingerprint_of(path))
