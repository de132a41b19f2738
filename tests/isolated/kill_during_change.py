"""Change a journaled index again and again, killed one system call later each time.

Usage: kill_during_change.py FOLDER. Prints, per way of dying, how often the operation
was found done and how often not, and raises if anything else was.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from faulty_os import FaultyOS, kill, kill_halfway
from rows import normal_rows
from small_index import small_index

import quiver

ROWS = normal_rows(3, 5, seed=4)
HOW = {"backend": "reference", "journal": True}


def change_in_child(path: Path, faulty: FaultyOS) -> int:
    pid = os.fork()
    if pid == 0:
        index = quiver.open(path, **HOW)
        with pytest.MonkeyPatch.context() as patch:
            faulty.install(patch)
            index.update([9000, 8993, 8986], ROWS)
            index.save(path)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def main(folder: Path) -> None:
    path = folder / "index.quiver"
    old = small_index()
    new = old.snapshot()
    new.update([9000, 8993, 8986], ROWS)
    for act in (kill, kill_halfway):
        found = {0: 0, 1: 0}
        at = 0
        while True:
            old.save(path)
            (folder / "index.quiver.journal").unlink(missing_ok=True)
            if change_in_child(path, FaultyOS(at, act)) == 0:
                break
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                index = quiver.open(path, **HOW)
            expected = new if index.version else old
            np.testing.assert_array_equal(index.neighbors, expected.neighbors)
            np.testing.assert_array_equal(index.vectors, expected.vectors)
            found[index.version] += 1
            # Whatever the crash left behind, the next operation goes through.
            index.add(ROWS[:1], [7])
            del index
            index = quiver.open(path, **HOW)
            assert 7 in index
            del index
            at += 1
        print(act.__name__, found[0], found[1])


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    main(Path(sys.argv[1]))
