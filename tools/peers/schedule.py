"""Who is timed when: every peer in its own process, all of them in turn.

All indexes are built first, one after the other, then builds of fewer rows on one
thread and on all. Then each repeat goes through the sweep step by step, every peer in
turn and in reverse order every second time, while the processes that are not being
timed are stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from peers.contract import Peer, Plan
from peers.data import Task, recall
from peers.processes import PeerError, Worker

ONE, SINGLE, ALL = "one", "single", "all"
"""A batch on one thread, one query a call, a batch on all threads."""
ONE_WALL = "one, wall clock"
"""The same turns as `ONE`: all threads together have no other clock to compare with."""
COMPLETE_RECALL = 0.9995
# A slower setting is of no interest to anybody and would hold up the others.
MIN_QUERIES_PER_SECOND = 20
MIN_BATCH = 20


@dataclass
class Measured:
    """One peer's figures, or why there are none."""

    stores: str
    version: str = ""
    error: str = ""
    build: dict[str, Any] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    scaling: dict[str, Any] = field(default_factory=dict)


def run(
    peers: dict[str, Callable[[], Peer]],
    task: Task,
    plan: Plan,
    folder: Path,
    say: Callable[[str], None],
) -> Run:
    """Measure the peers; absent and failing ones carry their reason."""
    np.save(folder / "base.npy", task.base)
    np.save(folder / "queries.npy", task.queries)
    clock = Clock(plan.minutes)
    results: dict[str, Measured] = {}
    workers: list[Worker] = []
    try:
        for name, make in peers.items():
            peer = make()
            results[name] = measured = Measured(peer.stores, error=_absence(peer, task))
            if not measured.error:
                measured.version = peer.version()
                workers.append(Worker(name, peer, task, plan, folder))
                with _noting_failure(measured):
                    seconds = min(plan.build_seconds, clock.left())
                    measured.build = workers[-1].reply(seconds)
            say(f"{name}: {_outcome(measured)}")
        for worker in workers:
            _sweep(worker, task, results[worker.name])
        say("recall measured")
        _compare_builds(workers, results)
        say("builds on one thread and on all compared")
        for repeat in clock.laps(plan.repeats):
            _time_all(workers[:: -1 if repeat % 2 else 1], plan, results)
            say(f"repeat {repeat + 1} of {plan.repeats} done")
    finally:
        for worker in workers:
            worker.end()
    return Run(results, repeat + 1)


class Run(NamedTuple):
    """The figures of every peer, and how many repeats there was time for."""

    peers: dict[str, Measured]
    repeats: int


class Clock:
    """What is left of the minutes that a run may take."""

    def __init__(self, minutes: float | None) -> None:
        self._end = float("inf") if minutes is None else time.monotonic() + 60 * minutes

    def left(self) -> float:
        """Return seconds, one at least."""
        return max(1.0, self._end - time.monotonic())

    def laps(self, n_laps: int) -> Iterator[int]:
        """Yield laps, the first always, others if one as long as the last fits."""
        for lap in range(max(1, n_laps)):
            start = time.monotonic()
            yield lap
            if time.monotonic() - start > self._end - time.monotonic():
                return


def _absence(peer: Peer, task: Task) -> str:
    if task.metric not in peer.metrics:
        return f"does not search {task.metric} data"
    return peer.absence()


def _outcome(measured: Measured) -> str:
    if measured.error:
        return f"skipped: {measured.error}"
    return f"built in {measured.build['build_seconds']:.1f} s"


@contextmanager
def _noting_failure(measured: Measured) -> Iterator[None]:
    try:
        yield
    except PeerError as error:
        measured.error = str(error)


def _sweep(worker: Worker, task: Task, measured: Measured) -> None:
    """Measure recall at every setting, up to the first that finds everything."""
    if measured.error:
        return
    path = worker.folder / "ids.npy"
    with _noting_failure(measured):
        for effort in worker.peer.efforts_for(task.true.shape[1]):
            seconds = worker.ask("answer", effort, str(path))["seconds_per_query"]
            found = recall(task, np.load(path))
            point = {"effort": effort, "recall": found, "rough_seconds": seconds}
            measured.points.append({**point, "qps": {}, "latency": {}})
            if found >= COMPLETE_RECALL or 1 / seconds < MIN_QUERIES_PER_SECOND:
                break


def _compare_builds(workers: list[Worker], results: dict[str, Measured]) -> None:
    for worker in workers:
        measured = results[worker.name]
        if not measured.error and worker.peer.threads_build:
            with _noting_failure(measured):
                measured.scaling = worker.ask("compare_builds")


def _time_all(workers: list[Worker], plan: Plan, results: dict[str, Measured]) -> None:
    """Give every peer one turn in every mode at every step of its sweep."""
    steps = max((len(measured.points) for measured in results.values()), default=0)
    modes = [ONE, SINGLE, ALL][: 2 if plan.threads == 1 else 3]
    for step, mode, worker in product(range(steps), modes, workers):
        measured = results[worker.name]
        can_run = mode != ALL or worker.peer.parallel
        if can_run and not measured.error and step < len(measured.points):
            with _noting_failure(measured):
                _take_turn(worker, measured.points[step], mode, plan)


def _take_turn(worker: Worker, point: dict[str, Any], mode: str, plan: Plan) -> None:
    # A batch of a slow setting is cut so that it lasts about four turns at most.
    affordable = int(4 * plan.turn_seconds / point["rough_seconds"])
    n_queries = max(MIN_BATCH, affordable)
    if mode == SINGLE:
        reply = worker.ask("ask_singly", point["effort"], plan.turn_seconds)
    else:
        threads = plan.threads if mode == ALL else 1
        how = (threads, n_queries, plan.turn_seconds)
        reply = worker.ask("turn", point["effort"], *how)
    speeds = {mode: 1 / reply["seconds_per_query"]}
    if mode == ONE:
        speeds[ONE_WALL] = 1 / reply["wall_seconds_per_query"]
    for key, speed in speeds.items():
        point["qps"][key] = max(speed, point["qps"].get(key, 0.0))
    for key in reply.keys() & {"p50", "p99"}:
        point["latency"][key] = min(reply[key], point["latency"].get(key, np.inf))
