"""Write a file several times larger than the memory left; read, convert and search it.

Usage: larger_than_memory.py FOLDER KIND. Prints the bytes of its rows and the room.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

# Pools of memory that is not used yet would count as well.
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import quiver
from quiver.datasets import convert_vectors, read_vectors

PARTS, ROWS, DIM = 36, 4000, 256
ROOM = 32 << 20
"""Bytes of memory of its own that the process may add."""


def parts() -> Iterator[np.ndarray]:
    for seed in range(PARTS):
        yield np.random.default_rng(seed).normal(size=(ROWS, DIM)).astype(np.float32)


def write_parquet(path: Path) -> None:
    """Write one row group, which need not fit into memory either."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    kind = pa.list_(pa.float32(), DIM)
    schema = pa.schema({"vector": kind})
    with ParquetWriter(path, schema, use_dictionary=False) as writer:
        columns = [
            pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), type=kind)
            for part in parts()
        ]
        table = pa.table({"vector": pa.chunked_array(columns)})
        writer.write_table(table, row_group_size=PARTS * ROWS)


def write_npz(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive, archive.open("v.npy", "w") as file:
        described = {"descr": "<f4", "fortran_order": False}
        described["shape"] = (PARTS * ROWS, DIM)
        np.lib.format.write_array_header_1_0(file, described)
        for part in parts():
            file.write(part.tobytes())


def used_bytes() -> int:
    with open("/proc/self/status") as status:
        lines = [line.split() for line in status]
    return next(int(words[1]) << 10 for words in lines if words[0] == "VmData:")


def main(folder: Path, kind: str) -> None:
    path = folder / f"large.{kind}"
    # In a process of its own, whose memory is then gone.
    child = os.fork()
    if not child:
        {"parquet": write_parquet, "npz": write_npz}[kind](path)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    if kind == "parquet":
        import pyarrow.parquet  # Libraries are no rows.

        pyarrow.parquet.ParquetFile(path).close()
    tempfile.tempdir = str(folder)
    limit = used_bytes() + ROOM
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    rows = read_vectors(path)
    convert_vectors(path, folder / "large.fbin")
    twin = read_vectors(folder / "large.fbin")
    for number, part in enumerate(parts()):
        own = slice(number * ROWS, (number + 1) * ROWS)
        assert (rows[own] == part).all()
        assert (twin[own] == part).all()
    found, _ = quiver.exact_knn(rows, rows[[7, 100_000]], 1, metric="euclidean")
    assert found.ravel().tolist() == [7, 100_000]
    for file in (path, folder / "large.fbin"):
        file.unlink()
    print(rows.nbytes, ROOM)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
