"""Open one file in eight processes at once; count the memory each has for itself.

Usage: shared_hot.py FILE METHOD. Every process opens the file, or unpickles the index,
reads all that is hot, and searches; while all are alive, each measures itself. Prints
a line for each: bytes of the file that it sees, its share of them, bytes of the file
that are its own alone, and bytes beside the file that opening has cost it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import sys
from multiprocessing.synchronize import Barrier

import numpy as np
from process_memory import memory_of
from small_index import answers

import quiver

N_PROCESSES = 8


def own_memory(path: str) -> dict[str, int]:
    # What was freed is no cost of opening, but glibc keeps it for the next request.
    getattr(ctypes.CDLL(None), "malloc_trim", abs)(0)
    return memory_of("self", path)


def child(
    path: str, given: quiver.Index | None, together: Barrier, out: multiprocessing.Queue
) -> None:
    small = quiver.Index.build(np.eye(20), backend="reference")
    answers(small)
    before = own_memory(path)["Beside"]
    index = given or quiver.open(path, hot="mmap", backend="reference")
    answers(index)
    for part in (index.codes.rows, index.neighbors, index.ids):
        assert part.max() >= 0
    together.wait(timeout=200)
    found = own_memory(path)
    together.wait(timeout=200)
    out.put((found["Rss"], found["Pss"], found["Private"], found["Beside"] - before))


def main(path: str, method: str) -> None:
    context = multiprocessing.get_context(method)
    together, out = context.Barrier(N_PROCESSES), context.Queue()
    given = None
    if method == "fork":
        given = quiver.open(path, hot="mmap", backend="reference")
    processes = [
        context.Process(target=child, args=(path, given, together, out))
        for _ in range(N_PROCESSES)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        print(*out.get(timeout=200))
    for process in processes:
        process.join(timeout=100)
        assert process.exitcode == 0


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
