"""One store for one folder in a process, and the sign of a likeness."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from quiver.errors import FileAccessError, InvalidArgumentError, LockError
from quiver.integrations.store import Document, DocumentStore
from quiver.integrations.store.adapting import opened, similarity, write_copy


def test_without_a_path_every_store_is_another():
    one, other = opened(None), opened(None, "euclidean")
    one.put([Document("a")])
    assert len(other) == 0
    assert (one.metric, other.metric) == ("cosine", "euclidean")


def test_a_folder_has_one_store_by_whatever_name_it_is_asked_for(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "here")
    store = opened(tmp_path / "here", "euclidean")
    store.put([Document("a")])
    assert opened(str(tmp_path / "sub" / ".." / "here")) is store
    assert opened(tmp_path / "link", "l2") is store


def test_who_comes_after_the_last_one_has_left_finds_all_of_it(tmp_path):
    store = opened(tmp_path)
    store.put([Document("a", "text", {}, [1.0, 0.0])])
    del store
    assert [found.text for found, _ in opened(tmp_path).search([1.0, 0.0])] == ["text"]


def test_a_folder_that_was_removed_begins_anew(tmp_path):
    store = opened(tmp_path / "here")
    store.put([Document("a")])
    shutil.rmtree(tmp_path / "here")
    assert len(opened(tmp_path / "here")) == 0
    assert len(store) == 1


def test_where_none_may_be_made_an_absent_one_is_named(tmp_path):
    with pytest.raises(FileAccessError, match="absent"):
        opened(tmp_path / "absent", make=False)
    assert not (tmp_path / "absent").exists()


def test_another_metric_than_that_of_the_folder_is_refused(tmp_path):
    store = opened(tmp_path)
    with pytest.raises(InvalidArgumentError, match="metric must be 'cosine'"):
        opened(tmp_path, "euclidean")
    assert opened(tmp_path) is store


def test_another_process_does_not_get_the_folder(tmp_path):
    store = opened(tmp_path)
    code = f"""
from quiver.integrations.store.adapting import opened
try:
    opened({str(tmp_path)!r})
except {LockError.__name__}:
    print("locked")
"""
    search_path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    locked = "from quiver.errors import LockError"
    done = subprocess.run(
        [sys.executable, "-c", search_path + locked + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "locked\n", done.stderr
    assert len(store) == 0


def test_a_copy_takes_the_place_of_an_older_one_and_of_nothing_else(tmp_path):
    store, folder = opened(None), tmp_path / "copy"
    for name in "ab":
        store.put([Document(name, "", {}, [1.0, 0.0])])
        write_copy(store, folder)
        assert [own.id for own in DocumentStore.open(folder)] == list(
            "ab"[: len(store)]
        )
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("dear")
    with pytest.raises(FileAccessError, match="mine"):
        write_copy(store, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "dear"
    assert {path.name for path in tmp_path.iterdir()} == {"copy", "mine"}


def test_a_copy_fills_an_empty_folder_and_leaves_its_neighbors_alone(tmp_path):
    (tmp_path / "copy").mkdir()
    for name in ("copy.old", "copy.new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "backup").write_text("mine")
    store = opened(None)
    for name in "ab":
        store.put([Document(name)])
        write_copy(store, tmp_path / "copy")
        assert len(DocumentStore.open(tmp_path / "copy")) == len(store)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"copy", "copy.old", "copy.new"}
    assert (tmp_path / "copy.old" / "backup").read_text() == "mine"


def test_a_copy_leaves_a_store_that_is_open_alone(tmp_path):
    store = opened(tmp_path / "open")
    store.put([Document("a")])
    write_copy(store, tmp_path / "open")
    with pytest.raises(LockError):
        write_copy(opened(None), tmp_path / "open")
    store.put([Document("b")])
    del store
    assert [own.id for own in opened(tmp_path / "open")] == ["a", "b"]


@pytest.mark.parametrize("stopped_at", [1, 2])
def test_a_copy_that_is_stopped_leaves_a_whole_store(tmp_path, monkeypatch, stopped_at):
    store, folder = opened(None), tmp_path / "copy"
    write_copy(store, folder)
    store.put([Document("a")])
    rename, calls = Path.rename, []

    def stopping(path, target):
        calls.append(path)
        if len(calls) == stopped_at:
            raise OSError(5, "stopped")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stopping)
        with pytest.raises(FileAccessError, match="stopped"):
            write_copy(store, folder)
    older = folder if stopped_at == 1 else tmp_path / "copy.quiver-old"
    assert len(DocumentStore.open(older)) == 0
    assert len(DocumentStore.open(tmp_path / "copy.quiver-new")) == 1
    write_copy(store, folder)
    assert len(DocumentStore.open(folder)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_nearer_is_more_alike_under_every_metric():
    assert similarity(0.25, "cosine") == 0.75
    assert similarity(2.0, "euclidean") == -2.0
    assert similarity(-3.0, "inner_product") == 3.0
