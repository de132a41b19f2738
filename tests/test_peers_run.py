"""The peer comparison at work: who is timed when, and what a process reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from peers import data, schedule, worker
from peers.contract import Peer
from peers.schedule import PeerError, Plan

import quiver

ROOT = Path(__file__).parents[1]
PLAN = Plan(threads=2, repeats=2, turn_seconds=0.01)


@pytest.fixture(scope="module")
def task():
    base = np.eye(6, dtype=np.float32)[[0, 1, 1, 2, 3, 4]]
    queries = np.eye(6, dtype=np.float32)[[1]]
    _, true = quiver.exact_knn(base, queries, 2)
    return data.Task("corners", "cosine", base, queries, true)


class Scripted(Peer):
    """A peer without a library, for what happens around it."""

    module, distribution = "json", "numpy"
    efforts = (1, 2, 3)

    def build(self, vectors, _metric, _threads):
        self.rows = len(vectors)

    def search(self, queries, k, _effort, _threads):
        return np.tile(np.arange(k), (len(queries), 1))


class Elsewhere(Scripted):
    metrics = ("euclidean",)


class Absent(Scripted):
    module, distribution = "no_such_module", "no-such-library"


BROKEN_BUILD = PeerError("broke while building")
BROKEN_TURN = PeerError("broke while timed")


class FakeWorker:
    """Answers as told, and keeps a log of who was asked what."""

    asked: ClassVar[list[tuple]] = []

    def __init__(self, name, peer, _task, _plan, folder):
        self.name, self.peer, self.folder = name, peer, folder

    def reply(self, _seconds):
        if self.name == "broken":
            raise BROKEN_BUILD
        return {"build_seconds": 1.0}

    def ask(self, command, *arguments):
        self.asked.append((self.name, command, *arguments))
        if command == "answer":
            effort, path = arguments
            np.save(path, np.array([[1, 2 if effort == 2 else 0]]))
        elif self.name == "fails-later":
            raise BROKEN_TURN
        return {"seconds_per_query": 1e-3}

    def end(self):
        self.asked.append((self.name, "end"))


@pytest.fixture
def results(monkeypatch, task, tmp_path):
    monkeypatch.setattr(schedule, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "asked", [])
    names = ("first", "broken", "fails-later", "last")
    peers = {**dict.fromkeys(names, Scripted), "elsewhere": Elsewhere, "absent": Absent}
    return schedule.run(peers, task, PLAN, tmp_path, lambda _: None)


def test_a_peer_that_cannot_run_or_fails_carries_its_reason(results):
    errors = {name: measured.error for name, measured in results.items()}
    assert errors == {
        "first": "",
        "broken": "broke while building",
        "fails-later": "broke while timed",
        "last": "",
        "elsewhere": "does not search cosine data",
        "absent": "no-such-library is not installed",
    }


def test_a_sweep_stops_at_the_first_setting_that_finds_everything(results):
    assert [p["effort"] for p in results["first"].points] == [1, 2]
    assert [p["recall"] for p in results["first"].points] == [0.5, 1.0]


def test_peers_take_turns_in_reverse_order_every_second_time(results):
    turns = [(n, a[0], a[1]) for n, c, *a in FakeWorker.asked if c == "turn"]
    steps = [(effort, threads) for effort in (1, 2) for threads in (1, 2)]
    first, second = ("first", "last"), ("last", "first")
    expected = [(n, *step) for step in steps for n in first]
    # It failed at its first turn and is not asked again.
    expected.insert(1, ("fails-later", 1, 1))
    expected += [(n, *step) for step in steps for n in second]
    assert turns == expected
    ended = [name for name, command, *_ in FakeWorker.asked if command == "end"]
    assert ended == ["first", "broken", "fails-later", "last"]
    assert results["last"].points[0]["qps"] == {"one": 1000.0, "all": 1000.0}


def own_task(peer, clock=lambda: 0.0):
    return worker.Task(peer, np.zeros((9, 2), dtype="f4"), 3, 2, clock)


def test_the_fastest_batch_of_a_turn_counts():
    ticks = iter([0.0, 6.0, 10.0, 13.0, 20.0, 24.0])
    task = own_task(Scripted(), lambda: next(ticks))
    reply = worker.take_turn(task, 1, threads=1, n_queries=3, turn_seconds=10.0)
    assert reply == {"seconds_per_query": 1.0}
    assert next(ticks, None) is None


def test_a_librarys_own_time_replaces_the_clock():
    class OwnClock(Scripted):
        def own_seconds(self):
            return 0.5

    ticks = iter([0.0, 60.0])
    task = own_task(OwnClock(), lambda: next(ticks))
    reply = worker.take_turn(task, 1, threads=1, n_queries=5, turn_seconds=1.0)
    assert reply == {"seconds_per_query": 0.1}


def test_ids_are_padded_and_unused_places_marked(tmp_path):
    class Short(Scripted):
        def search(self, *_):
            return [[4], [2**64 - 1, 3], [1, 2, 3, 4]]

    worker.answer(own_task(Short()), 1, str(tmp_path / "ids.npy"))
    ids = np.load(tmp_path / "ids.npy")
    np.testing.assert_array_equal(ids, [[4, -1, -1], [-1, 3, -1], [1, 2, 3]])


@pytest.mark.skipif(os.name != "posix", reason="stops processes by signals")
def test_a_process_that_dies_is_reported_with_its_last_words(task, tmp_path):
    started = schedule.Worker("no-such-peer", Scripted(), task, PLAN, tmp_path)
    with pytest.raises(PeerError, match="ended with code 1: KeyError: 'no-such-peer'"):
        started.reply(60)
    started.end()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="stops processes by signals")
def test_a_real_run_measures_a_backend_in_its_own_process(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra `plot`")
    compiled = [b.name for b in quiver.list_backends() if b.available][:-1]
    if not compiled:
        pytest.skip("only the reference runs here")
    name = f"quiver-r32-{compiled[0]}"
    options = ["--peers", name, "--rows", "500", "--threads", "2"]
    options += ["--repeats", "1", "--turn-seconds", "0.01"]
    paths = os.pathsep.join([str(ROOT / "tools"), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "peers", *options, "--out", tmp_path],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": paths},
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    measured = json.loads((tmp_path / "peers.json").read_text())["peers"][name]
    assert measured["error"] == ""
    assert measured["points"][-1]["recall"] >= 0.99
    assert all(p["qps"]["one"] > 0 < p["qps"]["all"] for p in measured["points"])
    assert name in (tmp_path / "peers.md").read_text()
    if sys.platform.startswith("linux"):
        # Its own copy of the float32 vectors is among what it needs to answer.
        assert measured["build"]["resident_bytes"] >= 500 * 384 * 4
