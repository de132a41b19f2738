"""Pieced vectors: rows of a base that stays where it is, then rows in memory.

An index whose vectors are mapped or at half precision can so be added to and
consolidated without a copy of them; saving writes them as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from quiver._typing import AnyArray, AnyVectors, ColdDtype, Ids, KeptVectors, Vectors
from quiver.state import State
from quiver.storage.cold import ColdVectors


class PiecedVectors:
    """Some rows of a base followed by others, behind an array's face.

    Parameters
    ----------
    base : ndarray of shape (n, dim), float32, or StoredVectors
        Read where it is.
    kept : ndarray of shape (m,), uint32
        Its rows that come first, ascending.
    added : ndarray of shape (a, dim), float32
        The rows that come after them.

    Attributes
    ----------
    shape : tuple of int
        (m + a, dim).
    dtype : dtype
        float32, what indexing gives.
    nbytes : int
        Bytes of these rows as stored.
    """

    needs_copy = True

    def __init__(self, base: AnyVectors, kept: Ids, added: Vectors):
        self.base, self.kept, self.added = base, kept, added
        self.shape = (len(kept) + len(added), *added.shape[1:])
        self.dtype = np.dtype(np.float32)
        self.nbytes = len(kept) * base.nbytes // max(1, len(base)) + added.nbytes

    @property
    def is_rounded(self) -> bool:
        """Whether rows of the base may differ from those that were coded."""
        return not isinstance(self.base, np.ndarray) and self.base.is_rounded

    def check_file(self) -> None:
        """Raise `FileFormatError` if the file of the base was cut or written to."""
        if not isinstance(self.base, np.ndarray):
            self.base.check_file()

    @property
    def cold_dtype(self) -> ColdDtype:
        """How the base is stored; float32 where bytes cannot hold the rows after it."""
        cold = cold_base(self)
        kept: ColdDtype = "float32" if cold is None else cold.cold_dtype
        if kept in ("uint8", "int8"):
            stored = np.clip(self.added, np.iinfo(kept).min, np.iinfo(kept).max)
            if (np.rint(stored) != self.added).any():
                return "float32"
        return kept

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, key: Any) -> Vectors:
        """Return what the same index of an array would, as float32."""
        if isinstance(key, tuple) or key is Ellipsis:
            return self[:][key]
        rows = np.arange(len(self), dtype=np.uint32)[key]
        if isinstance(key, slice) and (key.step or 1) > 0:
            return self.gather(rows)
        return self._rows(np.asarray(rows))

    def gather(self, rows: Ids) -> Vectors:
        """Return the rows of ascending row numbers."""
        border = np.searchsorted(rows, len(self.kept))
        of_base = self.kept[rows[:border]]
        first: KeptVectors
        if isinstance(self.base, np.ndarray):
            first = self.base[of_base]
        else:
            first = self.base.gather(of_base)
        return np.concatenate([first, self.added[rows[border:] - len(self.kept)]])

    def _rows(self, rows: AnyArray) -> Vectors:
        distinct, places = np.unique(rows, return_inverse=True)
        found = self.gather(distinct.astype(np.uint32))
        return found[places.reshape(rows.shape)]

    @contextmanager
    def in_place(self) -> Iterator[Vectors]:
        """Lend a copy of all rows: they lie in no one place."""
        yield self[:]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """Return all rows as one array in memory."""
        if copy is False:
            msg = "pieced vectors are put together when read; copy=False is impossible"
            raise ValueError(msg)
        return self[:].astype(dtype or np.float32, copy=False)


def cold_base(vectors: AnyVectors) -> ColdVectors | None:
    """Return the part of stored vectors that was read from a file as it is there."""
    if isinstance(vectors, PiecedVectors):
        return cold_base(vectors.base)
    return vectors if isinstance(vectors, ColdVectors) else None


def select(vectors: AnyVectors, rows: Ids) -> AnyVectors:
    """Return some rows, ascending: an array copied, other vectors left in place."""
    if isinstance(vectors, np.ndarray):
        chosen = vectors[rows]
        chosen.flags.writeable = False
        return chosen
    if not isinstance(vectors, PiecedVectors):
        return pieced(vectors, rows)
    border = np.searchsorted(rows, len(vectors.kept))
    kept = vectors.kept[rows[:border]]
    added = vectors.added[rows[border:] - len(vectors.kept)]
    return PiecedVectors(vectors.base, kept, added)


def live_vectors(state: State) -> AnyVectors:
    """Return the vectors of rows that were not removed, without a copy of any."""
    vectors = state.vectors
    if state.live is None:
        return vectors
    return pieced(vectors, state.live_rows)


def pieced(vectors: AnyVectors, rows: Ids) -> PiecedVectors:
    """Return some rows, ascending, without a copy of any."""
    return PiecedVectors(vectors, rows, np.empty((0, vectors.shape[1]), np.float32))
