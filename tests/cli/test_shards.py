"""The commands about shards: what they write and find is what the API does."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import DIM, ROWS, run, run_process
from quick import QUICK_BACKEND
from rows import normal_rows

import quiver

BASE = normal_rows(ROWS, DIM, seed=5)
QUERIES = normal_rows(20, DIM, seed=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    np.save(folder / "a.npy", BASE[:200])
    np.save(folder / "b.npy", BASE[200:])
    np.save(folder / "queries.npy", QUERIES)
    (folder / "few.txt").write_text("3\n200\n299\n")
    files = folder / "a.npy", folder / "b.npy"
    done = ran("build", *files, "-o", folder / "out", "--shards", 3, "--json")
    assert json.loads(done.stdout)["n"] == ROWS
    return folder


def ran(command, *words):
    extra = () if command == "info" else ("--backend", QUICK_BACKEND)
    done = run("shards", command, *words, *extra)
    assert done.exit_code == 0, done.output
    return done


def test_build_writes_what_the_api_does(folder, tmp_path):
    quiver.build_shards(BASE, tmp_path, shards=3, backend=QUICK_BACKEND)
    for path in tmp_path.iterdir():
        assert (folder / "out" / path.name).read_bytes() == path.read_bytes()


def test_search_finds_what_the_api_does(folder):
    words = folder / "out", folder / "queries.npy"
    index = quiver.ShardedIndex.open(folder / "out")
    for extra, how in (
        ((), {}),
        (("-k", 3, "--ef", 9), {"k": 3, "ef": 9}),
        (("--filter-ids", folder / "few.txt"), {"filter": [3, 200, 299]}),
    ):
        found = json.loads(ran("search", *words, *extra, "--json").stdout)["results"]
        result = index.search(QUERIES, **how)
        for row, ids, count in zip(found, result.ids, result.counts, strict=True):
            assert row["ids"] == ids[:count].tolist()
    ran("search", *words, "--npz", folder / "found.npz")
    np.testing.assert_array_equal(
        np.load(folder / "found.npz")["ids"], index.search(QUERIES).ids
    )


def test_worker_processes_answer_a_command(folder):
    words = "shards", "search", folder / "out", folder / "queries.npy", "--json"
    how = "--engine", "processes", "--workers", 2, "--backend", "reference"
    done = run_process(*words, *how)
    assert done.returncode == 0, done.stderr
    here = ran("search", folder / "out", folder / "queries.npy", "--json")
    one, other = (json.loads(text)["results"] for text in (done.stdout, here.stdout))
    assert one == other


def test_info_shows_every_shard(folder):
    shown = ran("info", folder / "out").stdout
    assert "300 x 24, cosine" in shown
    assert shown.count("100 vectors") == 3
    assert len(json.loads(ran("info", folder / "out", "--json").stdout)["shards"]) == 3


def test_check_says_whether_a_folder_is_sound(folder):
    assert json.loads(ran("check", folder / "out", "--json").stdout)["ok"]


def test_a_folder_without_shards_is_one_line_and_an_exit_code(tmp_path):
    done = run("shards", "check", tmp_path, "--backend", QUICK_BACKEND)
    assert done.exit_code == 1
    assert "shards.json" in done.output
    assert "Traceback" not in done.output


def test_a_folder_with_shards_is_not_built_again(folder):
    done = run("shards", "build", folder / "a.npy", "-o", folder / "out", "--shards", 2)
    assert done.exit_code == 1
    assert "without shards" in " ".join(done.output.split())
