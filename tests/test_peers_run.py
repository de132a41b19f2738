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
from peers import data, processes, schedule, worker
from peers.contract import Peer, Plan
from peers.processes import PeerError

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
        if command == "compare_builds":
            return {"n": 5, "one": 3.0, "all": 2.0}
        seconds = {"seconds_per_query": 1e-3, "wall_seconds_per_query": 2e-3}
        # Every call slower than the one before.
        slow = len(self.asked) * 1e-3
        return seconds if command == "turn" else {**seconds, "p50": slow, "p99": slow}

    def end(self):
        self.asked.append((self.name, "end"))


@pytest.fixture
def results(monkeypatch, task, tmp_path):
    monkeypatch.setattr(schedule, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "asked", [])
    names = ("first", "broken", "fails-later", "last")
    peers = {**dict.fromkeys(names, Scripted), "elsewhere": Elsewhere, "absent": Absent}
    made = schedule.run(peers, task, PLAN, tmp_path, lambda _: None)
    assert made.repeats == PLAN.repeats
    return made.peers


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
    timed = {"turn": lambda effort, threads, *_: (effort, threads)}
    timed["ask_singly"] = lambda effort, _: (effort, "singly")
    turns = [(n, *timed[c](*a)) for n, c, *a in FakeWorker.asked if c in timed]
    steps = [(effort, mode) for effort in (1, 2) for mode in (1, "singly", 2)]
    first, second = ("first", "last"), ("last", "first")
    expected = [(n, *step) for step in steps for n in first]
    expected += [(n, *step) for step in steps for n in second]
    assert turns == expected
    ended = [name for name, command, *_ in FakeWorker.asked if command == "end"]
    assert ended == ["first", "broken", "fails-later", "last"]
    point = results["last"].points[0]
    assert point["qps"] == {
        "one": 1000.0,
        "one, wall clock": 500.0,
        "single": 1000.0,
        "all": 1000.0,
    }


def test_the_lowest_percentile_of_all_turns_counts(results):
    asked = [command for _, command, *_ in FakeWorker.asked]
    first = 1e-3 * (1 + asked.index("ask_singly"))
    assert results["first"].points[0]["latency"] == {"p50": first, "p99": first}


def test_builds_are_compared_where_they_can_be_told_their_threads(results):
    assert results["first"].scaling == {"n": 5, "one": 3.0, "all": 2.0}
    assert results["absent"].scaling == {}
    compared = [name for name, command, *_ in FakeWorker.asked if "build" in command]
    assert compared == ["first", "fails-later", "last"]


def test_no_repeat_begins_that_would_not_end_in_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(schedule.time, "monotonic", lambda: now[0])

    def repeats(minutes, seconds):
        clock, made = schedule.Clock(minutes), 0
        for _ in clock.laps(5):
            now[0] += seconds
            made += 1
        return made

    assert repeats(1, 25.0) == 2
    assert repeats(1, 100.0) == 1
    assert repeats(None, 100.0) == 5
    clock = schedule.Clock(1)
    now[0] += 59.5
    assert clock.left() == 1.0


def own_task(peer, clock=lambda: 0.0):
    queries = np.zeros((9, 2), dtype="f4")
    return worker.Task("own", peer, Path(), "cosine", queries, 3, 2, clock)


def test_the_fastest_batch_of_a_turn_counts():
    ticks = iter([0.0, 6.0, 10.0, 13.0, 20.0, 24.0])
    task = own_task(Scripted(), lambda: next(ticks))
    reply = worker.take_turn(task, 1, threads=1, n_queries=3, turn_seconds=10.0)
    assert reply["seconds_per_query"] == 1.0
    assert 0 < reply["wall_seconds_per_query"] < 1.0
    assert next(ticks, None) is None


def test_calls_of_one_query_are_timed_each():
    class Counted(Scripted):
        asked: ClassVar[list[int]] = []

        def search(self, queries, _k, _effort, threads):
            assert (len(queries), threads) == (1, 1)
            self.asked.append(int(queries[0, 0]))

    # A hundred calls of 1 … 100 seconds: the first began when the clock was read.
    ticks = iter(np.repeat(np.cumsum(np.arange(101.0)), 2)[1:-1].tolist())
    task = own_task(Counted(), lambda: next(ticks))
    queries = np.arange(9, dtype="f4")[:, None]
    reply = worker.ask_singly(task._replace(queries=queries), 1, 5050.0)
    assert Counted.asked == [i % 9 for i in range(100)]
    assert reply["seconds_per_query"] == 50.5
    assert reply["p50"] == 50.5
    assert reply["p99"] == pytest.approx(99.01)


def test_few_calls_are_too_few_for_a_percentile():
    calls = []

    class Slow(Scripted):
        def search(self, *_):
            calls.append(1)

    ticks = iter(range(10_000))
    worker.ask_singly(own_task(Slow(), lambda: next(ticks)), 1, 0.5)
    assert len(calls) == worker.LEAST_CALLS


def test_builds_on_one_thread_and_on_all_take_turns(tmp_path, monkeypatch):
    builds = []

    class Recorded(Scripted):
        def build(self, vectors, metric, threads):
            builds.append((len(vectors), metric, threads))

    np.save(tmp_path / "base.npy", np.zeros((worker.SCALING_ROWS + 5, 2), "f4"))
    monkeypatch.setattr(worker, "all_peers", lambda: {"own": Recorded})
    task = own_task(Recorded())._replace(folder=tmp_path)
    reply = worker.compare_builds(task)
    rows = worker.SCALING_ROWS
    assert builds == [(rows, "cosine", threads) for threads in (1, 2, 2, 1)]
    assert reply["n"] == rows
    assert 0 < reply["one"] < 60 > reply["all"] > 0


def test_a_librarys_own_time_replaces_the_clock():
    class OwnClock(Scripted):
        def own_seconds(self):
            return 0.5

    ticks = iter([0.0, 60.0])
    task = own_task(OwnClock(), lambda: next(ticks))
    reply = worker.take_turn(task, 1, threads=1, n_queries=5, turn_seconds=1.0)
    assert reply == {"seconds_per_query": 0.1, "wall_seconds_per_query": 0.1}


def test_ids_are_padded_and_unused_places_marked(tmp_path):
    class Short(Scripted):
        def search(self, *_):
            return [[4], [2**64 - 1, 3], [1, 2, 3, 4]]

    worker.answer(own_task(Short()), 1, str(tmp_path / "ids.npy"))
    ids = np.load(tmp_path / "ids.npy")
    np.testing.assert_array_equal(ids, [[4, -1, -1], [-1, 3, -1], [1, 2, 3]])


@pytest.mark.skipif(os.name != "posix", reason="stops processes by signals")
def test_a_process_that_dies_is_reported_with_its_last_words(task, tmp_path):
    started = processes.Worker("no-such-peer", Scripted(), task, PLAN, tmp_path)
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
    (one,) = json.loads((tmp_path / "peers.json").read_text())["sets"]
    measured = one["peers"][name]
    assert measured["error"] == ""
    assert measured["points"][-1]["recall"] >= 0.99
    for point in measured["points"]:
        assert set(point["qps"]) == {"one", "one, wall clock", "single", "all"}
        assert min(point["qps"].values()) > 0
        assert 0 < point["latency"]["p50"] <= point["latency"]["p99"]
    assert measured["scaling"]["n"] == 500
    assert name in (tmp_path / "peers.md").read_text()
    if sys.platform.startswith("linux"):
        # Its own copy of the float32 vectors is among what it needs to answer.
        assert measured["build"]["resident_bytes"] >= 500 * 384 * 4
