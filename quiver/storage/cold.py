"""Cold vectors: rows that stay on the disk, or narrow, until they are re-ranked.

A re-rank reads float32 and bytes where they are, in memory or mapped, as long as mapped
ones are in the page cache. Halves, rows that lie apart and rows that must come from the
disk are gathered: copied for a batch of queries at once, in file order.

Source: QuIVer (arXiv 2605.02171), the split into hot and cold. See `quiver.rerank` and
docs/algorithm/rerank.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from quiver._typing import (
    AnyArray,
    ColdDtype,
    Ids,
    InChunks,
    KeptVectors,
    Metric,
    StoredVectors,
    Vectors,
)
from quiver.reference.transform import in_turn
from quiver.storage.mapped import MappedFile
from quiver.storage.source import Identity
from quiver.validation.kept import as_stored_vectors, kept_dtype

Place = Literal["memory", "mmap"]
"""Where a part of an opened index is: brought into memory, or left in the file."""


class Origin(NamedTuple):
    """Where mapped parts come from.

    Attributes
    ----------
    path : Path
        Absolute path of the index file when it was opened.
    fingerprint : str
        What its content was, see `quiver.storage.layout.fingerprint`.
    identity : Identity
        Which file it was, and of what time.
    hot : {'memory', 'mmap'}
        Where codes, graph and ids are.
    """

    path: Path
    fingerprint: str
    identity: Identity
    hot: Place


class ColdVectors:
    """Stored vectors behind an array's face; indexing gives float32 copies.

    Parameters
    ----------
    stored : ndarray of shape (n, dim), float32, float16, uint8 or int8
        The rows, in memory or mapped.
    mapped : MappedFile, optional
        The mapping that ``stored`` is a view of.
    origin : Origin, optional
        The file that is mapped.

    Attributes
    ----------
    shape : tuple of int
        (n, dim).
    dtype : dtype
        float32, what indexing gives.
    nbytes : int
        Bytes as stored.
    is_rounded : bool
        Whether they are halves, and may differ from the rows that were coded.
    origin : Origin or None
        The file of the same index, from which rows are read on demand.
    """

    def __init__(
        self,
        stored: AnyArray,
        mapped: MappedFile | None = None,
        origin: Origin | None = None,
    ) -> None:
        self._stored = stored
        self._mapped = mapped
        self.shape = stored.shape
        self.dtype = np.dtype(np.float32)
        self.nbytes = stored.nbytes
        self.is_rounded = stored.dtype == np.float16
        self._is_readable = stored.flags.c_contiguous and not self.is_rounded
        self.origin = origin

    @property
    def cold_dtype(self) -> ColdDtype:
        """How the rows are stored; what indexing returns is float32."""
        return cast("ColdDtype", self._stored.dtype.name)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._stored)

    def __getitem__(self, key: Any) -> Vectors:
        """Return what the same index of an array would, as float32.

        Raises
        ------
        FileFormatError
            If the mapped file has been cut short since it was opened.
        """
        self.check_file()
        return self._stored[key].astype(np.float32)

    def gather(self, rows: Ids) -> KeptVectors:
        """Return the rows of ascending row numbers; halves as float32."""
        if self._mapped is None:
            return with_halves_widened(self._stored[rows])
        with self._mapped.reading(rows):
            return with_halves_widened(self._stored[rows])

    @property
    def needs_copy(self) -> bool:
        """Whether rows must be gathered: halves, apart, or not in the page cache."""
        if self._mapped is not None and self._mapped.misses:
            return True
        return not self._is_readable

    def in_place(self) -> AbstractContextManager[KeptVectors]:
        """Lend the rows themselves."""
        if self._mapped is None:
            return nullcontext(self._stored)
        return self._lend_mapped()

    @contextmanager
    def _lend_mapped(self) -> Iterator[KeptVectors]:
        assert self._mapped is not None
        with self._mapped.reading(None):
            yield self._stored

    def __reduce__(self) -> tuple[type[ColdVectors], tuple[AnyArray]]:
        """Pickle the rows themselves; an `Index` is pickled by its file instead."""
        return ColdVectors, (np.array(self._stored),)

    def first_damaged(self) -> str | None:
        """Return the name of a mapped section that lost its checksum, if any."""
        return None if self._mapped is None else self._mapped.first_damaged()

    def check_file(self) -> None:
        """Raise `FileFormatError` if the mapped file was cut or written to."""
        if self._mapped is not None:
            self._mapped.check_file()

    def shares_file(self, array: AnyArray) -> bool:
        """Return whether an array is mapped from the same file."""
        return self._mapped is not None and self._mapped.holds(array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """Return all rows as one array in memory."""
        if copy is False:
            msg = "cold vectors are converted when read; copy=False is impossible"
            raise ValueError(msg)
        return self[:].astype(dtype or np.float32, copy=False)


def with_halves_widened(rows: AnyArray) -> KeptVectors:
    """Return rows as a kernel reads them; halves by a table, faster than ``astype``."""
    if rows.dtype != np.float16:
        return rows
    return np.take(_every_half(), rows.view(np.uint16), mode="clip")


@cache
def _every_half() -> Vectors:
    """Return all 65 536 halves as float32, 256 KiB, in the order of their bits."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


def as_kept(
    vectors: Any, metric: Metric, in_chunks: InChunks = in_turn
) -> Vectors | StoredVectors:
    """Return checked rows as an index keeps them: bytes as bytes, others as float32.

    Parameters
    ----------
    vectors : array_like of shape (n, dim), or ColdVectors
        As for `quiver.Index.build`.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Which values are allowed.
    in_chunks : callable, optional
        Copies rows, perhaps over threads; see `quiver.reference.transform.in_turn`.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        See `quiver.validation.kept.as_stored_vectors`.
    """
    if isinstance(vectors, ColdVectors):
        if kept_dtype(vectors.cold_dtype) != "float32":
            return without_origin(vectors)
        vectors = vectors[:]
    return with_face(as_stored_vectors(vectors, metric, in_chunks))


def with_face(stored: AnyArray) -> Vectors | StoredVectors:
    """Return float32 rows themselves, others behind a face that gives float32."""
    return stored if stored.dtype == np.float32 else ColdVectors(stored)


def without_origin(vectors: Vectors | StoredVectors) -> Vectors | StoredVectors:
    """Return the same vectors, for an index that is not the one in their file."""
    if isinstance(vectors, ColdVectors) and vectors.origin is not None:
        return ColdVectors(vectors._stored, vectors._mapped)
    return vectors
