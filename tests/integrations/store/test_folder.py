"""A store in a folder is, after any end, the one that its changes made, or an error."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from isolated_run import run_isolated
from rows import normal_rows

import quiver
from quiver.errors import FileAccessError, FileFormatError, InvalidTypeError, LockError
from quiver.integrations.store import Document, DocumentStore, field, folder
from quiver.storage.journal import HEAD

DIM = 4
ROWS = normal_rows(200, DIM)
ODD_IDS = ["", " ", "\0", "a\0b", "'); DROP TABLE documents;--", "e\u0301", "\xe9"]


def document(n: int) -> Document:
    return Document(f"id{n}", f"text {n}", {"n": n}, ROWS[n])


def saved(path: Path, n: int = 20, **options: object) -> DocumentStore:
    """Return an open store of documents in a new folder."""
    store = DocumentStore("euclidean", **options)
    store.put(document(number) for number in range(n))
    store.save(path)
    return DocumentStore.open(path)


def content(store: DocumentStore) -> tuple[object, ...]:
    return [*store], store.search(ROWS[:3], 1000)


def test_every_change_is_there_when_a_store_is_opened_again(tmp_path):
    store = saved(tmp_path / "store")
    store.put([Document("id3", "other", {}, ROWS[30]), Document("bare", "no vector")])
    store.delete(["id5", "id6"])
    store.update(field("n") == 7, {"list": [None, 0.1]})
    expected = content(store)
    for _ in range(2):
        del store
        store = DocumentStore.open(tmp_path / "store")
        assert content(store) == expected
    assert store.metric == "euclidean"


def test_an_empty_store_is_saved_with_what_its_index_will_be_made_with(tmp_path):
    DocumentStore("ip", max_degree=8, seed=5).save(tmp_path / "store")
    store = DocumentStore.open(tmp_path / "store")
    assert (len(store), store.dim, store.metric) == (0, None, "inner_product")
    store.put([document(0)])
    del store
    store = DocumentStore.open(tmp_path / "store")
    index = store._view.index
    assert (index.params.max_degree, index.params.seed) == (8, 5)
    assert index.metric == "inner_product"


def test_ids_and_texts_are_any_text(tmp_path):
    store = saved(tmp_path / "store", 0)
    documents = [Document(own_id, own_id * 3, {own_id: own_id}) for own_id in ODD_IDS]
    store.put(documents)
    del store
    store = DocumentStore.open(tmp_path / "store")
    assert store.get(ODD_IDS) == documents
    assert store.delete(ODD_IDS) == len(ODD_IDS)


def test_a_saved_copy_is_as_it_was_and_the_store_goes_on_in_its_own_folder(tmp_path):
    store = saved(tmp_path / "store")
    store.delete(["id0"])
    store.save(tmp_path / "copy")
    expected = content(store)
    store.put([document(50)])
    assert content(DocumentStore.open(tmp_path / "copy")) == expected
    del store
    assert "id50" in DocumentStore.open(tmp_path / "store")


def test_a_save_to_its_own_folder_empties_the_journal_and_lets_vectors_go(tmp_path):
    store = saved(tmp_path / "store")
    store.delete(["id0"])
    journal = tmp_path / "store" / "vectors.quiver.journal"
    assert journal.stat().st_size > HEAD.size
    expected = content(store)
    store.save(tmp_path / "store" / ".." / "store")
    assert journal.stat().st_size == HEAD.size
    assert content(store) == expected
    kept = (tmp_path / "store" / "vectors.quiver").read_bytes()
    assert ROWS[0].tobytes() not in kept
    assert ROWS[1].tobytes() in kept


def test_a_folder_that_holds_a_store_is_not_written_over(tmp_path):
    store = saved(tmp_path / "store")
    for other in (DocumentStore(), saved(tmp_path / "other")):
        with pytest.raises(FileAccessError, match="there is a store already; open it"):
            other.save(tmp_path / "store")
    # Nor is an index that somebody keeps in a folder.
    (tmp_path / "mine").mkdir()
    quiver.Index.create(3).save(tmp_path / "mine" / "vectors.quiver")
    with pytest.raises(FileAccessError, match="there is a store already"):
        store.save(tmp_path / "mine")
    assert len(store) == 20


def test_one_store_at_a_time_keeps_a_folder(tmp_path):
    store = saved(tmp_path / "store")
    with pytest.raises(LockError, match="another process or store keeps this folder"):
        DocumentStore.open(tmp_path / "store")
    assert store.put([document(21)]) == ["id21"]
    del store
    assert len(DocumentStore.open(tmp_path / "store")) == 21


def test_what_is_no_store_is_refused_by_its_name(tmp_path):
    with pytest.raises(FileAccessError, match=r"documents\.sqlite"):
        DocumentStore.open(tmp_path / "none")
    (tmp_path / "documents.sqlite").write_bytes(b"SQLite format 3 it is not" * 100)
    with pytest.raises(FileFormatError, match=r"documents\.sqlite: found"):
        DocumentStore.open(tmp_path)
    (tmp_path / "documents.sqlite").unlink()
    with sqlite3.connect(tmp_path / "documents.sqlite") as db:
        db.execute("CREATE TABLE documents (id)")
    db.close()
    with pytest.raises(FileFormatError, match="found application_id 0, expected"):
        DocumentStore.open(tmp_path)
    for path in (3, "a\0b"):
        with pytest.raises(InvalidTypeError, match="path must name a folder"):
            DocumentStore.open(path)


def execute(path: Path, statement: str) -> None:
    with sqlite3.connect(path / "documents.sqlite") as db:
        db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE documents SET text = 'other' WHERE id = 'id3'",
        "UPDATE documents SET metadata = '{}' WHERE id = 'id3'",
        "UPDATE documents SET vector_crc = NULL WHERE id = 'id3'",
        "UPDATE documents SET row = 1000 WHERE id = 'id3'",
        "UPDATE documents SET id = x'ff' WHERE id = 'id3'",
        "UPDATE documents SET text = CAST(x'ff' AS TEXT) WHERE id = 'id3'",
        "UPDATE settings SET content = 'none'",
        'UPDATE settings SET content = \'{"metric": "other", "params": {}}\'',
        "DELETE FROM settings",
        "DROP TABLE documents",
        "PRAGMA user_version = 2",
    ],
)
def test_a_damaged_database_is_refused(damage, tmp_path):
    saved(tmp_path / "store")
    execute(tmp_path / "store", damage)
    with pytest.raises(FileFormatError, match=r"documents\.sqlite: found .* expected"):
        DocumentStore.open(tmp_path / "store")


def test_no_changed_byte_gives_another_document(tmp_path):
    store = saved(tmp_path / "store", 3)
    expected = content(store)
    del store
    file = tmp_path / "store" / "documents.sqlite"
    kept, refused = file.read_bytes(), 0
    rng = np.random.default_rng(0)
    for at in rng.choice(len(kept), 150, replace=False):
        spoilt = bytearray(kept)
        spoilt[at] ^= 0x41
        file.write_bytes(spoilt)
        (tmp_path / "store" / "documents.sqlite-journal").unlink(missing_ok=True)
        try:
            found = content(DocumentStore.open(tmp_path / "store"))
        except (FileFormatError, FileAccessError):
            refused += 1
        else:
            assert found == expected
    assert refused > 0


def test_vectors_of_another_store_or_of_yesterday_are_refused(tmp_path):
    store = saved(tmp_path / "store")
    shutil.copytree(tmp_path / "store", tmp_path / "yesterday")
    store.put([document(30)])
    store.save(tmp_path / "store")
    del store
    other = DocumentStore("euclidean")
    other.put(Document(f"id{n}", vector=ROWS[n + 100]) for n in range(21))
    other.save(tmp_path / "other")
    for source in ("yesterday", "other"):
        for name in ("vectors.quiver", "vectors.quiver.journal"):
            (tmp_path / "store" / name).unlink(missing_ok=True)
        shutil.copy(tmp_path / source / "vectors.quiver", tmp_path / "store")
        with pytest.raises(FileFormatError, match="another or no vector of document"):
            DocumentStore.open(tmp_path / "store")
    (tmp_path / "store" / "vectors.quiver").unlink()
    (tmp_path / "store" / "vectors.quiver.journal").unlink(missing_ok=True)
    with pytest.raises(FileFormatError, match="no vector of document 'id0'"):
        DocumentStore.open(tmp_path / "store")


def test_damaged_vectors_are_refused(tmp_path):
    store = saved(tmp_path / "store")
    del store
    file = tmp_path / "store" / "vectors.quiver"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=r"vectors\.quiver"):
        DocumentStore.open(tmp_path / "store")


def failing(*_: object) -> None:
    raise FileAccessError(28, "no room", "a disk")


@pytest.mark.parametrize(
    "place",
    [
        "quiver.storage.journal.Journal.append",
        "quiver.integrations.store.table._insert",
        "quiver.integrations.store.table._transaction",
    ],
)
def test_a_change_that_the_disk_does_not_take_is_none(place, tmp_path, monkeypatch):
    store = saved(tmp_path / "store")
    expected = content(store)
    with monkeypatch.context() as patch:
        patch.setattr(place, failing)
        with pytest.raises(FileAccessError, match="no room"):
            store.put([document(3), document(30)])
    assert content(store) == expected
    store.put([document(31)])
    expected = content(store)
    assert len(store._view.index) == 21
    del store
    assert content(DocumentStore.open(tmp_path / "store")) == expected


class Interrupted(sqlite3.Connection):
    """A connection that Ctrl-C reaches right after a statement."""

    after = None

    def execute(self, statement, *args):
        done = super().execute(statement, *args)
        if statement == self.after:
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize("after", ["BEGIN IMMEDIATE", "COMMIT"])
def test_ctrl_c_leaves_a_change_done_or_not(after, tmp_path, monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3,
        "connect",
        lambda *args, **options: connect(*args, factory=Interrupted, **options),
    )
    store = saved(tmp_path / "store")
    expected = content(store)
    with monkeypatch.context() as patch:
        patch.setattr(Interrupted, "after", after)
        with pytest.raises(KeyboardInterrupt):
            store.put([document(3), document(30)])
    if after == "COMMIT":
        assert ("id30" in store, len(store)) == (True, 21)
        expected = content(store)
    assert content(store) == expected
    store.delete(["id0"])
    store.put([document(0)])
    expected = content(store)
    del store
    assert content(DocumentStore.open(tmp_path / "store")) == expected


def test_vectors_that_could_not_be_removed_are_never_found(tmp_path, monkeypatch):
    store = saved(tmp_path / "store")
    with monkeypatch.context() as patch:
        patch.setattr("quiver.storage.journal.Journal.append", failing)
        assert store.delete(["id3"]) == 1
        assert len(store._view.index) == 20
        expected = content(store)
        assert [own.id for own, _ in store.search(ROWS[3], 30)].count("id3") == 0
        assert len(store.search(ROWS[3], 30)) == 19
    store.delete([])
    assert len(store._view.index) == 19
    del store
    assert content(DocumentStore.open(tmp_path / "store")) == expected


def test_a_save_that_fails_leaves_no_store_and_can_be_repeated(tmp_path, monkeypatch):
    store = DocumentStore("euclidean")
    store.put(document(n) for n in range(5))
    for place in ("table._insert", "folder.os.replace", "folder.sync_folder"):
        with monkeypatch.context() as patch:
            patch.setattr(f"quiver.integrations.store.{place}", failing)
            with pytest.raises(FileAccessError, match="no room"):
                store.save(tmp_path / place)
    for place in ("table._insert", "folder.os.replace"):
        assert [*(tmp_path / place).iterdir()] == []
        store.save(tmp_path / place)
        assert content(DocumentStore.open(tmp_path / place)) == content(store)


def test_a_journal_that_has_grown_long_is_saved_away(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "LEAST_JOURNAL", 1000)
    store = saved(tmp_path / "store")
    journal = tmp_path / "store" / "vectors.quiver.journal"
    sizes = []
    for n in range(20, 80):
        store.put([document(n)])
        sizes.append(journal.stat().st_size)
    size = (tmp_path / "store" / "vectors.quiver").stat().st_size
    assert HEAD.size in sizes
    assert max(sizes) <= max(1000, size // folder.JOURNAL_SHARE)
    expected = content(store)
    del store
    assert content(DocumentStore.open(tmp_path / "store")) == expected


def test_so_is_one_of_many_operations_however_often_it_was_opened(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(folder, "MOST_OPERATIONS", 10)
    store = saved(tmp_path / "store")
    journal = tmp_path / "store" / "vectors.quiver.journal"
    emptied = []
    for n in range(20, 60):
        if n % 3 == 0:
            del store
            store = DocumentStore.open(tmp_path / "store")
        store.put([document(n)])
        if journal.stat().st_size == HEAD.size:
            emptied.append(n)
    assert emptied == [29, 39, 49, 59]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
def test_a_process_killed_at_any_boundary_leaves_a_change_done_or_not(tmp_path):
    lines = run_isolated("kill_during_put.py", tmp_path).splitlines()
    found = {tuple(words[:2]): words[2:] for words in map(str.split, lines)}
    names = ("replaced", "widened", "deleted", "updated", "spilled")
    assert {name for name, _ in found} == {*names, "copied"}
    for name in names:
        assert all(int(n) > 0 for n in found[name, "of_some"])
