"""Store: documents that are put, replaced and deleted, and found by their vectors."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from inspect import signature
from pathlib import Path
from typing import Any, Self

from quiver._typing import Metric
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.errors import InvalidTypeError
from quiver.integrations.store.asking import Asking, as_ids
from quiver.integrations.store.document import (
    Document,
    Kept,
    checked,
    checked_metadata,
    numbered,
)
from quiver.integrations.store.folder import Folder
from quiver.integrations.store.keeper import Keeper
from quiver.integrations.store.table import Settings
from quiver.params import as_params
from quiver.validation.checks import check_metric


class DocumentStore(Asking):
    """Documents by id, by nearness of their vectors, and by their metadata.

    Searches are exact up to 1 000 vectors; then there is a graph. Any number of threads
    may ask while one changes the store.

    Parameters
    ----------
    metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
        As for `quiver.Index.build`.
    backend : str or Backend, default 'auto'
        See `quiver.get_backend`.
    **shape
        Fields of `quiver.BuildParams`, such as ``max_degree=16``.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule.
    BackendUnavailableError
        If a named backend cannot run here.

    Examples
    --------
    >>> from quiver.integrations.store import Document, DocumentStore, field
    >>> store = DocumentStore(backend="reference")
    >>> store.put([
    ...     Document("a", "an apple", {"year": 2021}, [1.0, 0.0]),
    ...     Document("b", "a pear", {"year": 2019}, [1.0, 1.0]),
    ... ])
    ['a', 'b']
    >>> [(found.text, distance) for found, distance in store.search([1.0, 0.0], 1)]
    [('an apple', 0.0)]
    >>> store.search([1.0, 0.0], 5, where=field("year") < 2020)[0][0].id
    'b'
    """

    def __init__(
        self,
        metric: Metric = "cosine",
        *,
        backend: str | Backend = "auto",
        **shape: Any,
    ) -> None:
        super().__init__()
        params = as_params(None, shape, signature(DocumentStore).parameters)
        settings = Settings(check_metric(metric), params)
        self._keeper = Keeper(settings, get_backend(backend))
        self._next = 0
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, backend: str | Backend = "auto"
    ) -> Self:
        """Open a saved store; from then on every change is on the disk when it returns.

        Parameters
        ----------
        path : str or path-like
            The folder.
        backend : str or Backend, default 'auto'
            See `quiver.get_backend`.

        Returns
        -------
        DocumentStore

        Raises
        ------
        LockError
            If it is open already, here or in another process.
        FileFormatError
            If a file in it is foreign or damaged, or they do not belong together.
        FileAccessError
            If the operating system fails, for example because there is none.
        """
        folder = Folder(_as_path(path))
        settings = folder.table.settings()
        store = cls(settings.metric, backend=backend, **asdict(settings.params))
        store._view, store._next = store._keeper.opened(folder)
        return store

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to a folder, which `open` opens.

        Parameters
        ----------
        path : str or path-like
            A folder without a store, made if need be; or the one that this store was
            opened from, which holds all of it already and is tidied.

        Raises
        ------
        FileAccessError
            If another store is there, or the operating system fails.
        """
        target = _as_path(path)
        with self._changing():
            self._view = self._keeper.save(target, self._view)

    @property
    def metric(self) -> Metric:
        """The metric of the distances returned."""
        return self._keeper.settings.metric

    def put(self, documents: Iterable[Document]) -> list[str]:
        """Put documents in, each in the place of the one of its id, if there is one.

        Parameters
        ----------
        documents : iterable of Document
            Of several with the same id the last counts. They are copied.

        Returns
        -------
        list of str
            Their ids, in the order given.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If one breaks a rule; the message names it, and nothing is changed.
        FileAccessError
            If the operating system fails; nothing is changed.
        """
        given = checked(documents)
        latest = {str(document.id): document for document in given}
        with self._changing():
            first, self._next = self._next, self._next + len(latest)
            how = first, self.metric, self._keeper.dim
            new, vectors = numbered(latest.values(), *how)
            if vectors is not None:
                self._keeper.add(vectors, new)
            self._change([own_id for own_id in latest if own_id in self], new)
        return [str(document.id) for document in given]

    def delete(self, ids: Iterable[str]) -> int:
        """Delete documents by id, and return how many there were; unknown ids are none.

        Parameters
        ----------
        ids : iterable of str
            Not one string.
        """
        with self._changing():
            gone = [own_id for own_id in dict.fromkeys(as_ids(ids)) if own_id in self]
            self._change(gone, [])
        return len(gone)

    def delete_where(self, where: Any) -> int:
        """Delete the documents for which a filter is true, and return how many."""
        with self._changing():
            return self.delete(kept.id for kept in self._view.matching(where))

    def update(self, where: Any, metadata: Mapping[str, Any]) -> int:
        """Set fields of the metadata of documents, and return of how many.

        Parameters
        ----------
        where : Condition, callable or None
            Of which ones; see `search`.
        metadata : mapping
            The fields to set; the others stay.
        """
        new = checked_metadata(metadata, "metadata")
        with self._changing():
            kept = self._view.matching(where)
            changed = [_with_metadata(one, new) for one in kept]
            self._change([one.id for one in kept], changed)
        return len(kept)

    def clear(self) -> None:
        """Delete every document; vectors put in later may have another length."""
        with self._changing():
            self.delete(list(self._view.by_id))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the store alone, without strays of a change before that was stopped."""
        with self._lock:
            self._view = self._keeper.swept(self._view)
            yield

    def _change(self, gone: list[str], new: list[Kept]) -> None:
        """Put documents, whose vectors are in the index, in the place of others."""
        if not gone and not new:
            return
        old, view = self._view.by_row, self._view.after(gone, new)
        rows = [self._view.by_id[own_id].row for own_id in gone]

        def publish() -> None:
            self._view = self._keeper.of_now(view)

        self._keeper.commit(gone, new, publish)
        left = [row for row in rows if row in old and row not in view.by_row]
        self._view = self._keeper.without(self._view, left)
        self._keeper.save_grown()


def _with_metadata(kept: Kept, new: Mapping[str, Any]) -> Kept:
    metadata = {**kept.document.metadata, **new}
    return kept._replace(document=replace(kept.document, metadata=metadata))


def _as_path(path: Any) -> Path:
    try:
        return Path(os.path.realpath(os.fsdecode(path)))
    except (TypeError, ValueError) as error:
        msg = f"path must name a folder, got {path!r}"
        raise InvalidTypeError(msg) from error
