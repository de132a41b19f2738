"""Write files of several arrays or columns for tests, not with the readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROWS = np.random.default_rng(3).integers(0, 100, (60, 6)).astype(np.float32)
IDS = np.arange(1000, 1000 + len(ROWS))


def write_npz(path: Path, rows: np.ndarray, *, packed: bool = False) -> None:
    write = np.savez_compressed if packed else np.savez
    write(path, vector=rows, ids=IDS[: len(rows)])


def write_safetensors(path: Path, rows: np.ndarray, kind: str | None = None) -> None:
    """Write by the format's description; ``kind`` is of bits NumPy has no name for."""
    kinds = {"f": "F", "i": "I", "u": "U"}
    header: dict[str, Any] = {"__metadata__": {"format": "np"}}
    content = b""
    for name, array in (("ids", IDS[: len(rows)]), ("vector", rows)):
        own = f"{kinds[array.dtype.kind]}{8 * array.itemsize}"
        start = len(content)
        content += array.tobytes()
        header[name] = {
            "dtype": kind if kind and name == "vector" else own,
            "shape": array.shape,
            "data_offsets": [start, len(content)],
        }
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def write_hdf5(path: Path, rows: np.ndarray, **how: Any) -> None:
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    # Of the newest layout, which has checksums of the file's frame as well.
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("vector", data=rows, **how)
        file["ids"] = IDS[: len(rows)]


def as_table(rows: np.ndarray, *, ragged_type: bool = False) -> Any:
    pa = pytest.importorskip("pyarrow", reason="needs the extra `io`")
    column = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])
    if ragged_type:
        column = column.cast(pa.list_(column.type.value_type))
    ids = IDS[: len(rows)]
    return pa.table({"text": ["a"] * len(rows), "ids": ids, "vector": column})


def write_parquet(
    path: Path, rows: np.ndarray, *, ragged_type: bool = False, **how: Any
) -> None:
    table = as_table(rows, ragged_type=ragged_type)
    pytest.importorskip("pyarrow.parquet").write_table(table, path, **how)


def write_arrow(
    path: Path,
    rows: np.ndarray,
    *,
    ragged_type: bool = False,
    as_stream: bool = False,
    compression: str | None = None,
) -> None:
    table = as_table(rows, ragged_type=ragged_type)
    ipc = pytest.importorskip("pyarrow.ipc")
    options = ipc.IpcWriteOptions(compression=compression)
    new = ipc.new_stream if as_stream else ipc.new_file
    with new(str(path), table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=25)


WRITERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    "plain.npz": write_npz,
    "packed.npz": lambda path, x: write_npz(path, x, packed=True),
    "by_columns.npz": lambda path, x: write_npz(path, np.asfortranarray(x)),
    "a.safetensors": write_safetensors,
    "plain.h5": write_hdf5,
    "packed.hdf5": lambda path, x: write_hdf5(
        path,
        x,
        compression="gzip",
        chunks=(min(7, len(x)), x.shape[1]),
        fletcher32=True,
    ),
    "fixed.parquet": lambda path, x: write_parquet(path, x, row_group_size=20),
    "lists.parquet": lambda path, x: write_parquet(
        path, x, ragged_type=True, write_page_checksum=True
    ),
    "fixed.arrow": write_arrow,
    "stream.ipc": lambda path, x: write_arrow(path, x, as_stream=True),
    "packed.feather": lambda path, x: write_arrow(
        path, x, ragged_type=True, compression="lz4"
    ),
}
"""By file name: files with an array ``vector`` and, beside it, ``ids``."""

CHECKED = ("plain.npz", "packed.npz", "by_columns.npz", "packed.hdf5", "lists.parquet")
"""Files with a checksum of what is read."""
