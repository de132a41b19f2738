"""Open shards in worker processes and end in some way; prints the workers' numbers.

Usage: shards_in_workers.py FOLDER exit | raise | wait
"""

from __future__ import annotations

import sys
import time

import numpy as np

import quiver


def main(folder: str, how: str) -> None:
    index = quiver.ShardedIndex.open(folder, "processes", backend="reference")
    index.search(np.ones(index.dim))
    print(*(worker.process_id for worker in index._now.engine.workers), flush=True)
    if how == "raise":
        raise SystemExit(3)
    while how == "wait":
        index.search(np.ones(index.dim))
        time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
