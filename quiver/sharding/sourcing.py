"""Sourcing: where the rows of a build come from, known by shape before any is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import AnyArray, UserIds
from quiver.errors import InvalidArgumentError
from quiver.readers.files import open_vectors, read_ids
from quiver.readers.streamed import Streamed
from quiver.sharding.on_ray.datasets import DATASET, is_dataset, read_dataset
from quiver.validation.arrays import as_ids, as_matrix
from quiver.validation.checks import MAX_ROWS
from quiver.validation.kept import kept_dtype


class Piece(NamedTuple):
    """An array or a file of a source.

    Attributes
    ----------
    name : str
        For messages.
    rows : ndarray or Streamed
        Its rows, perhaps not read yet.
    """

    name: str
    rows: AnyArray | Streamed


class Source(NamedTuple):
    """Where the vectors come from.

    Attributes
    ----------
    pieces : list of Piece
        One after the other.
    ids : ndarray of shape (n,), int64
        Of all rows.
    dtype : dtype
        In which rows are kept.
    dim : int
        Their columns.
    """

    pieces: list[Piece]
    ids: UserIds
    dtype: np.dtype[Any]
    dim: int


def as_source(source: Any, key: str | None, ids: Any, id_key: str | None) -> Source:
    """Return what a caller gave as the rows of a build; see `quiver.build_shards`.

    Errors are those of `quiver.readers.files.read_vectors` and `quiver.Index.build`.
    """
    files = _as_files(source)
    has_columns = bool(files) or is_dataset(source)
    if id_key is not None and (ids is not None or not has_columns):
        msg = "id_key must be None where ids are given or the source is no file"
        raise InvalidArgumentError(msg)
    if is_dataset(source):
        vectors, own_ids = read_dataset(source, key, id_key)
        pieces, ids = [Piece(DATASET, vectors)], ids if id_key is None else own_ids
    elif files:
        pieces = [Piece(str(file), open_vectors(file, key, None)) for file in files]
        if id_key is not None:
            ids = np.concatenate([read_ids(file, key=id_key) for file in files])
    else:
        pieces = [Piece("vectors", as_matrix(source, "vectors"))]
    dims = {piece.rows.shape[1] for piece in pieces}
    if len(dims) != 1:
        msg = f"source must have as many columns in every file, got {sorted(dims)}"
        raise InvalidArgumentError(msg)
    n = sum(piece.rows.shape[0] for piece in pieces)
    if not 1 <= n <= MAX_ROWS:
        msg = f"source must have 1 … {MAX_ROWS} rows, got {n}"
        raise InvalidArgumentError(msg)
    kinds = {kept_dtype(piece.rows.dtype) for piece in pieces}
    dtype = np.dtype(kinds.pop() if len(kinds) == 1 else np.float32)
    return Source(pieces, as_ids(ids, n), dtype, dims.pop())


def _as_files(source: Any) -> list[Path]:
    """Return the files that a source names, if it is of files."""
    several = source if isinstance(source, (list, tuple)) else [source]
    if not several or not all(isinstance(one, (str, os.PathLike)) for one in several):
        return []
    return [Path(one) for one in several]
