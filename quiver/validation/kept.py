"""Kept: checked rows in the dtype that an index keeps, and nobody else can change."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from quiver._typing import AnyArray, ColdDtype, InChunks, Metric
from quiver.errors import InvalidArgumentError
from quiver.reference.transform import in_turn
from quiver.validation.arrays import as_matrix, as_vectors
from quiver.validation.precision import warn_of_lost_precision

COPIED_ROWS = 1 << 12
"""Rows copied at a time."""


def kept_dtype(dtype: DTypeLike) -> ColdDtype:
    """Return the dtype in which an index keeps rows given in another.

    Bytes stay bytes: each is a float32 exactly, in a quarter of the memory.
    """
    given = np.dtype(dtype)
    if given == np.uint8:
        return "uint8"
    return "int8" if given == np.int8 else "float32"


def as_stored_vectors(
    vectors: Any, metric: Metric, in_chunks: InChunks = in_turn
) -> AnyArray:
    """Return at least one row, in the dtype kept; see `kept_dtype`, `keep_or_copy`.

    Rows of bytes may lie apart, as in a ``.bvecs`` file, but each in one piece. Warns
    where float32 cannot tell rows apart.
    """
    given = as_matrix(vectors, "vectors")
    if kept_dtype(given.dtype) == "float32":
        converted: AnyArray = as_vectors(given, "vectors", metric=metric)
        warn_of_lost_precision(given, converted, metric)
    else:
        in_rows = given.strides[1] == given.itemsize
        converted = given if in_rows else np.ascontiguousarray(given)
    stored = keep_or_copy(converted, given, in_chunks)
    if not len(stored):
        msg = f"vectors must have at least 1 row, got shape {stored.shape}"
        raise InvalidArgumentError(msg)
    return stored


def keep_or_copy(
    vectors: AnyArray, source: AnyArray, in_chunks: InChunks = in_turn
) -> AnyArray:
    """Return vectors that nobody else can change, read-only.

    They are kept where they are if the conversion from ``source`` already made them
    anew, or if they and all arrays they are views of are read-only, down to one that
    owns its memory or to a file mapped for reading. All else is copied.
    """
    if np.may_share_memory(vectors, source) and not _is_constant(vectors):
        vectors = _copied(vectors, in_chunks)
    view = vectors.view()
    view.flags.writeable = False
    return view


def _copied(vectors: AnyArray, in_chunks: InChunks) -> AnyArray:
    copy = np.empty(vectors.shape, vectors.dtype)

    def copy_chunk(start: int, stop: int) -> None:
        copy[start:stop] = vectors[start:stop]

    # New memory takes longer to get than to fill: four coordinates take 10 ns.
    row_work = -(-vectors.shape[1] // 4)
    in_chunks(copy_chunk, len(vectors), chunk_rows=COPIED_ROWS, row_work=row_work)
    return copy


def _is_constant(array: AnyArray) -> bool:
    """Return whether no array in the chain of views can write to its memory."""
    owner: Any = array
    is_owned = False
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        is_owned, owner = owner.flags.owndata, owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    if isinstance(owner, mmap.mmap):
        with memoryview(owner) as view:
            return view.readonly
    return owner is None and is_owned
