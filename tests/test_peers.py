"""The peer comparison: its arithmetic by hand, its processes for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from peers import catalogue, data, schedule, worker
from peers.contract import Peer
from peers.pareto import FrontPoint, front, qps_at
from peers.schedule import Measured, PeerError, Plan

import quiver

ROOT = Path(__file__).parents[1]
PLAN = Plan(threads=2, repeats=2, turn_seconds=0.01)


def point(recall, one):
    return {"recall": recall, "qps": {"one": one}}


def test_the_front_drops_what_another_setting_beats():
    points = [point(0.5, 100), point(0.7, 90), point(0.6, 80), point(0.9, 90)]
    assert front(points, "one") == [FrontPoint(0.5, 100), FrontPoint(0.9, 90)]


def test_speed_at_a_recall_is_interpolated_in_the_logarithm():
    points = [point(0.8, 1000.0), point(1.0, 10.0)]
    assert qps_at(points, "one", 0.9) == pytest.approx(100.0)
    assert qps_at(points, "one", 1.0) == pytest.approx(10.0)


def test_speed_below_the_first_setting_is_its_own_and_above_the_last_there_is_none():
    points = [point(0.8, 1000.0), point(0.9, 10.0)]
    assert qps_at(points, "one", 0.5) == 1000.0
    assert qps_at(points, "one", 0.95) is None
    assert qps_at(points, "all", 0.5) is None


@pytest.fixture(scope="module")
def task():
    base = np.eye(6, dtype=np.float32)[[0, 1, 1, 2, 3, 4]]
    queries = np.eye(6, dtype=np.float32)[[1]]
    _, true = quiver.exact_knn(base, queries, 2)
    return data.Task("corners", "cosine", base, queries, true)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1, 2], 1.0),
        ([2, 1], 1.0),
        ([1, 1], 0.5),
        ([1, -1], 0.5),
        ([1, 6], 0.5),
        ([0, 3], 0.0),
    ],
)
def test_recall_counts_a_repeated_or_invalid_id_once_at_most(task, ids, expected):
    assert data.recall(task, np.array([ids])) == expected


def test_recall_counts_ties_as_hits():
    base = np.eye(4, dtype=np.float32)
    queries = base[:1]
    _, true = quiver.exact_knn(base, queries, 2)
    task = data.Task("corners", "cosine", base, queries, true)
    for tied in (1, 2, 3):
        assert data.recall(task, np.array([[0, tied]])) == 1.0


def test_cosine_data_arrives_as_unit_rows_with_held_out_queries(tmp_path):
    rows = np.random.default_rng(0).normal(size=(50, 4))
    np.save(tmp_path / "base.npy", rows)
    task = data.load(tmp_path / "base.npy", None, "cosine", None, 3)
    assert (len(task.base), len(task.queries)) == (45, 5)
    np.testing.assert_allclose(np.linalg.norm(task.base, axis=1), 1, atol=1e-6)
    expected, _ = quiver.exact_knn(rows[:45], rows[45:], 3)
    assert data.recall(task, expected) == 1.0


def test_euclidean_data_of_a_folder_stays_as_it_is(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    np.save(tmp_path / "base.npy", rows)
    np.save(tmp_path / "queries.npy", rows[:2])
    task = data.load(tmp_path, None, "euclidean", 10, 1)
    np.testing.assert_array_equal(task.base, rows[:10])
    np.testing.assert_array_equal(task.true, [[0], [0]])


def test_every_backend_but_the_reference_is_compared():
    names = catalogue.all_peers()
    for info in quiver.list_backends():
        for size in ("r32", "r64"):
            compared = f"quiver-{size}-{info.name}" in names
            assert compared == (info.name != "reference")


def test_a_pattern_that_names_nobody_is_an_error():
    assert list(catalogue.chosen("hnsw*,scann")) == ["hnswlib-m16", "scann"]
    with pytest.raises(ValueError, match="no-such"):
        catalogue.chosen("scann,no-such")


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


def document(ours, hnswlib):
    def peer(one, seconds):
        measured = Measured("x", build={"build_seconds": seconds})
        sizes = {"resident_bytes": 1 << 21, "hot_bytes": None, "peak_bytes": 1}
        build = {**measured.build, **sizes}
        return {**vars(measured), "build": build, "points": [point(0.99, one)]}

    absent = vars(Measured("x", error="not installed"))
    return {
        "about": {
            "command": "run",
            "date": "today",
            "processor": "one",
            "load_before": [0.1, 0.2, 0.3],
            "load_after": [1.0, 1.0, 1.0],
            "data": "demo set",
            "metric": "cosine",
            "n": 5,
            "dim": 2,
            "n_queries": 3,
            "python": "3",
        },
        "plan": {"threads": 1, "k": 10, "clock": "wall", "repeats": 1},
        "peers": {
            "quiver-r32-numba": peer(*ours),
            "hnswlib-m16": peer(*hnswlib),
            "scann": absent,
        },
    }


def test_the_report_cuts_ratios_and_says_what_was_missed():
    pytest.importorskip("matplotlib", reason="needs the extra `plot`")
    from peers.report import markdown

    text = markdown(document(ours=(6999.9, 1.0), hnswlib=(1000.0, 3.0)))
    assert (
        "| quiver-r32-numba | x | 6999 (6.99x) | 6999 (6.99x) | 6999 (6.99x) |" in text
    )
    assert "at recall 0.95, one thread: **missed**, 6.99 x (quiver-r32-numba)" in text
    assert "a third of hnswlib-m16's time: reached, 3.00 x" in text
    assert "1.5 x symphonyqg at recall 0.99, one thread: not measured" in text
    assert "| scann |  | skipped: not installed |" in text
    assert "| hnswlib-m16 |  | 3.0 | 2 | - | 1 | 0.9900 |" in text


def test_the_plot_is_drawn_in_both_formats(tmp_path):
    image = pytest.importorskip("matplotlib.image", reason="needs the extra `plot`")
    from peers.report import write

    write(document(ours=(2.0, 1.0), hnswlib=(1.0, 1.0)), tmp_path)
    assert len(np.unique(image.imread(tmp_path / "peers.png"))) > 10
    assert "quiver-r32-numba" in (tmp_path / "peers.svg").read_text()


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
