"""Save an index again and again, whoever else does.

Usage: save_often.py PATH SEED ROUNDS. Prints how often it saved and was locked out.
"""

from __future__ import annotations

import sys
from pathlib import Path

from small_index import small_index

from quiver.errors import LockError


def main(path: Path, seed: int, rounds: int) -> None:
    index = small_index(seed=seed)
    n_saved = 0
    for _ in range(rounds):
        try:
            index.save(path)
            n_saved += 1
        except LockError:
            pass
    print(n_saved, rounds - n_saved)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
