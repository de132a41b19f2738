"""Shards in actors of Ray: the same answers, whatever becomes of the actors."""

from __future__ import annotations

import os
import shutil
import signal
import threading

import numpy as np
import pytest
from ray_actors import kill, process_of, replicas_of, wait_until_gone
from rows import normal_rows
from shard_folders import (
    DIM,
    QUICK,
    asked_meanwhile,
    assert_equals_oracle,
    expected,
    made,
    mixed_ids,
    tied_rows,
)

import quiver
from quiver.errors import FileAccessError, FileFormatError, ShardError
from quiver.sharding.folder import read_manifest

pytestmark = pytest.mark.slow
ROWS = tied_rows()
QUERIES = np.concatenate([normal_rows(8, DIM, seed=9), ROWS[[0, 3, 105]]])
SECONDS = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(tmp_path_factory.mktemp("shards"), ROWS, 2)


@pytest.fixture(scope="module")
def index(ray, folder):
    with opened(folder) as index:
        yield index


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def opened(folder, **how):
    return quiver.ShardedIndex.open(folder, "ray", backend="reference", **how)


@pytest.mark.parametrize(
    ("shards", "metric", "by"),
    [
        (1, "cosine", "rows"),
        (2, "euclidean", "hash"),
        (3, "inner_product", "hash"),
        (7, "cosine", "rows"),
    ],
)
def test_actors_answer_as_the_oracle_does(ray, tmp_path, shards, metric, by):
    folder = made(tmp_path, ROWS, shards, metric=metric, by=by)
    local = quiver.ShardedIndex.open(folder)
    few = np.sort(local.ids)[::9]
    allowed = [few, np.sort(local.ids)] * 5 + [few]
    radius = float(local.search(QUERIES, 9).distances.max())
    with opened(folder) as index:
        for k, effort in ((1, {}), (10, {"ef": 12}), (90, {"ef": 120})):
            found = index.search(QUERIES, k, **effort)
            assert_equals_oracle(found, expected(folder, QUERIES, k, **effort))
        oracle = expected(folder, QUERIES, 6, allowed)
        assert_equals_oracle(index.search(QUERIES, 6, filter=allowed), oracle)
        near, same = (
            one.search_radius(QUERIES, radius, max_results=5) for one in (index, local)
        )
        np.testing.assert_array_equal(near.ids, same.ids)
        np.testing.assert_array_equal(near.distances, same.distances)
        np.testing.assert_array_equal(index.get(few), local.get(few))
        assert index.check().ok


def test_all_engines_answer_alike(index, folder):
    with quiver.ShardedIndex.open(folder, "processes", workers=1) as processes:
        for one in (index, processes, quiver.ShardedIndex.open(folder)):
            found = one.search(QUERIES, 10)
            assert_equals_oracle(found, expected(folder, QUERIES, 10))


def test_recall_is_no_less_than_that_of_one_index(index):
    queries = normal_rows(200, DIM, seed=2)
    whole = quiver.Index.build(ROWS, ids=mixed_ids(len(ROWS)), **QUICK)
    exact = quiver.exact_knn(ROWS, queries, k=10)[1]
    ours, theirs = (
        quiver.recall_at_k(one.search(queries, 10, ef=12).distances, exact)
        for one in (index, whole)
    )
    assert ours >= theirs


def test_an_actor_killed_amid_a_thousand_queries_changes_no_answer(ray, folder):
    queries = normal_rows(1000, DIM, seed=4)
    oracle = quiver.ShardedIndex.open(folder).search(queries, 5)
    answered, done, killed, lost = threading.Event(), threading.Event(), [], 0
    with opened(folder) as index:
        victims = replicas_of(index)

        def kill_again_and_again():
            answered.wait(SECONDS)
            while len(killed) < 2 and not done.wait(0.2):
                killed.append(kill(victims[len(killed)]))

        killer = threading.Thread(target=kill_again_and_again)
        killer.start()
        try:
            start = 0
            while start < len(queries) or len(killed) < 2:
                part = slice(start % len(queries), start % len(queries) + 20)
                try:
                    found = index.search(queries[part], 5)
                except ShardError:
                    lost += 1
                else:
                    np.testing.assert_array_equal(found.ids, oracle.ids[part])
                    np.testing.assert_array_equal(
                        found.distances, oracle.distances[part]
                    )
                    start += 20
                answered.set()
        finally:
            done.set()
            killer.join()
        assert lost <= len(killed) == 2
        # By itself it is whole again.
        assert index.search(queries[:20], 5).coverage == 1


def test_another_replica_answers_while_one_is_started_anew(ray, folder):
    oracle = expected(folder, QUERIES, 5)
    with opened(folder, replicas=2) as index:
        first, other = replicas_of(index)[:2]
        for victim in (first, other):
            kill(victim)
            for _ in range(4):
                assert_equals_oracle(index.search(QUERIES, 5), oracle)


def test_a_lost_shard_is_named_or_left_out_until_it_is_back(ray, copy):
    lost, kept = read_manifest(copy).shards
    with opened(copy, policy="partial") as index:
        (copy / lost.file).rename(copy / "elsewhere")
        kill(replicas_of(index)[0])
        for result in (index.search(QUERIES, 5), index.search_radius(QUERIES, 0.3)):
            assert result.coverage == kept.n / len(ROWS)
            assert result.missing == (lost.file,)
        alone = quiver.open(copy / kept.file).search(QUERIES, 5)
        found = index.search(QUERIES, 5)
        np.testing.assert_array_equal(found.distances, alone.distances)
        index._now.policy = "strict"
        with pytest.raises(ShardError, match=lost.file):
            index.search(QUERIES, 5)
        (copy / "elsewhere").rename(copy / lost.file)
        assert_equals_oracle(index.search(QUERIES, 5), expected(copy, QUERIES, 5))


def test_a_file_damaged_since_is_not_served_by_the_next_actor(ray, copy):
    path = copy / read_manifest(copy).shards[0].file
    with opened(copy) as index:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.unlink()
        path.write_bytes(content)
        kill(replicas_of(index)[0])
        with pytest.raises(ShardError, match=rf"{path.name}.*CRC"):
            index.search(QUERIES)


def damaged(copy, path, tmp_path):
    path.write_bytes(path.read_bytes()[:100])


def missing(copy, path, tmp_path):
    path.unlink()


def of_another_generation(copy, path, tmp_path):
    with quiver.ShardedIndex.open(shutil.copytree(copy, tmp_path / "next")) as index:
        index.remove(index.ids[:1])
        shutil.copy(index.folder / index.manifest.shards[0].file, path)


def of_another_dimension(copy, path, tmp_path):
    other = made(tmp_path / "other", normal_rows(105, DIM + 1), 1)
    shutil.copy(other / read_manifest(other).shards[0].file, path)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (damaged, FileFormatError),
        (missing, FileAccessError),
        (of_another_generation, FileFormatError),
        (of_another_dimension, FileFormatError),
    ],
)
def test_a_shard_that_is_not_the_one_is_refused_by_name(
    ray, copy, tmp_path, spoil, error
):
    path = copy / read_manifest(copy).shards[0].file
    spoil(copy, path, tmp_path)
    with pytest.raises(error, match=path.name):
        opened(copy)


def test_an_actor_that_hangs_is_given_up_at_the_deadline(ray, folder):
    with opened(folder, deadline=5.0) as index:
        hung = process_of(replicas_of(index)[1])
        os.kill(hung, signal.SIGSTOP)
        try:
            with pytest.raises(
                ShardError, match=r"shard-00001.*no answer within 5.0 s"
            ):
                index.search(QUERIES)
            assert process_of(replicas_of(index)[1]) != hung
            assert_equals_oracle(index.search(QUERIES, 5), expected(folder, QUERIES, 5))
        finally:
            os.kill(hung, signal.SIGKILL)


def test_actors_start_though_others_hold_every_processor(full, folder):
    with opened(folder) as index:
        assert_equals_oracle(index.search(QUERIES, 5), expected(folder, QUERIES, 5))


def test_closing_ends_every_actor(ray, folder):
    index = opened(folder)
    running = [process_of(replica) for replica in replicas_of(index)]
    index.close()
    for number in running:
        wait_until_gone(number)
    with pytest.raises(ShardError, match="closed"):
        index.search(QUERIES)


def test_shards_change_while_readers_finish_on_the_generation_before(ray, tmp_path):
    index = opened(made(tmp_path, ROWS, 2))
    more, reader = normal_rows(30, DIM, seed=3), opened(tmp_path)
    before = reader.search(QUERIES, 5)
    with asked_meanwhile(index, QUERIES):
        new = index.add(more)
        assert index.search(more, 1).ids[:, 0].tolist() == new.tolist()
        index.add_shard(more + 1)
        index.split(0)
        index.rebuild(1)
    assert [shard.n for shard in index.manifest.shards] == [52, 53, 135, 30]
    assert_equals_oracle(index.search(QUERIES, 5), expected(tmp_path, QUERIES, 5))
    np.testing.assert_array_equal(reader.search(QUERIES, 5).ids, before.ids)
    for one in (index, reader):
        one.close()
