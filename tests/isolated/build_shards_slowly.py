"""Build shards with workers until ended; says on stdout when shards are being built.

Usage: build_shards_slowly.py ROWS.npy FOLDER SHARDS WORKERS [ENGINE]
"""

from __future__ import annotations

import sys

import quiver


def main(
    rows: str, folder: str, shards: str, workers: str, engine: str | None = None
) -> None:
    def tell(done: int, total: int) -> None:
        print(done, total, flush=True)

    quiver.build_shards(
        rows,
        folder,
        shards=int(shards),
        engine=engine,
        workers=int(workers),
        max_degree=8,
        ef_construction=16,
        backend="reference",
        progress=tell,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
