"""Save again and again, killed one system call later each time.

Usage: kill_during_save.py FOLDER. Prints, per way of dying, how often the old and the
new file was found, and raises if anything else was.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from faulty_os import FaultyOS, kill, kill_halfway
from small_index import changed, small_index

import quiver


def save_in_child(index: quiver.Index, path: Path, faulty: FaultyOS) -> int:
    pid = os.fork()
    if pid == 0:
        with pytest.MonkeyPatch.context() as patch:
            faulty.install(patch)
            index.save(path)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def main(folder: Path) -> None:
    path = folder / "index.quiver"
    # One of either version of the format that is written.
    old, new = small_index(seed=1), changed()
    new.save(path)
    new_bytes = path.read_bytes()
    old.save(path)
    old_bytes = path.read_bytes()
    for act in (kill, kill_halfway):
        found = {"old": 0, "new": 0}
        at = 0
        while (status := save_in_child(new, path, FaultyOS(at, act))) != 0:
            assert os.WTERMSIG(status) == signal.SIGKILL
            content = path.read_bytes()
            assert content in (old_bytes, new_bytes)
            found["new" if content == new_bytes else "old"] += 1
            quiver.open(path, verify="full", backend="reference")
            # Whatever the crash left behind, the next save goes through.
            old.save(path)
            assert path.read_bytes() == old_bytes
            assert os.listdir(folder) == [path.name]
            at += 1
        old.save(path)
        print(act.__name__, found["old"], found["new"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
