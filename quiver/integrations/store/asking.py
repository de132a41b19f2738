"""Asking: everything that is asked of a store, each of one view of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from reprlib import repr as brief
from typing import Any

import numpy as np

from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.integrations.store.document import Document
from quiver.integrations.store.view import Found, View
from quiver.validation.foreign import as_real_array


class Asking:
    """A store that is asked."""

    def __init__(self) -> None:
        self._view = View(None, {}, {})

    @property
    def dim(self) -> int | None:
        """How many numbers a vector has; None where there is none."""
        index = self._view.index
        return index.dim if index else None

    def get(self, ids: Iterable[str]) -> list[Document]:
        """Return documents by id, in the order asked for; unknown ids are left out.

        Parameters
        ----------
        ids : iterable of str
            Not one string.

        Returns
        -------
        list of Document
            Copies, with their vectors as float32.
        """
        view = self._view
        known = (view.by_id.get(own_id) for own_id in as_ids(ids))
        return view.documents(kept for kept in known if kept is not None)

    def matching(self, where: Any = None) -> list[Document]:
        """Return the documents for which a filter is true, in the order they were put.

        One that was replaced comes where the new one was put.
        """
        view = self._view
        return view.documents(view.matching(where))

    def count(self, where: Any = None) -> int:
        """Return of how many documents a filter is true."""
        return len(self._view.matching(where))

    def search(
        self, vector: Any, k: int = 10, where: Any = None, *, ef: int | None = None
    ) -> list[Any]:
        """Find the documents whose vectors are nearest.

        Parameters
        ----------
        vector : array_like of shape (dim,) or (q, dim)
            One vector or several.
        k : int, default 10
            Documents wanted; there may be fewer.
        where : Condition or callable, optional
            Which may answer: a condition on `field`, or a function of a `Document`
            without its vector that returns a bool.
        ef : int, optional
            As for `quiver.Index.search`.

        Returns
        -------
        list of (Document, float)
            With the distance, the nearest first; of several vectors a list of these.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule.
        """
        vectors = as_real_array(vector, "vector")
        found = self._view.search(np.atleast_2d(vectors), k, where, ef)
        return found[0] if vectors.ndim == 1 else found

    def mmr(
        self,
        vector: Any,
        k: int = 10,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        where: Any = None,
    ) -> Found:
        """Find near documents that are unlike each other.

        Parameters
        ----------
        vector : array_like of shape (dim,)
            One vector.
        k : int, default 10
            Documents wanted.
        fetch_k : int, default 20
            Of how many of the nearest they are chosen; at least k.
        lambda_mult : float, default 0.5
            From 0, as unlike as can be, to 1, as near as can be.
        where : Condition or callable, optional
            As for `search`.

        Returns
        -------
        list of (Document, float)
            In the order they were chosen, with their distance. Likeness is the cosine.
        """
        vector = as_real_array(vector, "vector")
        if vector.ndim != 1:
            msg = f"vector must be one row of numbers, got shape {vector.shape}"
            raise InvalidArgumentError(msg)
        return self._view.mmr(vector, k, fetch_k, lambda_mult, where)

    def __repr__(self) -> str:
        """Return size and length of vectors."""
        return f"{type(self).__name__}({len(self)} documents, dim={self.dim})"

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self._view.by_id)

    def __contains__(self, id: Any) -> bool:
        """Return whether there is a document of this id."""
        return isinstance(id, str) and id in self._view.by_id

    def __iter__(self) -> Iterator[Document]:
        """Return every document of this moment, as `matching` does."""
        return iter(self.matching())


def as_ids(ids: Any) -> list[str]:
    """Return ids as a list of strings.

    Raises
    ------
    InvalidTypeError
        If it is one string, whose letters would be taken for ids, or holds anything
        else than strings: the id 7 would be unknown where ``'7'`` is meant.
    """
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        msg = f"ids must be a list of strings, got {brief(ids)}; one is [id]"
        raise InvalidTypeError(msg)
    ids = list(ids)
    for own_id in ids:
        if not isinstance(own_id, str):
            kind = type(own_id).__name__
            msg = f"ids must be strings, got {brief(own_id)} of type {kind}"
            raise InvalidTypeError(msg)
    return ids
