"""What else is asked of an index: many neighbors, filters, a radius, rows that change.

    PYTHONPATH=tools python -P -m peers.besides --data minilm cosine --rows 20000

Prints Markdown. One thread, CPU time, one process; libraries take turns and the fastest
of three rounds counts, except for what changes an index, which is done once.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import quiver
from peers.contract import Ids, Mask, Peer
from peers.data import DEMO, Task, read_task, recall
from peers.hnsw import Faiss, Hnswlib, Usearch
from peers.ours import Quiver
from peers.tables import table
from peers.vamana import DiskAnnDynamic

K, ROUNDS = 10, 3
MANY = (10, 100, 1000)
ALLOWED = (0.5, 0.1, 0.01, 0.001)
WITHIN = 20
"""The radius is the median distance of so many-th neighbors."""
CHANGED = 10
"""One row in so many is added to the others; then as many are removed."""

Factories = dict[str, Callable[[], Peer]]
Peers = dict[str, Peer]
Row = dict[str, list[str]]


def factories() -> Factories:
    """Return what is compared, each as it is in `catalogue`."""
    return {
        "quiver": partial(Quiver, "auto", 32, 96),
        "hnswlib": partial(Hnswlib, 16),
        "faiss HNSW32": partial(Faiss, "HNSW32,Flat", "float32"),
        "usearch": partial(Usearch, 16, "f32", "float32"),
        "diskannpy": DiskAnnDynamic,
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the tables of one data set."""
    options = _parser().parse_args(arguments)
    # DiskANN writes on descriptor 1, so the tables go to one of their own.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    say = partial(print, file=out, flush=True)
    task = read_task(*options.data, rows=options.rows, k=max(MANY))
    task = task._replace(queries=task.queries[: options.queries])
    task = task._replace(true=task.true[: options.queries])
    made = {name: make() for name, make in factories().items()}
    peers = {name: peer for name, peer in made.items() if not peer.absence()}
    n, dim = task.base.shape
    say(f"### {task.name}, {n} x {dim}, {task.metric}, {len(task.queries)} queries\n")
    built = len(task.base) * (CHANGED - 1) // CHANGED
    for peer in peers.values():
        peer.load()
        peer.build(task.base[:built].copy(), task.metric, 1)
    added = costs_of_adding(peers, task, built)
    searched = [many(peers, task), filtered(peers, task), within(peers, task)]
    heads = ["k nearest", "10 nearest of a share of rows", "within a radius"]
    for head, found in zip(heads, searched, strict=True):
        say(f"{as_table(head, found)}\n")
    changes = {"add, recall@10 then": added}
    changes["remove, recall@10 then"] = costs_of_removing(peers, task)
    say(as_table("one row in ten", changes))


def many(peers: Peers, task: Task) -> dict[str, Row]:
    """Return recall and cost of many neighbors at a beam of 2k, 64 at least."""
    return {
        str(k): _searched(
            peers,
            lambda peer, k=k: peer.search(task.queries, k, peer.default_effort(k), 1),
            lambda ids, k=k: recall(
                task._replace(true=task.true[:, :k]), rectangular(ids)
            ),
            len(task.queries),
        )
        for k in MANY
    }


def filtered(peers: Peers, task: Task) -> dict[str, Row]:
    """Return recall and cost of searches among rows drawn at random."""
    drawn = np.random.default_rng(0).permutation(len(task.base))
    rows = {}
    for share in ALLOWED:
        allowed = np.zeros(len(drawn), dtype=bool)
        allowed[drawn[: max(K, int(share * len(drawn)))]] = True
        among = _only(task, np.flatnonzero(allowed))
        rows[f"{share:.1%}"] = _searched(
            peers,
            lambda peer, allowed=allowed: peer.search_among(task.queries, K, allowed),
            lambda found, allowed=allowed, among=among: recall(
                among, allowed_only(rectangular(found), allowed)
            ),
            len(task.queries),
        )
    return rows


def within(peers: Peers, task: Task) -> dict[str, Row]:
    """Return the share of the rows within a radius that was found, and its cost."""
    radius = float(np.median(task.true[:, WITHIN - 1]))
    every_row = np.arange(len(task.base))
    true = n_within(task, [every_row] * len(task.queries), radius)
    return {
        f"{radius:.3g}, {true / len(task.queries):.0f} rows a query": _searched(
            peers,
            lambda peer: peer.search_within(task.queries, radius),
            lambda found: n_within(task, found, radius) / true,
            len(task.queries),
        )
    }


def n_within(task: Task, found: Any, radius: float) -> int:
    """Return how many ids that were found name rows within a radius, each once."""
    count = 0
    for query, ids in zip(task.queries, found, strict=True):
        rows = task.base[np.unique(ids)]
        near = np.linalg.norm(rows - query, axis=1)
        if task.metric == "cosine":
            near = 1 - rows @ query
        # Sums of float32 in another order.
        count += int((near <= radius + 1e-5).sum())
    return count


def costs_of_adding(peers: Peers, task: Task, built: int) -> Row:
    """Return what a row took to add, and the recall with all there."""
    rows = task.base[built:].copy()
    return _changed(peers, task, len(rows), lambda peer: peer.add(rows))


def costs_of_removing(peers: Peers, task: Task) -> Row:
    """Return what a row took to remove, and the recall of the others."""
    drawn = np.random.default_rng(1).permutation(len(task.base))
    gone, left = np.split(drawn, [len(drawn) // CHANGED])
    others = _only(task, np.sort(left))
    return _changed(peers, others, len(gone), lambda peer: peer.remove(np.sort(gone)))


def as_table(head: str, rows: dict[str, Row]) -> str:
    """Return a row for each case and library."""
    headings = [head, "library", "recall", "µs", "distances"]
    cells = [
        [case, name, *row]
        for case, found in rows.items()
        for name, row in found.items()
    ]
    return table(headings, cells)


def _searched(
    peers: Peers,
    search: Callable[[Peer], Any],
    quality: Callable[[Any], float],
    n_queries: int,
) -> Row:
    """Time a search in turns; a library without it is left out."""
    seconds: dict[str, float] = {}
    found: dict[str, Any] = {}
    for name in [*peers] * ROUNDS:
        start = time.process_time()
        try:
            found[name] = search(peers[name])
        except NotImplementedError:
            continue
        elapsed = time.process_time() - start
        seconds[name] = min(elapsed, seconds.get(name, np.inf))
    return {
        name: [
            f"{quality(ids):.4f}",
            f"{1e6 * seconds[name] / n_queries:.0f}",
            _rounded(peers[name].distances()),
        ]
        for name, ids in found.items()
    }


def _changed(
    peers: Peers, task: Task, n_changed: int, change: Callable[[Peer], None]
) -> Row:
    """Time one change of every library, and look at the recall after it."""
    rows = {}
    for name, peer in peers.items():
        start = time.process_time()
        try:
            change(peer)
        except NotImplementedError:
            continue
        cost = (time.process_time() - start) / n_changed
        ids = peer.search(task.queries, K, peer.default_effort(K), 1)
        found = recall(task._replace(true=task.true[:, :K]), rectangular(ids))
        rows[name] = [f"{found:.4f}", f"{1e6 * cost:.0f}", "-"]
    return rows


def _only(task: Task, rows: Ids) -> Task:
    """Return the same task where only some rows may be found."""
    _, true = quiver.exact_knn(
        task.base[rows], task.queries, min(K, len(rows)), metric=task.metric
    )
    return task._replace(true=true)


def rectangular(found: Any) -> Ids:
    """Return ids as an array of `K` columns at least, -1 where an answer is shorter."""
    if isinstance(found, np.ndarray):
        return found.astype(np.int64)
    ids = np.full((len(found), K), -1, dtype=np.int64)
    for row, own in zip(ids, found, strict=True):
        row[: len(own)] = own
    return ids


def allowed_only(ids: Ids, allowed: Mask) -> Ids:
    """Return ids, -1 for what is no answer."""
    return np.where((ids >= 0) & allowed[ids], ids, -1)


def _rounded(distances: float | None) -> str:
    return "-" if distances is None else f"{distances:.0f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="peers.besides", description=__doc__)
    add = parser.add_argument
    add("--data", nargs="+", default=[DEMO], help="as in python -m peers")
    add("--rows", type=int, default=20_000, help="only the first rows")
    add("--queries", type=int, default=200, help="only the first queries")
    return parser


if __name__ == "__main__":
    main()
