"""Queries per second beside hnswlib's, in turns, where two bits were not enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from peers import data as peers
from peers.pareto import qps_at

import quiver
from boundary import graph
from boundary.data import K, Task
from boundary.measure import DIGITS, Record, about

EFFORTS = (10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512)
TARGETS = (0.95, 0.99)
COMPLETE = 0.999
ROUNDS = 9
WIDEST = quiver.Encoding(bits=8)
EF_CONSTRUCTION = 200
"""Of hnswlib: what its own examples and the comparison with peers take."""

Search = Callable[..., np.ndarray]


def compared(task: Task) -> Record:
    """Return the speed of each at each recall, in queries per CPU second, one thread.

    They take turns at every beam width; the fastest of all turns counts.
    """
    default, widest = (
        quiver.Index.build(task.base, metric=task.metric, threads=1, encoding=encoding)
        for encoding in (None, WIDEST)
    )
    rows, queries = graph.as_float32(task.base), graph.as_float32(task.queries)
    peer = graph.build(rows, task.metric, 1, EF_CONSTRUCTION)
    searches: dict[str, Search] = {
        "default": partial(_search, default, task.queries),
        "widest": partial(_search, widest, task.queries),
        "hnswlib": partial(graph.found, peer, queries, threads=1),
    }
    recall = partial(
        peers.recall, peers.Task("", task.metric, rows, queries, task.true)
    )
    points = {name: _sweep(search, recall) for name, search in searches.items()}
    for _ in range(ROUNDS):
        for turn in range(len(EFFORTS)):
            for name, search in searches.items():
                if turn < len(points[name]):
                    _time(search, points[name][turn], len(task.queries))
    return {
        **about(task, 1),
        "bits": default.encoding.bits,
        "points": points,
        "speeds": {name: _at_targets(swept) for name, swept in points.items()},
    }


def _search(index: quiver.Index, queries: np.ndarray, ef: int) -> np.ndarray:
    return index.search(queries, K, ef=ef, threads=1).ids


def _sweep(search: Search, recall: Callable[[np.ndarray], float]) -> list[Record]:
    """Return recall by beam width, up to the first that finds nearly everything."""
    points: list[Record] = []
    for ef in EFFORTS:
        share = round(recall(search(ef=ef)), DIGITS)
        points.append({"ef": ef, "recall": share, "qps": {"one": 0.0}})
        if share >= COMPLETE:
            break
    return points


def _time(search: Search, point: Record, n_queries: int) -> None:
    start = time.process_time()
    search(ef=point["ef"])
    speed = n_queries / (time.process_time() - start)
    point["qps"]["one"] = max(point["qps"]["one"], round(speed))


def _at_targets(points: list[Record]) -> list[int | None]:
    speeds = (qps_at(points, "one", target) for target in TARGETS)
    return [speed and round(speed) for speed in speeds]
