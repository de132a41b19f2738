"""Change a store in a folder again and again, killed one boundary later each time.

Usage: kill_during_put.py FOLDER. A boundary is a call of the operating system by the
index and its journal, or a statement of SQLite. Prints, per change, how often it was
found done and how often not, and raises if anything else was.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faulty_os import FaultyOS, kill_halfway

from quiver._typing import UserIds, Vectors
from quiver.index import Index
from quiver.integrations.store import Document, DocumentStore, folder, table, width

LONG = "long text " * 400
Change = Callable[[DocumentStore, Path], object]


def document(own_id: str, number: int, text: str = "") -> Document:
    return Document(own_id, text, {"n": number}, [number, 1.0, 2.0])


def replaced(store: DocumentStore, _: Path) -> None:
    store.put([document("a", 7), document("new", 8), Document("b")])


def deleted(store: DocumentStore, _: Path) -> None:
    store.delete(["a", "c"])


def widened(store: DocumentStore, path: Path) -> None:
    """Put what needs wider codes, so that another index takes the place of this one."""

    def built(index: Index, vectors: Vectors, ids: UserIds) -> Index:
        rows = np.concatenate([index.get(index.ids), vectors])
        all_ids = np.concatenate([index.ids, ids])
        return Index.build(rows, metric=index.metric, ids=all_ids, backend="reference")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(width, "is_due", lambda *_: True)
        patch.setattr(width, "widened", built)
        replaced(store, path)


def updated(store: DocumentStore, _: Path) -> None:
    store.update(None, {"n": 100})


def spilled(store: DocumentStore, _: Path) -> None:
    """Put more than SQLite keeps in memory until it commits."""
    store.put([Document(f"long{n}", LONG) for n in range(1200)])


def copied(store: DocumentStore, path: Path) -> None:
    store.save(path.with_name("copy"))


CHANGES: dict[str, Change] = {
    "replaced": replaced,
    "widened": widened,
    "deleted": deleted,
    "updated": updated,
    "spilled": spilled,
    "copied": copied,
}


def content(store: DocumentStore) -> list[object]:
    """Return all that can be asked of a store, and prove that both halves agree."""
    documents = [*store]
    having = [own for own in documents if own.vector is not None]
    found = store.search([1.0, 1.0, 2.0], 10_000)
    assert {own.id for own, _ in found} == {own.id for own in having}
    assert [own.vector[0] for own in having if own.vector[1] != 1.0] == []
    return [documents, found]


def filled(path: Path, *, is_empty: bool) -> None:
    for left in (path, path.with_name("copy")):
        shutil.rmtree(left, ignore_errors=True)
    store = DocumentStore("euclidean", backend="reference")
    if not is_empty:
        store.put([document(own_id, n) for n, own_id in enumerate("abcdef")])
    store.save(path)


class Boundary:
    """What SQLite tells before each statement: a call that does nothing, but counts.

    Of statements of the same kind in a row only the first is one.
    """

    def __init__(self, faulty: FaultyOS) -> None:
        self._faulty, self._last = faulty, ""
        self._null = os.open(os.devnull, os.O_RDONLY)

    def __call__(self, statement: str) -> None:
        if statement[:6] != self._last:
            self._faulty.lseek(self._null, 0, os.SEEK_CUR)
        self._last = statement[:6]


def change_in_child(path: Path, change: Change, at: int) -> int:
    pid = os.fork()
    if pid == 0:
        faulty = FaultyOS(at, kill_halfway)
        connected = table._connected

        def traced(file: Path, mode: str) -> sqlite3.Connection:
            db = connected(file, mode)
            db.set_trace_callback(Boundary(faulty))
            return db

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(table, "_connected", traced)
            patch.setattr(folder, "os", faulty)
            faulty.install(patch)
            change(DocumentStore.open(path, backend="reference"), path)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def opened(path: Path) -> DocumentStore:
    return DocumentStore.open(path, backend="reference")


def check_copy(store: DocumentStore, copy: Path) -> None:
    """Prove that a folder is whole or none, and in that case takes the next save."""
    if not (copy / "documents.sqlite").exists():
        store.save(copy)
    assert content(opened(copy)) == content(store)
    shutil.rmtree(copy)


def main(path: Path) -> None:
    for name, is_empty in [("replaced", True), *((name, False) for name in CHANGES)]:
        change = CHANGES[name]
        filled(path, is_empty=is_empty)
        store = opened(path)
        before = content(store)
        change(store, path)
        after = content(store)
        del store
        found = {"before": 0, "after": 0}
        for at in itertools.count():
            filled(path, is_empty=is_empty)
            if change_in_child(path, change, at) == 0:
                break
            store = opened(path)
            now = content(store)
            assert now in (before, after), (name, at)
            found["before" if now == before else "after"] += 1
            if change is copied:
                check_copy(store, path.with_name("copy"))
            # Whatever the crash left behind, the next change goes through, and holds.
            store.put([document("next", 9)])
            expected = content(store)
            assert len(expected[0]) == len(now[0]) + 1
            assert len(store._keeper._index) == len(expected[1])
            del store
            assert content(opened(path)) == expected
        print(name, "of_nothing" if is_empty else "of_some", *found.values())


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    main(Path(sys.argv[1]) / "store")
