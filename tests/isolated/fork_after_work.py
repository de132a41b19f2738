"""Work, then work again in child processes of every kind.

Usage: fork_after_work.py FOLDER METHOD. Each child opens the file, or uses the forked
index, and must give the parent's answers. Prints the number of children that did.
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import numpy as np
from small_index import PLACES, bounded

import quiver

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(bounded(2000), 48)).astype(np.float32)
QUERIES = RNG.normal(size=(bounded(300), 48)).astype(np.float32)
INDEX: list[quiver.Index] = []


def build() -> quiver.Index:
    params = quiver.BuildParams(max_degree=8, ef_construction=16)
    return quiver.Index.build(VECTORS, params=params, threads=2)


def answer(index: quiver.Index) -> bytes:
    return index.search(QUERIES, k=5, ef=16, threads=2).ids.tobytes()


def child(path: Path, answers: multiprocessing.Queue) -> None:
    inherited = INDEX[0] if INDEX else build()
    answers.put(answer(inherited))
    for place in PLACES.values():
        answers.put(answer(quiver.open(path, **place)))


def main(folder: Path, method: str) -> None:
    path = folder / "index.quiver"
    index = build()
    index.save(path)
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    if method == "fork":
        INDEX.append(index)
    expected = None
    n_equal = 0
    # The first child starts after a build, the second after a search.
    for _ in range(2):
        process = context.Process(target=child, args=(path, answers))
        process.start()
        found = [answers.get(timeout=100) for _ in range(1 + len(PLACES))]
        process.join(timeout=100)
        assert process.exitcode == 0
        expected = answer(index)
        n_equal += sum(one == expected for one in found)
    print(n_equal)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
