"""Building shards: the same bytes whoever builds them, and a rerun that goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from isolated_run import start_isolated
from quick import QUICK_BACKEND
from rows import normal_rows
from shard_folders import (
    DIM,
    QUICK,
    contents,
    made,
    mixed_ids,
    one_by_one,
    tied_rows,
)

import quiver
from quiver.errors import (
    CancelledError,
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
    LockError,
    ShardError,
)
from quiver.sharding import builders
from quiver.sharding.folder import NAME, read_manifest
from quiver.sharding.placing import slots_of
from quiver.storage.atomic import claim

ROWS = tied_rows()
IDS = mixed_ids(len(ROWS))


@pytest.mark.parametrize("metric", ["cosine", "inner_product"])
def test_workers_write_the_same_bytes(tmp_path, metric):
    one = made(tmp_path / "one", ROWS, 4, metric=metric)
    two = made(tmp_path / "two", ROWS, 4, metric=metric, workers=2, threads=3)
    assert contents(one) == contents(two)
    assert {*contents(one)} == {
        NAME,
        *(f"shard-{number:05d}-g1.quiver" for number in range(4)),
    }


def test_one_shard_is_the_index_of_all_rows(tmp_path):
    folder = made(tmp_path, ROWS, 1)
    index = quiver.Index.build(ROWS, ids=IDS, **QUICK)
    index.save(tmp_path / "one.quiver")
    (shard,) = read_manifest(folder).shards
    assert (folder / shard.file).read_bytes() == (tmp_path / "one.quiver").read_bytes()


def test_rows_are_shared_out_in_their_order(tmp_path):
    by_number, by_rows = tmp_path / "a", tmp_path / "b"
    made(by_number, ROWS, 4)
    quiver.build_shards(ROWS, by_rows, shard_rows=60, ids=IDS, **QUICK)
    for folder, sizes in ((by_number, [52, 53, 52, 53]), (by_rows, [60, 60, 60, 30])):
        parts = [index.ids for index in one_by_one(folder)]
        assert [len(part) for part in parts] == sizes
        np.testing.assert_array_equal(np.concatenate(parts), IDS)


def test_rows_are_shared_out_by_a_hash_of_their_ids(tmp_path):
    folder = made(tmp_path, ROWS, 3, by="hash")
    for shard, index in zip(
        read_manifest(folder).shards, one_by_one(folder), strict=True
    ):
        first, stop = shard.slots
        slots = slots_of(index.ids)
        assert ((first <= slots) & (slots < stop)).all()
        assert (shard.lowest, shard.highest) == (index.ids.min(), index.ids.max())


def test_rows_with_equal_keys_share_a_shard(tmp_path):
    keys = np.arange(len(ROWS)) % 5
    folder = made(tmp_path, ROWS, 3, by=keys)
    owner = {
        id_: number
        for number, index in enumerate(one_by_one(folder))
        for id_ in index.ids.tolist()
    }
    for key in range(5):
        assert len({owner[id_] for id_ in IDS[keys == key].tolist()}) == 1


def test_a_shard_without_rows_is_one_too(tmp_path):
    folder = made(tmp_path, ROWS, 3, by=np.zeros(len(ROWS), dtype=int))
    assert sorted(shard.n for shard in read_manifest(folder).shards) == [0, 0, 210]
    index = quiver.ShardedIndex.open(folder)
    alone = quiver.Index.build(ROWS, ids=IDS, **QUICK)
    found, same = index.search(ROWS, 5), alone.search(ROWS, 5)
    np.testing.assert_array_equal(found.distances, same.distances)
    assert index.check().ok
    assert len(index.search_radius(ROWS[:2], 0.1)) == 2


def test_there_may_be_more_shards_than_rows(tmp_path):
    index = quiver.ShardedIndex.open(made(tmp_path, ROWS[:2], 5))
    assert index.search(ROWS[0], 3).counts == 2


def test_files_count_as_one_source(tmp_path):
    names = [tmp_path / f"{number}.npy" for number in range(3)]
    for name, part in zip(names, np.array_split(ROWS, 3), strict=True):
        np.save(name, part)
    whole = made(tmp_path / "whole", ROWS, 2)
    files = made(tmp_path / "files", ROWS, 2)
    several = tmp_path / "several"
    quiver.build_shards(names, several, shards=2, ids=IDS, **QUICK)
    assert contents(several) == contents(whole) == contents(files)


def test_folders_of_parquet_files_bring_their_ids(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs the extra `io`")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "rows").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(ROWS)), 3)):
        columns = {"vector": list(ROWS[part]), "id": IDS[part]}
        parquet.write_table(pa.table(columns), tmp_path / f"rows/{number}.parquet")
    whole = made(tmp_path / "whole", ROWS, 4, by="hash")
    out, how = tmp_path / "out", {"key": "vector", "id_key": "id", "by": "hash"}
    quiver.build_shards(tmp_path / "rows", out, shards=4, **how, **QUICK)
    assert contents(out) == contents(whole)


def test_bytes_stay_bytes(tmp_path):
    rows = np.random.default_rng(0).integers(0, 255, (90, DIM), dtype=np.uint8)
    folder = made(tmp_path, rows, 2, metric="euclidean")
    index = quiver.ShardedIndex.open(folder)
    assert index.memory_report().vectors == rows.nbytes
    np.testing.assert_array_equal(index.get(mixed_ids(90)), rows)


def test_vectors_may_be_stored_as_halves(tmp_path):
    folder = made(tmp_path, ROWS, 2, cold_dtype="float16")
    assert quiver.ShardedIndex.open(folder).memory_report().vectors == ROWS.nbytes // 2


def test_a_rerun_builds_only_what_is_not_finished(tmp_path, monkeypatch):
    whole = made(tmp_path / "whole", ROWS, 4)
    seen, asked = [], []

    def stop_after_two(done, total):
        seen.append(done)
        return done < 2 * total // 4

    with pytest.raises(CancelledError):
        made(tmp_path / "again", ROWS, 4, progress=stop_after_two)
    assert not (tmp_path / "again" / NAME).exists()
    with pytest.raises(FileAccessError, match=NAME):
        quiver.ShardedIndex.open(tmp_path / "again")
    carry_out = builders.carry_out
    monkeypatch.setattr(
        builders,
        "carry_out",
        lambda job, tell: asked.append(job.options["out"]) or carry_out(job, tell),
    )
    # A finished file that was damaged since is built again.
    first = tmp_path / "again" / "shard-00000-g1.quiver"
    first.write_bytes(first.read_bytes()[:-1] + b"\0")
    made(tmp_path / "again", ROWS, 4)
    assert [Path(out).name[:11] for out in asked] == [
        *("shard-00000", "shard-00002", "shard-00003")
    ]
    assert contents(tmp_path / "again") == contents(whole)


def test_a_rerun_with_other_rows_keeps_nothing(tmp_path):
    with pytest.raises(CancelledError):
        made(tmp_path / "again", ROWS, 4, progress=lambda done, total: 2 * done < total)
    made(tmp_path / "again", ROWS + 1, 4)
    made(tmp_path / "whole", ROWS + 1, 4)
    assert contents(tmp_path / "again") == contents(tmp_path / "whole")


def test_shards_of_an_abandoned_build_do_not_stay(tmp_path):
    with pytest.raises(CancelledError):
        made(tmp_path, ROWS, 7, progress=lambda done, total: 5 * done < 4 * total)
    made(tmp_path, ROWS, 2)
    named = [shard.file for shard in read_manifest(tmp_path).shards]
    assert {*contents(tmp_path)} == {NAME, *named}


def test_a_folder_with_shards_is_left_alone(tmp_path):
    made(tmp_path, ROWS, 2)
    before = contents(tmp_path)
    with pytest.raises(InvalidArgumentError, match="without shards"):
        made(tmp_path, ROWS, 2)
    assert contents(tmp_path) == before


def test_two_builds_do_not_write_to_one_folder(tmp_path):
    claim(tmp_path / ".changing", "held")
    with pytest.raises(LockError, match="another build"):
        made(tmp_path, ROWS, 2)


def test_progress_counts_rows_up_to_all(tmp_path):
    told = []
    made(tmp_path, ROWS, 3, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (len(ROWS), len(ROWS))


def test_a_bad_row_is_named_with_its_file(tmp_path):
    rows = normal_rows(20, 4)
    rows[13, 2] = np.nan
    for name, part in (("good", ROWS[:5, :4]), ("bad", rows)):
        np.save(tmp_path / f"{name}.npy", part)
    names = [tmp_path / "good.npy", tmp_path / "bad.npy"]
    with pytest.raises(InvalidArgumentError, match=r"bad\.npy.*row 13"):
        quiver.build_shards(names, tmp_path / "out", shards=2)
    assert contents(tmp_path / "out") == {}


def test_a_file_that_is_no_vectors_is_named(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match=r"x\.npy"):
        quiver.build_shards(tmp_path / "x.npy", tmp_path / "out", shards=2)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_shard_that_cannot_be_built_names_its_rows(tmp_path, workers):
    out = tmp_path / "out"
    out.mkdir()
    (out / "shard-00001-g1.quiver").mkdir()
    with pytest.raises(ShardError, match=r"shard-00001.*rows 105 … 209 of vectors"):
        made(out, ROWS, 2, workers=workers)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "one of shards and shard_rows"),
        ({"shards": 2, "shard_rows": 2}, "one of shards and shard_rows"),
        ({"shards": 0}, "shards"),
        ({"shard_rows": 0}, "shard_rows"),
        ({"shards": 2, "by": "range"}, "by must be one of"),
        ({"shards": 2, "by": [1, 2]}, "by must have shape"),
        ({"shards": 2, "encoding": "auto"}, "encoding must not be 'auto'"),
        ({"shards": 2, "ids": [1, 2]}, "ids must have shape"),
        ({"shards": 2, "id_key": "id"}, "id_key"),
        ({"shards": 2, "workers": 0}, "workers"),
        ({"shards": 2, "engine": "local", "workers": 2}, "workers must be 1"),
        ({"shards": 2, "engine": "cluster"}, "engine must be one of"),
        ({"shards": 2, "metric": "near"}, "metric"),
    ],
)
def test_an_argument_that_breaks_a_rule_leaves_no_trace(tmp_path, how, words):
    with pytest.raises(InvalidArgumentError, match=words):
        quiver.build_shards(ROWS, tmp_path / "out", **how)
    assert not (tmp_path / "out").exists()


def test_files_of_different_dimensions_are_refused(tmp_path):
    for dim in (3, 4):
        np.save(tmp_path / f"{dim}.npy", normal_rows(5, dim))
    with pytest.raises(InvalidArgumentError, match=r"\[3, 4\]"):
        quiver.build_shards(
            [tmp_path / "3.npy", tmp_path / "4.npy"], tmp_path / "out", shards=1
        )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent")
def test_a_worker_killed_amid_a_build_changes_no_byte(tmp_path):
    killed = []

    def kill_one(done, total):
        # None runs yet while rows are read.
        if not killed and (running := multiprocessing.active_children()):
            killed.append(running[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    rows = normal_rows(1500, DIM)
    how = {"backend": QUICK_BACKEND, "workers": 2, "progress": kill_one}
    made(tmp_path / "killed", rows, 4, **how)
    assert killed
    assert multiprocessing.active_children() == []
    made(tmp_path / "whole", rows, 4, backend=QUICK_BACKEND)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent")
@pytest.mark.parametrize(
    ("workers", "sent"),
    [(2, signal.SIGINT), (2, signal.SIGKILL), (1, signal.SIGKILL)],
)
def test_a_build_that_was_ended_goes_on_to_the_same_bytes(tmp_path, workers, sent):
    rows = normal_rows(1500, DIM)
    np.save(tmp_path / "rows.npy", rows)
    args = ("build_shards_slowly.py", tmp_path / "rows.npy", tmp_path / "out", 8)
    with start_isolated(*args, workers) as process:
        # It has finished a shard, and not all.
        while (line := process.stdout.readline()) and line.startswith("0 "):
            pass
        assert line
        process.send_signal(sent)
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert not (tmp_path / "out" / NAME).exists()
    how = {"shards": 8, "backend": QUICK_BACKEND, **QUICK}
    quiver.build_shards(rows, tmp_path / "out", **how)
    quiver.build_shards(rows, tmp_path / "whole", **how)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
