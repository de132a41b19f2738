"""What a harness wrote: recall by its own rule, speed by its own clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from big_ann.files import read_nearest
from big_ann.truth import recall

from quiver._typing import Distances

NEAR = 1e-3
"""Farther than the k-th neighbor by no more than this is a hit, in both."""


class Measured(NamedTuple):
    """One setting of one algorithm; the streaming track notes no speed."""

    algorithm: str
    setting: str
    recall: float
    qps: float | None
    build_seconds: float


def of_dense(folder: Path, data: Path, k: int) -> list[Measured]:
    """Return the results of VIBE or ann-benchmarks in a folder, for one data set."""
    import h5py

    with h5py.File(data) as file:
        farthest = np.array(file["distances"])[:, k - 1 : k] + NEAR
    return [
        _measured(group, found_near(np.array(group["distances"]), farthest), 1)
        for group in _groups(folder)
    ]


def of_filtered(folder: Path, truth: Path, k: int) -> list[Measured]:
    """Return the results of the filter track in a folder, for one data set."""
    true = read_nearest(truth)
    return [
        _measured(group, recall(np.array(group["neighbors"]), true, k), len(true.tags))
        for group in _groups(folder)
    ]


def of_streaming(folder: Path, truth: Path, k: int) -> list[Measured]:
    """Return the results of the streaming track: recall is the mean of all searches."""
    import h5py

    measured = []
    for path in sorted(folder.rglob("*.hdf5")):
        with h5py.File(path) as file:
            about = file.attrs
            steps = [about[f"step_{i}"] for i in range(about["num_searches"])]
            shares = [
                recall(
                    np.array(file[f"neighbors_step{step}"]),
                    read_nearest(truth / f"step{step}.gt100"),
                    k,
                )
                for step in steps
            ]
            named = about["algo"], about["name"]
            found = float(np.mean(shares))
            measured.append(Measured(*named, found, None, about["build_time"]))
    return measured


def found_near(distances: Distances, farthest: Distances) -> float:
    """Return the share of the answers that are near enough."""
    return float(np.mean(distances <= farthest))


def _groups(folder: Path) -> Iterator[Any]:
    """Yield what was noted of each setting; all but VIBE have a file for each."""
    import h5py

    for path in sorted(folder.rglob("*.hdf5")):
        with h5py.File(path) as file:
            yield from [file] if "neighbors" in file else file.values()


def _measured(group: Any, found: float, n_queries: int) -> Measured:
    """Return one row; VIBE and ann-benchmarks note the time of a query, not of all."""
    about = group.attrs
    qps = n_queries / about["best_search_time"]
    return Measured(about["algo"], about["name"], found, qps, about["build_time"])
