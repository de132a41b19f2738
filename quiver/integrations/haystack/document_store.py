"""Document store: Haystack's documents in a store of ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from math import exp
from reprlib import repr as brief
from typing import Any, Self

from haystack import Document, default_from_dict, default_to_dict
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from quiver._typing import Metric
from quiver.integrations.haystack.documents import (
    Filters,
    as_kept,
    as_theirs,
    checked_meta,
    matching,
    where,
)
from quiver.integrations.haystack.metadata import Metadata
from quiver.integrations.store.adapting import awaitable, opened, similarity

_writing = threading.Lock()


class QuiverDocumentStore(Metadata):
    """Documents of Haystack; their ``meta`` is the metadata of those in ``store``.

    Parameters
    ----------
    path : str, optional
        A folder, made if need be, that has every change when it returns. Stores of one
        path share it in a process; another process cannot open it at that time.
        Default: in memory.
    metric : {'cosine', 'euclidean', 'inner_product'}, optional
        Default: that of the folder, or cosine.

    Attributes
    ----------
    store : DocumentStore
        What holds them.
    """

    def __init__(self, path: str | None = None, metric: Metric | None = None) -> None:
        self.store = opened(path, metric)
        self.path = None if path is None else str(path)

    def to_dict(self) -> dict[str, Any]:
        """Return what makes the same store: its path, not what it holds."""
        return default_to_dict(self, path=self.path, metric=self.store.metric)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make a store from what `to_dict` returned."""
        return default_from_dict(cls, data)

    def save_to_disk(self, path: str) -> None:
        """Write everything to a new folder, to be given as ``path``."""
        self.store.save(path)

    def count_documents(self) -> int:
        """Return the number of documents."""
        return len(self.store)

    def count_documents_by_filter(self, filters: Filters) -> int:
        """Return the number of documents that match."""
        return self.store.count(where(filters))

    def filter_documents(self, filters: Filters | None = None) -> list[Document]:
        """Return the documents that match, with float32 embeddings."""
        return [as_theirs(kept) for kept in self.store.matching(where(filters))]

    def write_documents(
        self,
        documents: list[Document],
        policy: DuplicatePolicy = DuplicatePolicy.NONE,
    ) -> int:
        """Write documents, all or none, and return how many; NONE does as FAIL."""
        if not isinstance(documents, list) or not all(
            isinstance(document, Document) for document in documents
        ):
            msg = f"documents must be a list of Haystack's, got {brief(documents)}"
            raise ValueError(msg)
        with _writing:
            new = list(self._to_write(documents, policy))
            self.store.put(map(as_kept, new))
        return len(new)

    def _to_write(
        self, documents: list[Document], policy: DuplicatePolicy
    ) -> Iterator[Document]:
        seen: set[str] = set()
        for document in documents:
            known = document.id in seen or document.id in self.store
            if known and policy in (DuplicatePolicy.NONE, DuplicatePolicy.FAIL):
                msg = f"document {document.id!r} is there already"
                raise DuplicateDocumentError(msg)
            if not known or policy is DuplicatePolicy.OVERWRITE:
                seen.add(document.id)
                yield document

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete documents by id; unknown ids are passed over."""
        self.store.delete(document_ids)

    def delete_all_documents(
        self,
        recreate_index: bool = False,  # noqa: ARG002 - Done as needed.
    ) -> None:
        """Delete every document; after that embeddings may have another length."""
        self.store.clear()

    def delete_by_filter(self, filters: Filters) -> int:
        """Delete the documents that match, and return how many."""
        return self.store.delete_where(matching(filters))

    def update_by_filter(self, filters: Filters, meta: dict[str, Any]) -> int:
        """Set fields in the meta of documents that match, and return of how many."""
        return self.store.update(matching(filters), checked_meta(meta))

    def embedding_retrieval(
        self,
        query_embedding: list[float],
        filters: Filters | None = None,
        top_k: int = 10,
        scale_score: bool = False,
        return_embedding: bool = False,
    ) -> list[Document]:
        """Return the nearest documents, with the greater score the nearer."""
        if top_k == 0:
            return []
        found = self.store.search(query_embedding, top_k, where(filters))
        return [
            as_theirs(
                kept,
                score=_score(distance, self.store.metric, scaled=scale_score),
                bare=not return_embedding,
            )
            for kept, distance in found
        ]

    count_documents_async = awaitable(count_documents)
    count_documents_by_filter_async = awaitable(count_documents_by_filter)
    filter_documents_async = awaitable(filter_documents)
    write_documents_async = awaitable(write_documents)
    delete_documents_async = awaitable(delete_documents)
    delete_all_documents_async = awaitable(delete_all_documents)
    delete_by_filter_async = awaitable(delete_by_filter)
    update_by_filter_async = awaitable(update_by_filter)
    embedding_retrieval_async = awaitable(embedding_retrieval)


def _score(distance: float, metric: Metric, *, scaled: bool) -> float:
    """Return the similarity, scaled to 0 … 1 as Haystack's own store scales it."""
    score = similarity(distance, metric)
    if not scaled:
        return score
    if metric == "cosine":
        return (score + 1) / 2
    return 1 / (1 + distance) if metric == "euclidean" else 1 / (1 + exp(-score / 100))
