"""View: a store at one moment; whatever is asked is asked of one.

A change makes the next view, so readers need no lock and see no half of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from quiver._typing import AnyArray, UserIds
from quiver.index import Index
from quiver.integrations.store.conditions import as_test
from quiver.integrations.store.diversity import diversified
from quiver.integrations.store.document import Document, Kept, copied
from quiver.reference.keys import NO_RESULT
from quiver.validation.arrays import as_vectors
from quiver.validation.checks import MAX_ROWS, check_int, check_real

Found = list[tuple[Document, float]]


@dataclass(frozen=True)
class View:
    """Documents and the index of their vectors.

    Attributes
    ----------
    index : Index or None
        Of this moment; None before the first vector.
    by_id : dict of str to Kept
        Every document.
    by_row : dict of int to Kept
        Those with a vector. A row of the index that is not here is a stray: what a
        change left behind that was stopped.
    """

    index: Index | None
    by_id: dict[str, Kept]
    by_row: dict[int, Kept]

    def after(self, gone: Iterable[str], new: Iterable[Kept]) -> View:
        """Return the view without some documents and with others; the same index."""
        by_id, by_row = self.by_id.copy(), self.by_row.copy()
        new = list(new)
        # What keeps its row keeps its place, as it does in the order of rows.
        rows = {kept.row for kept in new}
        for own_id in gone:
            if by_id[own_id].row not in rows:
                by_row.pop(by_id.pop(own_id).row, None)
        for kept in new:
            by_id[kept.id] = kept
            if kept.vector_crc is not None:
                by_row[kept.row] = kept
        return View(self.index, by_id, by_row)

    def strays(self) -> list[int]:
        """Return the rows of the index that belong to no document."""
        if self.index is None or len(self.index) == len(self.by_row):
            return []
        return [row for row in self.index.ids.tolist() if row not in self.by_row]

    def matching(self, where: Any) -> list[Kept]:
        """Return the documents for which a filter is true; all if it is None."""
        if where is None:
            return list(self.by_id.values())
        test = as_test(where)
        return [kept for kept in self.by_id.values() if test(kept.document)]

    def documents(self, kept: Iterable[Kept]) -> list[Document]:
        """Return copies of documents, with their vectors."""
        kept = list(kept)
        rows = [one.row for one in kept if one.vector_crc is not None]
        vectors = iter(self.index.get(rows) if self.index and rows else ())
        return [
            copied(one.document, None if one.vector_crc is None else next(vectors))
            for one in kept
        ]

    def search(
        self, vectors: AnyArray, k: int, where: Any, ef: int | None
    ) -> list[Found]:
        """Return the nearest documents of each vector; see `DocumentStore.search`."""
        k, allowed = check_int("k", k, 1, MAX_ROWS), self._allowed(where)
        if not self.index:
            return [[] for _ in vectors]
        metric, dim = self.index.metric, self.index.dim
        queries = as_vectors(vectors, "vector", metric=metric, dim=dim)
        k = min(k, len(self.index))
        found = self.index.search(queries, k, ef=ef, filter=allowed)
        return [*map(self._found, found.ids, found.distances)]

    def mmr(
        self, vector: AnyArray, k: int, fetch_k: int, lambda_mult: float, where: Any
    ) -> Found:
        """Return near documents unlike each other; see `DocumentStore.mmr`."""
        k = check_int("k", k, 1, MAX_ROWS)
        fetch_k = max(k, check_int("fetch_k", fetch_k, 1, MAX_ROWS))
        lambda_mult = check_real("lambda_mult", lambda_mult, 0.0, 1.0)
        (found,) = self.search(vector[None], fetch_k, where, None)
        if not found:
            return []
        vectors = np.stack([document.vector for document, _ in found])
        return [found[at] for at in diversified(vector, vectors, k, lambda_mult)]

    def _allowed(self, where: Any) -> UserIds | None:
        """Return the rows that may answer; None where all of the index may."""
        if where is None and not self.strays():
            return None
        rows = [kept.row for kept in self.matching(where) if kept.row in self.by_row]
        return np.array(rows, dtype=np.int64)

    def _found(self, ids: UserIds, distances: Any) -> Found:
        rows = ids[ids != NO_RESULT].tolist()
        documents = self.documents(self.by_row[row] for row in rows)
        return list(zip(documents, distances.tolist(), strict=False))
