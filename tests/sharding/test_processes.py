"""Shards in worker processes: the same answers, whatever becomes of the workers."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import signal
import sys
import threading
import time
from dataclasses import replace
from multiprocessing.connection import Connection

import numpy as np
import pytest
from hanging_worker import HANGING, serve_but_hang
from isolated_run import start_isolated
from process_memory import memory_of
from quick import QUICK_BACKEND
from rows import normal_rows
from shard_folders import DIM, assert_equals_oracle, expected, made, tied_rows
from small_index import save_ring

import quiver
from quiver.errors import InvalidArgumentError, ShardError
from quiver.sharding import processes
from quiver.sharding.board import Board
from quiver.sharding.folder import read_manifest, write_manifest
from quiver.sharding.jobs import described
from quiver.sharding.manifest import Shard, fingerprint_of
from quiver.sharding.messages import Message
from quiver.sharding.processes import shared_out

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="signals are sent to the workers"
)
ROWS = tied_rows()
QUERIES = np.concatenate([normal_rows(8, DIM, seed=9), ROWS[[0, 3, 105]]])
SECONDS = 20.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(tmp_path_factory.mktemp("shards"), ROWS, 3)


def opened(folder, **how):
    return quiver.ShardedIndex.open(folder, "processes", backend=QUICK_BACKEND, **how)


@pytest.fixture(scope="module")
def index(folder):
    with opened(folder) as index:
        yield index


def workers_of(index):
    return [worker.process_id for worker in index._now.engine.workers]


def assert_gone(process_ids):
    end = time.monotonic() + SECONDS
    while any(map(is_running, process_ids)):
        assert time.monotonic() < end, process_ids
        time.sleep(0.01)


def is_running(process_id):
    """Return whether a process runs; one that nobody has waited for does not."""
    return state_of(process_id) not in ("Z", None)


def state_of(process_id):
    """Return the letter of a process's state, None where there is no such process."""
    try:
        with open(f"/proc/{process_id}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_workers_answer_as_the_oracle_does(tmp_path, metric):
    folder = made(tmp_path, ROWS, 3, metric=metric, by="hash")
    local = quiver.ShardedIndex.open(folder)
    few = np.sort(local.ids)[::9]
    with opened(folder, workers=2) as index:
        assert len(workers_of(index)) == 2
        for k, effort in ((1, {}), (10, {"ef": 12}), (90, {"ef": 120})):
            found = index.search(QUERIES, k, **effort)
            assert_equals_oracle(found, expected(folder, QUERIES, k, **effort))
        allowed = [few, np.sort(local.ids)] * 5 + [few]
        found = index.search(QUERIES, 6, filter=allowed)
        assert_equals_oracle(found, expected(folder, QUERIES, 6, allowed))
        radius = float(local.search(QUERIES, 9).distances.max())
        near, same = (
            one.search_radius(QUERIES, radius, max_results=5) for one in (index, local)
        )
        np.testing.assert_array_equal(near.ids, same.ids)
        np.testing.assert_array_equal(near.distances, same.distances)
        np.testing.assert_array_equal(index.get(few), local.get(few))
        assert index.check().ok


def test_workers_leave_what_is_hot_in_the_files(index):
    report = index.memory_report()
    assert report.mapped == report.hot > 0


def ring_folder(folder):
    """Make a folder of two shards of many rows without a build."""
    like = read_manifest(made(folder, ROWS[:20], 2))
    shards = []
    for number in range(2):
        path = folder / like.shards[number].file
        save_ring(path, 25_000)
        shards.append(described(path, np.arange(25_000), (0, 0)))
    state = quiver.open(path).state
    manifest = replace(
        like,
        dim=state.dim,
        metric=state.metric,
        encoding=state.encoding,
        transform=fingerprint_of(state.transform),
        shards=tuple(shards),
    )
    write_manifest(folder, manifest)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_four_processes_hold_one_copy_of_what_is_hot(tmp_path):
    folder = ring_folder(tmp_path)
    with contextlib.ExitStack() as stack:
        indexes = [
            stack.enter_context(opened(folder, workers=1, verify="none"))
            for _ in range(4)
        ]
        for index in indexes:
            # One that follows another proves its shards: it reads all that is hot.
            os.kill(workers_of(index)[0], signal.SIGKILL)
            index.search(normal_rows(3, index.dim))
        hot = index.memory_report().mapped
        assert hot > 15e6
        found = [memory_of(workers_of(index)[0], ".quiver") for index in indexes]
        assert len({workers_of(index)[0] for index in indexes}) == 4
    assert all(one["Rss"] >= hot for one in found)
    assert all(one["Private"] < hot / 16 for one in found)
    # Together they hold the files about once, and not four times.
    assert sum(one["Pss"] for one in found) < 1.25 * hot


def test_a_mistake_is_told_as_in_this_process_and_harms_no_worker(index):
    before = workers_of(index)
    with pytest.raises(InvalidArgumentError, match="ef must be >= k"):
        index.search(QUERIES, ef=3)
    assert workers_of(index) == before


def test_a_killed_worker_is_started_anew_and_asked_again(folder, index):
    oracle = expected(folder, QUERIES, 5)
    for number in range(3):
        os.kill(workers_of(index)[number], signal.SIGKILL)
        assert_equals_oracle(index.search(QUERIES, 5), oracle)


@pytest.mark.slow
def test_a_worker_killed_amid_a_thousand_queries_changes_no_answer(folder):
    queries = normal_rows(1000, DIM, seed=4)
    oracle = quiver.ShardedIndex.open(folder).search(queries, 5)
    answered, done = threading.Event(), threading.Event()
    killed = []

    def kill_again_and_again():
        answered.wait(SECONDS)
        while len(killed) < 3 and not done.wait(0.2):
            victim = workers_of(index)[len(killed)]
            if victim is not None and is_running(victim):
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

    found, lost = {}, 0
    with opened(folder) as index:
        killer = threading.Thread(target=kill_again_and_again)
        killer.start()
        try:
            start = 0
            while start < len(queries) or len(killed) < 3:
                first = start % len(queries)
                try:
                    found[first] = index.search(queries[first : first + 20], 5)
                except ShardError:
                    lost += 1
                else:
                    start += 20
                answered.set()
        finally:
            done.set()
            killer.join()
        # By itself it is whole again.
        found[0] = index.search(queries[:20], 5)
    assert len(killed) >= 3
    assert lost <= len(killed)
    for first, result in found.items():
        part = slice(first, first + 20)
        np.testing.assert_array_equal(result.ids, oracle.ids[part])
        np.testing.assert_array_equal(result.distances, oracle.distances[part])


@pytest.mark.slow
def test_a_shard_that_is_lost_is_named_or_left_out(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    lost, rest = read_manifest(copy).shards[1], [0, 2]
    strict, partial = opened(copy), opened(copy, policy="partial")
    with strict, partial:
        (copy / lost.file).unlink()
        for index in (strict, partial):
            os.kill(workers_of(index)[1], signal.SIGKILL)
        with pytest.raises(ShardError, match=lost.file):
            strict.search(QUERIES, 5)
        found = partial.search(QUERIES, 5)
        within = partial.search_radius(QUERIES, 0.3)
    n = sum(read_manifest(folder).shards[number].n for number in rest)
    for result in (found, within):
        assert result.coverage == n / len(ROWS)
        assert result.missing == (lost.file,)
    whole = quiver.ShardedIndex.open(folder)
    kept = np.concatenate([whole._now.parts[number] for number in rest])
    only = whole.search(QUERIES, 5, filter=kept, ef=len(ROWS))
    assert (found.distances >= only.distances).all()
    assert np.isin(found.ids, kept).all()


def test_missing_names_lost_shards_and_a_refresh_has_a_new_worker(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    with opened(copy) as index:
        before, first = workers_of(index), index.manifest
        assert index.missing() == ()
        os.kill(before[0], signal.SIGKILL)
        assert index.missing() == ()
        opened_here = quiver.ShardedIndex.open(copy, backend=QUICK_BACKEND)
        opened_here.remove(int(opened_here._now.parts[2][0]))
        before = workers_of(index)
        # Its file has no name any more.
        os.kill(before[2], signal.SIGKILL)
        assert index.missing() == (first.shards[2].file,)
        assert index.refresh()
        assert index.missing() == ()
        found = index.search(QUERIES, 5)
        assert_equals_oracle(found, expected(copy, QUERIES, 5))
        # Those of shards that did not change serve on.
        assert workers_of(index)[:2] == before[:2]
        assert_gone(before[2:])


def test_a_file_damaged_since_is_not_served_by_the_next_worker(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    path = copy / read_manifest(copy).shards[0].file
    with opened(copy) as index:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.unlink()
        path.write_bytes(content)
        os.kill(workers_of(index)[0], signal.SIGKILL)
        with pytest.raises(ShardError, match=rf"{path.name}.*CRC"):
            index.search(QUERIES)


@pytest.mark.parametrize("has_board", [True, False])
def test_a_worker_that_hangs_is_given_up_at_the_deadline(
    folder, monkeypatch, has_board
):
    monkeypatch.setattr(processes, "serve_shards", serve_but_hang)
    with opened(folder, deadline=0.5) as index:
        engine, hung = index._now.engine, workers_of(index)[HANGING]
        if not has_board:
            # More than a pipe holds: writing hangs as well.
            monkeypatch.setattr(engine._board, "put", lambda _: None)
        ids = np.resize(index.manifest.shards[HANGING].lowest, 100_000)
        # The others are not asked: however slow they are, they are not late.
        told = engine.ask([None, None, Message("get", {}, (ids,))])
        assert told[:2] == [None, None]
        assert re.match(r"shard-00002.*no answer within 0.5 s", str(told[2]))
        assert not is_running(hung)
        engine._deadline = None
        assert_equals_oracle(index.search(QUERIES, 5), expected(folder, QUERIES, 5))


def test_closing_ends_every_worker(folder):
    index = opened(folder)
    running = workers_of(index)
    assert all(map(is_running, running))
    index.close()
    assert_gone(running)
    with pytest.raises(ShardError, match="closed"):
        index.search(QUERIES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "sent"),
    [
        ("exit", None),
        ("raise", None),
        ("wait", signal.SIGINT),
        ("wait", signal.SIGTERM),
        ("wait", signal.SIGKILL),
    ],
)
def test_no_way_to_end_leaves_a_worker(folder, how, sent):
    with start_isolated("shards_in_workers.py", folder, how) as process:
        running = [int(word) for word in process.stdout.readline().split()]
        assert len(running) == 3
        if sent is not None:
            process.send_signal(sent)
        process.communicate(timeout=60)
    assert_gone(running)


def test_ctrl_c_leaves_an_index_that_answers(folder, index):
    # The answer that was on its way must not be taken for that of the next question.
    queries = normal_rows(5000, DIM, seed=5)

    def ask_for_ever():
        while True:
            index.search(queries, 5)

    previous = signal.signal(signal.SIGALRM, lambda *_: _interrupt())
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            ask_for_ever()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert_equals_oracle(index.search(QUERIES, 5), expected(folder, QUERIES, 5))


def _interrupt():
    raise KeyboardInterrupt


def test_a_damaged_shard_is_refused_before_any_process_starts(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    path = copy / read_manifest(copy).shards[1].file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(quiver.errors.FileFormatError, match=path.name):
        opened(copy)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_large_batch_is_written_once_for_all_workers(folder, monkeypatch, workers):
    ids = expected(folder, QUERIES, 1, ef=1)[0]
    posted, frames = [], []
    put, send = Board.put, Connection.send_bytes

    def put_noted(self, arrays):
        posted.append(sum(array.nbytes for array in arrays))
        return put(self, arrays)

    def send_noted(self, frame):
        frames.append(len(frame))
        send(self, frame)

    with opened(folder, workers=workers) as index:
        monkeypatch.setattr(Board, "put", put_noted)
        monkeypatch.setattr(Connection, "send_bytes", send_noted)
        sizes = [1000, 400, 2000, 3]
        for size in sizes:
            queries = np.resize(QUERIES, (size, DIM))
            found = index.search(queries, 1, ef=1)
            np.testing.assert_array_equal(found.ids, np.resize(ids, (size, 1)))
    assert posted == [size * DIM * 4 for size in sizes]
    # Three that are asked in words cross the pipe whole.
    assert len(frames) == len(sizes) * workers
    assert max(frames) < 600


def test_where_there_is_no_room_for_a_board_questions_cross_the_pipes(
    folder, monkeypatch
):
    def fail(fd, data):
        raise OSError(errno.ENOSPC, "no space left")

    with opened(folder) as index:
        monkeypatch.setattr("quiver.sharding.board.write_all", fail)
        queries = np.resize(QUERIES, (400, DIM))
        oracle = expected(folder, queries, 1, ef=1)
        assert_equals_oracle(index.search(queries, 1, ef=1), oracle)
        monkeypatch.undo()
        assert_equals_oracle(index.search(queries, 1, ef=1), oracle)


def test_shards_stay_with_the_workers_that_have_them():
    fields = {"n": 1, "bytes": 1, "sha256": "", "fingerprint": "", "slots": (0, 0)}
    rest = {"lowest": 0, "highest": 0, "source": ""}
    a, b, c, d, e = (Shard(file=name, **fields, **rest) for name in "abcde")
    assert shared_out([a, b, c, d, e], 2) == [[0, 2, 4], [1, 3]]
    before = [(a, c), (b,), (d, e)]
    # One shard was split, and one more worker may run.
    assert shared_out([a, c, e, d, b], 3, before) == [[0, 1], [3, 2], [4]]
    assert shared_out([a, replace(b, n=2), c, d, e], 3, before) == [[0, 2], [3, 4], [1]]
    # No worker is free, so that of the fewest gives up its own.
    assert shared_out([a, b, c, d, e, replace(a, n=2)], 3, before) == [
        *([0, 2], [3, 4], [1, 5]),
    ]
    assert shared_out([b, replace(a, n=2), c], 5, before) == [[0], [1], [2]]


def test_workers_are_counted(folder):
    with pytest.raises(InvalidArgumentError, match="workers"):
        opened(folder, workers=0)
