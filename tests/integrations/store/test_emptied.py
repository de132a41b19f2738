"""A store without vectors takes those of any length, in memory and in a folder."""

from __future__ import annotations

import pytest

from quiver.errors import FileAccessError, InvalidArgumentError
from quiver.index import Index
from quiver.integrations.store import Document, DocumentStore, folder

SHORT = Document("short", "two numbers", {}, [1.0, 0.0])
LONG = Document("long", "three numbers", {}, [0.0, 1.0, 0.0])
TEXT = Document("text", "no vector")


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path):
    made = DocumentStore()
    if request.param == "folder":
        made.save(tmp_path / "store")
        made = DocumentStore.open(tmp_path / "store")
    made.put([SHORT, TEXT])
    return made


def test_an_emptied_store_takes_vectors_of_another_length(store):
    with pytest.raises(InvalidArgumentError, match="must have 2 numbers"):
        store.put([LONG])
    store.delete(["short"])
    assert store.dim is None
    assert store.search([1.0, 2.0, 3.0, 4.0]) == []
    store.put([LONG])
    assert store.dim == 3
    assert store.matching() == [TEXT, LONG]
    assert store.search([0.0, 1.0, 0.0]) == [(LONG, 0.0)]


def test_vectors_of_the_old_length_are_then_refused(store):
    store.clear()
    store.put([LONG])
    with pytest.raises(InvalidArgumentError, match="must have 3 numbers"):
        store.put([SHORT])
    assert store.matching() == [LONG]


def test_a_folder_with_vectors_of_another_length_opens_again(tmp_path):
    DocumentStore().save(tmp_path)
    for document in (SHORT, LONG, SHORT):
        store = DocumentStore.open(tmp_path)
        store.clear()
        store.put([document])
        del store
        again = DocumentStore.open(tmp_path)
        assert again.search(document.vector) == [(document, 0.0)]
        del again


@pytest.mark.parametrize(("part", "name"), [(Index, "save"), (folder, "open_index")])
@pytest.mark.parametrize("is_opened_anew", [False, True])
def test_a_disk_that_fails_meanwhile_leaves_the_documents_of_before(
    tmp_path, monkeypatch, part, name, is_opened_anew
):
    DocumentStore().save(tmp_path)
    store = DocumentStore.open(tmp_path)
    store.put([SHORT, TEXT])
    store.delete(["short"])

    def failing(*_, **__):
        raise FileAccessError(28, "no space left", "vectors.quiver")

    with monkeypatch.context() as patch:
        patch.setattr(part, name, failing)
        with pytest.raises(FileAccessError):
            store.put([LONG])
    assert store.matching() == [TEXT]
    if is_opened_anew:
        del store
        store = DocumentStore.open(tmp_path)
        assert store.matching() == [TEXT]
    store.put([LONG])
    del store
    assert DocumentStore.open(tmp_path).matching() == [TEXT, LONG]
