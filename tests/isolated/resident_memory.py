"""Open, search and drop an index many times; memory and descriptors must not grow.

Usage: resident_memory.py FOLDER ROUNDS PLACE. Prints bytes and descriptors gained
between the first tenth of the rounds and the end.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from pathlib import Path

import numpy as np
from small_index import PLACES, bounded

import quiver


def resident_bytes() -> int:
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def main(folder: Path, rounds: int, place: str) -> None:
    path = folder / "index.quiver"
    vectors = (
        np.random.default_rng(0).normal(size=(bounded(1000), 64)).astype(np.float32)
    )
    params = quiver.BuildParams(max_degree=8, ef_construction=16)
    quiver.Index.build(vectors, params=params).save(path)
    resident = descriptors = 0
    for number in range(rounds):
        if number == rounds // 10:
            resident, descriptors = resident_bytes(), len(os.listdir("/proc/self/fd"))
        index = quiver.open(path, **PLACES[place])
        index.search(vectors[:3], k=3)
        del index
    print(resident_bytes() - resident, len(os.listdir("/proc/self/fd")) - descriptors)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
