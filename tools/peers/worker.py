"""One library in its own process: build once, then answer and time on command.

Started by `processes` as ``python -m peers.worker NAME FOLDER METRIC K THREADS CLOCK``;
speaks JSON lines on stdin and stdout. The folder holds ``base.npy``, ``queries.npy``.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from peers.catalogue import all_peers
from peers.contract import Matrix, Peer

SCALING_ROWS = 10_000
LEAST_CALLS = 20
_PR_SET_PDEATHSIG = 1
_RESET_PEAK = "5"


class Task(NamedTuple):
    """What stays the same while a worker lives."""

    name: str
    peer: Peer
    folder: Path
    metric: str
    queries: Matrix
    k: int
    threads: int
    clock: Callable[[], float]


def build(task: Task) -> dict[str, Any]:
    """Build the index; return seconds and bytes.

    The resident bytes are those added since before the build once the caller's array
    is gone: everything the index needs to answer, its own copy of the vectors included.
    """
    task.peer.load()
    before = resident()
    vectors = _base(task)
    _reset_peak()
    start, cpu_start = time.perf_counter(), time.process_time()
    task.peer.build(vectors, task.metric, task.threads)
    # Some libraries build at the first search.
    least = task.peer.efforts_for(task.k)[0]
    task.peer.search(task.queries[:2], task.k, least, task.threads)
    seconds = time.perf_counter() - start
    cpu_seconds = time.process_time() - cpu_start
    peak, array_bytes = resident("VmHWM"), vectors.nbytes
    del vectors
    after = resident()
    return {
        "build_seconds": seconds,
        "build_cpu_seconds": cpu_seconds,
        "resident_bytes": _difference(after, before),
        "peak_bytes": _difference(peak, before, array_bytes),
        "hot_bytes": task.peer.hot_bytes(),
    }


def answer(task: Task, effort: Any, path: str) -> dict[str, float]:
    """Write the ids of all queries to a file; this is the warm-up as well."""
    threads = task.threads if task.peer.parallel else 1
    start = time.perf_counter()
    ids = task.peer.search(task.queries, task.k, effort, threads)
    seconds = time.perf_counter() - start
    np.save(path, np.array([_padded(row, task.k) for row in ids], dtype=np.int64))
    return {"seconds_per_query": seconds / len(task.queries)}


def take_turn(
    task: Task, effort: Any, threads: int, n_queries: int, turn_seconds: float
) -> dict[str, float]:
    """Repeat a batch for one turn; return the seconds per query of the fastest.

    By the clock of the run, and by the wall clock.
    """
    queries = task.queries[:n_queries]
    # All threads together have no CPU time a user would wait for.
    clock = task.clock if threads == 1 else time.perf_counter
    task.peer.search(queries[:8], task.k, effort, threads)
    spent, fastest, fastest_wall = 0.0, np.inf, np.inf
    while spent < turn_seconds:
        start, wall_start = clock(), time.perf_counter()
        task.peer.search(queries, task.k, effort, threads)
        elapsed, wall = clock() - start, time.perf_counter() - wall_start
        spent += elapsed
        own = task.peer.own_seconds()
        fastest = min(fastest, elapsed if own is None else own)
        fastest_wall = min(fastest_wall, wall if own is None else own)
    return {
        "seconds_per_query": fastest / len(queries),
        "wall_seconds_per_query": fastest_wall / len(queries),
    }


def ask_singly(task: Task, effort: Any, turn_seconds: float) -> dict[str, float]:
    """Ask one query a call for one turn; return mean and percentiles of the calls."""
    seconds: list[float] = []
    spent = 0.0
    for number in cycle(range(len(task.queries))):
        query = task.queries[number : number + 1]
        start = task.clock()
        task.peer.search(query, task.k, effort, 1)
        elapsed = task.clock() - start
        spent += elapsed
        own = task.peer.own_seconds()
        seconds.append(elapsed if own is None else own)
        if spent >= turn_seconds and len(seconds) >= LEAST_CALLS:
            break
    p50, p99 = np.percentile(seconds, (50, 99))
    return {"seconds_per_query": float(np.mean(seconds)), "p50": p50, "p99": p99}


def compare_builds(task: Task) -> dict[str, Any]:
    """Build over the first rows on one thread and on all, in turns; fastest of each."""
    vectors = _base(task, SCALING_ROWS)
    fastest = {1: np.inf, task.threads: np.inf}
    for threads in (*fastest, *reversed(fastest)):
        peer = all_peers()[task.name]()
        start = time.perf_counter()
        peer.build(vectors, task.metric, threads)
        peer.search(task.queries[:2], task.k, peer.efforts_for(task.k)[0], threads)
        fastest[threads] = min(fastest[threads], time.perf_counter() - start)
        peer.close()
    return {"n": len(vectors), "one": fastest[1], "all": fastest[task.threads]}


def resident(key: str = "VmRSS") -> int | None:
    """Return resident bytes of this process, or None where it cannot be told."""
    if not sys.platform.startswith("linux"):
        return None
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return None


def serve(task: Task, replies: TextIO) -> None:
    """Build, then obey commands until stdin ends."""
    print(json.dumps(build(task)), file=replies, flush=True)
    commands = {
        "answer": answer,
        "turn": take_turn,
        "ask_singly": ask_singly,
        "compare_builds": compare_builds,
    }
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        reply = commands[command](task, *arguments)
        print(json.dumps(reply), file=replies, flush=True)
    task.peer.close()


def main(name: str, folder: str, metric: str, k: str, threads: str, clock: str) -> None:
    """Serve one peer; whatever it raises is the reply, with the trace on stderr."""
    if sys.platform.startswith("linux"):
        # A stopped process would outlive a scheduler that was killed.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Libraries print on stdout, so the replies move to a descriptor of their own.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    task = Task(
        name=name,
        peer=all_peers()[name](),
        folder=Path(folder),
        metric=metric,
        queries=np.load(f"{folder}/queries.npy"),
        k=int(k),
        threads=int(threads),
        clock=time.process_time if clock == "cpu" else time.perf_counter,
    )
    try:
        serve(task, replies)
    except Exception as error:  # A library may raise anything.
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        print(json.dumps({"error": reason}), file=replies, flush=True)


def _base(task: Task, rows: int | None = None) -> Matrix:
    mapped = np.load(task.folder / "base.npy", mmap_mode="r")
    return np.array(mapped[:rows], order="C")


def _padded(row: Any, k: int) -> list[int]:
    # Some libraries mark an unused place with the largest id of their type.
    ids = [int(i) if int(i) < 2**32 else -1 for i in row][:k]
    return ids + [-1] * (k - len(ids))


def _reset_peak() -> None:
    if sys.platform.startswith("linux"):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def _difference(first: int | None, *others: int | None) -> int | None:
    if first is None or None in others:
        return None
    return first - sum(other for other in others if other is not None)


if __name__ == "__main__":
    main(*sys.argv[1:])
