"""Who is timed when: every peer in its own process, all of them in turn.

All indexes are built first, one after the other. Then each repeat goes through the
sweep step by step, every peer in turn and in reverse order every second time, while
the processes that are not being timed are stopped.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from peers.contract import Peer
from peers.data import Task, recall

TOOLS = Path(__file__).parents[1]
ONE, ALL = "one", "all"
COMPLETE_RECALL = 0.9995
# A slower setting is of no interest to anybody and would hold up the others.
MIN_QUERIES_PER_SECOND = 20
ANSWER_SECONDS, CLEAN_UP_SECONDS = 600.0, 20.0
MIN_BATCH = 20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a run is done; every field goes into the report."""

    threads: int
    k: int = 10
    repeats: int = 3
    turn_seconds: float = 0.15
    clock: str = "wall"
    build_seconds: float = 900.0


@dataclass
class Measured:
    """One peer's figures, or why there are none."""

    stores: str
    version: str = ""
    error: str = ""
    build: dict[str, Any] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)


class PeerError(Exception):
    """A peer failed; the others go on."""


class Worker:
    """A peer's process, stopped except while it is asked something."""

    def __init__(
        self, name: str, peer: Peer, task: Task, plan: Plan, folder: Path
    ) -> None:
        self.name, self.peer, self.folder = name, peer, folder
        fixed = (folder, task.metric, plan.k, plan.threads, plan.clock)
        environment = {
            variable: value.format(threads=plan.threads)
            for variable, value in peer.environment.items()
        }
        paths = [str(TOOLS), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        # A library that ends the process leaves files behind; they go with the folder.
        environment["TMPDIR"] = str(folder)
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                # Not the working folder's modules, which may be quiver's source tree.
                [sys.executable, "-P", "-m", "peers.worker", name, *map(str, fixed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env={**os.environ, **environment},
            )

    def ask(self, *command: Any, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Send a command and return the reply; `PeerError` if there is none."""
        self._process.send_signal(signal.SIGCONT)
        # If the process is gone, the missing reply tells.
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return self.reply(seconds)

    def reply(self, seconds: float) -> dict[str, Any]:
        """Wait for one reply, then stop the process."""
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            # Ended by itself, unless it is silent.
            (self.end if ready else self.kill)()
            code = self._process.returncode
            reason = (
                f"ended with code {code}" if ready else f"silent for {seconds:.0f} s"
            )
            msg = f"{reason}: {self._last_words()}"
            raise PeerError(msg)
        reply = json.loads(line)
        if "error" in reply:
            self.kill()
            raise PeerError(reply["error"])
        self._process.send_signal(signal.SIGSTOP)
        return reply

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def end(self) -> None:
        """Let the process clean up, and end it."""
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLEAN_UP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process at once, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def run(
    peers: dict[str, Callable[[], Peer]],
    task: Task,
    plan: Plan,
    folder: Path,
    say: Callable[[str], None],
) -> dict[str, Measured]:
    """Measure the peers; absent and failing ones carry their reason."""
    np.save(folder / "base.npy", task.base)
    np.save(folder / "queries.npy", task.queries)
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
                    measured.build = workers[-1].reply(plan.build_seconds)
            say(f"{name}: {_outcome(measured)}")
        for worker in workers:
            _sweep(worker, task, results[worker.name])
        say("recall measured")
        for repeat in range(plan.repeats):
            _time_all(workers[:: -1 if repeat % 2 else 1], plan, results)
            say(f"repeat {repeat + 1} of {plan.repeats} done")
    finally:
        for worker in workers:
            worker.end()
    return results


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
        for effort in worker.peer.efforts:
            seconds = worker.ask("answer", effort, str(path))["seconds_per_query"]
            found = recall(task, np.load(path))
            measured.points.append(
                {"effort": effort, "recall": found, "rough_seconds": seconds, "qps": {}}
            )
            if found >= COMPLETE_RECALL or 1 / seconds < MIN_QUERIES_PER_SECOND:
                break


def _time_all(workers: list[Worker], plan: Plan, results: dict[str, Measured]) -> None:
    """Give every peer one turn at every step of its sweep."""
    steps = max((len(measured.points) for measured in results.values()), default=0)
    modes = [(ONE, 1), (ALL, plan.threads)][: 1 if plan.threads == 1 else 2]
    for step, (mode, threads), worker in product(range(steps), modes, workers):
        measured = results[worker.name]
        can_run = mode == ONE or worker.peer.parallel
        if can_run and not measured.error and step < len(measured.points):
            with _noting_failure(measured):
                _take_turn(worker, measured.points[step], mode, threads, plan)


def _take_turn(
    worker: Worker, point: dict[str, Any], mode: str, threads: int, plan: Plan
) -> None:
    # A batch of a slow setting is cut so that it lasts about four turns at most.
    affordable = int(4 * plan.turn_seconds / point["rough_seconds"])
    n_queries = max(MIN_BATCH, affordable)
    reply = worker.ask("turn", point["effort"], threads, n_queries, plan.turn_seconds)
    speed = 1 / reply["seconds_per_query"]
    point["qps"][mode] = max(speed, point["qps"].get(mode, 0.0))
