"""The commands that change a file: it is then that of the API."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import DIM, ROWS, fill, run
from quick import QUICK_BACKEND
from rows import normal_rows

import quiver


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "more.npy", normal_rows(40, DIM, seed=9))
    (tmp_path / "gone.txt").write_text("5\n7\n250\n")
    return fill(tmp_path)


def opened(path):
    return quiver.open(path, verify="full", backend=QUICK_BACKEND)


def changed(*words):
    done = run(*words)
    assert done.exit_code == 0, done.output
    return done


def test_the_commands_change_a_file_in_place_as_the_api_does(folder):
    path = folder / "base.quiver"
    index = opened(path)
    more = normal_rows(40, DIM, seed=9)
    changed("add", path, folder / "more.npy")
    index.add(more)
    changed("remove", path, folder / "gone.txt")
    index.remove([5, 7, 250])
    found = opened(path)
    np.testing.assert_array_equal(found.neighbors, index.neighbors)
    np.testing.assert_array_equal(found.ids, index.ids)
    assert found.version == index.version == 2
    changed("consolidate", path, "--refit")
    index.consolidate(refit=True)
    found = opened(path)
    np.testing.assert_array_equal(found.neighbors, index.neighbors)
    np.testing.assert_array_equal(found.codes.rows, index.codes.rows)


def test_update_gives_ids_other_vectors(folder):
    path = folder / "base.quiver"
    index = opened(path)
    ids = np.arange(100, 300, 5)
    (folder / "ids.txt").write_text("\n".join(map(str, ids)))
    named = ("--ids", folder / "ids.txt")
    changed("update", path, folder / "more.npy", *named, "--manual")
    index.update(ids, normal_rows(40, DIM, seed=9), consolidate="manual")
    found = opened(path)
    np.testing.assert_array_equal(found.neighbors, index.neighbors)
    np.testing.assert_array_equal(found.get(ids), normal_rows(40, DIM, seed=9))
    assert found.version == 1
    assert run("update", path, folder / "more.npy").exit_code == 2
    refused = run("update", path, folder / "more.npy", "--ids", folder / "gone.txt")
    assert "ids must have shape (40,), one per vector, got (3,)" in refused.output


def test_another_file_may_be_named_and_the_first_stays(folder):
    path, out = folder / "base.quiver", folder / "out.quiver"
    before = path.read_bytes()
    (folder / "ids.txt").write_text("\n".join(map(str, range(9000, 9010))))
    ids = ("--ids", folder / "ids.txt", "--max-rows", 10)
    made = changed("add", path, folder / "more.npy", *ids, "-o", out, "--json")
    assert path.read_bytes() == before
    summary = json.loads(made.stdout)
    assert (summary["n"], summary["n_removed"], summary["version"]) == (ROWS + 10, 0, 1)
    assert opened(out).ids[-1] == 9009


def test_info_says_how_many_rows_are_removed_and_manual_keeps_them(folder):
    path, half = folder / "base.quiver", folder / "half.npy"
    np.save(half, np.arange(0, ROWS, 2))
    changed("remove", path, half, "--manual")
    told = changed("info", path).stdout
    assert f"{ROWS // 2} x {DIM}" in told
    assert f"version 1, {ROWS // 2} removed rows" in told
    assert opened(path).state.n == ROWS
    (folder / "one.txt").write_text("7\n")
    changed("remove", path, folder / "one.txt")
    assert opened(path).state.n == ROWS // 2 - 1


def test_an_unknown_id_is_an_error_and_the_file_stays(folder):
    path = folder / "base.quiver"
    before = path.read_bytes()
    (folder / "gone.txt").write_text("5\n77777\n")
    refused = run("remove", path, folder / "gone.txt")
    assert refused.exit_code == 1
    assert "ids must be in the index, got 77777" in refused.output
    assert path.read_bytes() == before


def test_info_of_an_index_without_a_graph_has_no_degrees(folder):
    path = folder / "empty.quiver"
    quiver.Index.create(DIM).save(path)
    assert "0 x 24" in changed("info", path).stdout
    changed("add", path, folder / "more.npy")
    summary = json.loads(changed("info", path, "--json").stdout)
    assert (summary["n"], summary["entry_point"]) == (40, None)


def test_what_a_journal_holds_is_kept_and_a_live_one_is_left_alone(folder):
    path = folder / "base.quiver"
    index = quiver.open(path, journal=True)
    index.add(normal_rows(1, DIM, seed=3), ids=[8000])
    done = run("remove", path, folder / "gone.txt")
    assert done.exit_code == 1
    assert "keeps this journal" in done.output
    out = folder / "out.quiver"
    del index
    changed("remove", path, folder / "gone.txt", "-o", out)
    assert 8000 in opened(out)
    assert 5 not in opened(out)
    changed("remove", path, folder / "gone.txt")
    for found in (opened(path), quiver.open(path, journal=True)):
        assert 8000 in found
        assert 5 not in found
        assert found.version == 2
