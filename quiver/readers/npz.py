"""Stream one array of a ``.npz`` file: a zip archive of ``.npy`` files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import FileFormatError
from quiver.readers.formats import check_numbers, header_in
from quiver.readers.opening import Wanted, choose_array, reading
from quiver.readers.streamed import Streamed, rows_per_chunk, streamed


def read_npz(path: Path, key: str | None, wanted: Wanted) -> Streamed:
    """Stream an array; the archive's checksum has been compared at its end."""
    with reading(path, ".npz"), zipfile.ZipFile(path) as archive:
        names = [n.removesuffix(".npy") for n in archive.namelist() if n[-4:] == ".npy"]
        headers = {}
        for name in names:
            with archive.open(f"{name}.npy") as file:
                headers[name] = header_in(file, path)
    axes = {name: len(shape) for name, (shape, _, _) in headers.items()}
    name = choose_array(path, key, axes, wanted)
    shape, _, dtype = headers[name]
    check_numbers(path, shape, dtype)
    return streamed(path, shape[0], _chunks(path, f"{name}.npy"))


def _chunks(path: Path, member: str) -> Iterator[AnyArray]:
    with (
        reading(path, ".npz"),
        zipfile.ZipFile(path) as archive,
        archive.open(member) as file,
    ):
        shape, in_columns, dtype = header_in(file, path)
        # By columns no row is whole before the last column is.
        step = shape[0] if in_columns else rows_per_chunk(shape, dtype)
        row_bytes = prod(shape[1:]) * dtype.itemsize
        for start in range(0, shape[0], step):
            n = min(step, shape[0] - start)
            values = np.frombuffer(file.read(n * row_bytes), dtype)
            if values.nbytes < n * row_bytes:
                msg = f"{path}: truncated in row {start + values.nbytes // row_bytes}"
                raise FileFormatError(msg)
            rows = n, *shape[1:]
            yield values.reshape(rows[::-1]).T if in_columns else values.reshape(rows)
        # The archive compares the checksum where its end is read.
        if file.read(1):
            msg = f"{path}: too long: {member} goes on after row {shape[0]}"
            raise FileFormatError(msg)
