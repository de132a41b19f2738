"""The files of a command: what it reads, and what it may write."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

import quiver
from quiver._typing import AnyArray
from quiver.cli.console import load_backend, print_note, progress_bar
from quiver.cli.options import PlaceName, VerifyName
from quiver.datasets import is_hdf5, read_vectors
from quiver.datasets import read_ids as read_column
from quiver.errors import FileFormatError, InvalidArgumentError
from quiver.readers.formats import check_size, npy_header
from quiver.storage.atomic import os_errors
from quiver.storage.layout import MAGIC

_MARKS = {"true": 1, "false": 0}


class Inputs(NamedTuple):
    """An opened index with the queries to ask it, and what is true of them."""

    opened: quiver.Index
    queries: AnyArray
    truth: AnyArray | None


def read_inputs(
    index: Path,
    queries: Path,
    ground_truth: Path | None,
    *,
    hot: PlaceName,
    cold: PlaceName | None,
    backend: str,
    key: str | None,
    max_rows: int | None,
    verify: VerifyName = VerifyName.FAST,
) -> Inputs:
    """Load the kernels, open the index, and read the queries and their truth."""
    opened = quiver.open(
        index,
        hot=hot.value,
        cold=cold.value if cold else None,
        verify=verify.value,
        backend=load_backend(backend).name,
    )
    found = read_queries(queries, key, max_rows)
    return Inputs(opened, found, read_truth(ground_truth, len(found)))


def read_queries(path: Path, key: str | None, max_rows: int | None = None) -> AnyArray:
    """Return the queries of a file."""
    # ann-benchmarks files hold the base as `train` and the queries as `test`.
    if key is None and is_hdf5(path):
        key = "test"
    return read_rows(path, key, max_rows)


def read_rows(path: Path, key: str | None, max_rows: int | None) -> AnyArray:
    """Return the vectors of a file, with a bar while they are decoded."""
    with progress_bar("reading") as progress:
        return read_vectors(path, key=key, max_rows=max_rows, progress=progress)


def read_truth(path: Path | None, n_queries: int) -> AnyArray | None:
    """Return the true neighbours' ids of the first queries, if a file is named."""
    if path is None:
        return None
    key = "neighbors" if is_hdf5(path) else None
    return read_vectors(path, key=key, max_rows=n_queries)


def read_ids(path: Path | None, max_rows: int | None) -> AnyArray | None:
    """Return one id for each of the first rows, if a file is named.

    A text file holds an integer a line, ``.npy`` an array of one dimension; of
    whatever else is read see `quiver.datasets.read_ids`.
    """
    return None if path is None else _read_column(path, max_rows, "iu", {})


def read_own_ids(
    file: Path, id_column: str | None, ids: Path | None, max_rows: int | None
) -> AnyArray | None:
    """Return the ids of a file's vectors: of a column beside them, or of ``ids``."""
    if id_column is None:
        return read_ids(ids, max_rows)
    if ids is not None:
        msg = f"ids must not be given with id={id_column!r}, got {str(ids)!r}"
        raise InvalidArgumentError(msg)
    return read_column(file, key=id_column, max_rows=max_rows)


def read_filter(path: Path | None) -> AnyArray | None:
    """Return the ids that may answer, or a bool for each vector, if a file is named.

    Bools may be ``true`` and ``false``, or 1 and 0: more than two such numbers are no
    ids, for these would repeat.
    """
    if path is None:
        return None
    column = _read_column(path, None, "iub", _MARKS)
    is_marks = len(column) > 2 and bool(((column == 0) | (column == 1)).all())
    return column.astype(np.bool_) if is_marks else column


def read_lines(path: Path) -> list[str]:
    """Return the texts of a file, a line each."""
    # Texts may hold other line separators, so only "\n" ends one.
    return path.read_bytes().decode(errors="replace").split("\n")


def is_index(path: Path) -> bool:
    """Return whether a file holds an index, and not vectors."""
    if path.is_dir():
        return False
    with os_errors("read", path), path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def check_outputs(**paths: Path | None) -> None:
    """Raise unless every file that is named can be made: before the work, not after."""
    for name, path in paths.items():
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            msg = f"{name} must be a file in an existing folder, got {str(path)!r}"
            raise InvalidArgumentError(msg)


def write_page(path: Path, page: str) -> None:
    """Write a page or a drawing, and say so."""
    path.write_text(page, encoding="utf-8")
    print_note(f"wrote {path}")


def _read_column(
    path: Path, max_rows: int | None, kinds: str, words: dict[str, int]
) -> AnyArray:
    """Return one number for each of the first rows, of some kinds of dtype."""
    with os_errors("read", path):
        if path.suffix.lower() == ".txt":
            return _parse_column(path, words)[:max_rows]
        if path.suffix.lower() == ".npy":
            return _map_column(path, kinds)[:max_rows]
    return read_column(path, max_rows=max_rows)


def _parse_column(path: Path, words: dict[str, int]) -> AnyArray:
    lines = path.read_bytes().decode(errors="replace").splitlines()
    ids = []
    for number, line in enumerate(lines, start=1):
        try:
            word = line.strip().lower()
            ids.append(words[word] if word in words else int(line))
        except ValueError as error:
            names = "".join(f", {word}" for word in words)
            msg = f"{path}: line {number} must be an integer id{names}, got {line!r}"
            raise FileFormatError(msg) from error
    return np.array(ids)


def _map_column(path: Path, kinds: str) -> AnyArray:
    shape, _, dtype, offset = npy_header(path)
    if dtype.kind not in kinds:
        msg = f"{path}: ids must be integers, got dtype {dtype}"
        raise FileFormatError(msg)
    check_size(path, offset + prod(shape) * dtype.itemsize)
    return _one_column(path, np.memmap(path, dtype, "r", offset, shape))


def _one_column(path: Path, ids: AnyArray) -> AnyArray:
    if ids.ndim == 2 and ids.shape[1] == 1:
        return ids[:, 0]
    if ids.ndim != 1:
        msg = f"{path}: ids must be one column, got shape {ids.shape}"
        raise FileFormatError(msg)
    return ids
