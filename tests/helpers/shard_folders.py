"""Folders of shards for tests, and the oracle that every engine must equal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path

import numpy as np
from rows import normal_rows

import quiver
from quiver.sharding.folder import read_manifest

DIM = 12
QUICK = {"max_degree": 8, "ef_construction": 16}


def tied_rows(n: int = 210, seed: int = 0) -> np.ndarray:
    """Return rows of which every third comes again, far behind itself."""
    rows = normal_rows(n, DIM, seed)
    rows[n // 2 :: 3] = rows[: len(rows[n // 2 :: 3])]
    rows[[3, n - 4]] = 0
    return rows


def mixed_ids(n: int) -> np.ndarray:
    """Return ids in no order, some of them negative, none of them -1."""
    return np.random.default_rng(n).permutation(n) * 7 - 700


def made(folder: Path, rows: np.ndarray, shards: int, **how: object) -> Path:
    """Build shards in a folder and return it."""
    how = {"ids": mixed_ids(len(rows)), **QUICK, **how}
    quiver.build_shards(rows, folder, shards=shards, **how)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def one_by_one(folder: Path) -> list[quiver.Index]:
    """Return every shard, opened alone."""
    return [quiver.open(folder / shard.file) for shard in read_manifest(folder).shards]


def expected(
    folder: Path, queries: np.ndarray, k: int, filters: object = None, **how: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ids, distances and summed counters by a merge in plain Python."""
    told, counters = [], 0
    for index in one_by_one(folder):
        own = None
        if filters is not None:
            own = [np.isin(index.ids, allowed) for allowed in filters]
        found = index.search(queries, k, filter=own, **how)
        told.append(found)
        counters = counters + np.stack(astuple(found.stats))
    ids = np.full((len(queries), k), -1)
    distances = np.full((len(queries), k), np.inf, dtype=np.float32)
    for number in range(len(queries)):
        pairs = sorted(
            (distance, id_)
            for found in told
            for distance, id_ in zip(
                found.distances[number], found.ids[number], strict=True
            )
            if id_ != -1
        )
        for place, (distance, id_) in enumerate(pairs[:k]):
            ids[number, place], distances[number, place] = id_, distance
    return ids, distances, counters


def assert_equals_oracle(
    result: quiver.SearchResult, oracle: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Assert that a result is the merge, in every bit and counter."""
    ids, distances, counters = oracle
    np.testing.assert_array_equal(result.ids, ids)
    np.testing.assert_array_equal(result.distances, distances)
    assert result.distances.dtype == np.float32
    np.testing.assert_array_equal(np.stack(astuple(result.stats)), counters)
    np.testing.assert_array_equal(result.counts, (ids != -1).sum(axis=1))


@contextmanager
def asked_meanwhile(index: quiver.ShardedIndex, queries: np.ndarray) -> Iterator[None]:
    """Have a thread ask for rows that do not change, and see the same answers."""
    few = np.sort(index.ids)[:20]
    exact = index.search(queries, 5, filter=few, ef=500)
    done, wrong = threading.Event(), []

    def ask() -> None:
        while not done.is_set():
            try:
                found = index.search(queries, 5, filter=few, ef=500)
            except quiver.errors.QuiverError as error:
                wrong.append(error)
                return
            if not np.array_equal(found.distances, exact.distances):
                wrong.append(found)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        done.set()
        asking.join()
    assert wrong == []
