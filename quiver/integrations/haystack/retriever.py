"""Retriever: a component of pipelines that asks for the nearest documents."""

from __future__ import annotations

from typing import Any, Self

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.document_stores.types import FilterPolicy, apply_filter_policy

from quiver.integrations.haystack.document_store import QuiverDocumentStore
from quiver.integrations.haystack.documents import Filters
from quiver.integrations.store.adapting import awaitable

Answer = dict[str, list[Document]]


@component
class QuiverEmbeddingRetriever:
    """Finds the documents whose embeddings are nearest to that of a query.

    Parameters
    ----------
    document_store : QuiverDocumentStore
        Where they are.
    filters : dict, optional
        Which of them may be found.
    top_k : int, default 10
        How many at most.
    scale_score : bool, default False
        Scores of 0 … 1, as Haystack's own retriever scales them; under the euclidean
        metric ``1 / (1 + distance)``.
    return_embedding : bool, default False
        Whether the documents come with their embeddings.
    filter_policy : FilterPolicy, default REPLACE
        What becomes of ``filters`` when a query has some of its own.

    Raises
    ------
    TypeError, ValueError
        If the store is another's, or ``top_k`` is not positive.
    """

    def __init__(
        self,
        document_store: QuiverDocumentStore,
        filters: Filters | None = None,
        top_k: int = 10,
        scale_score: bool = False,
        return_embedding: bool = False,
        filter_policy: FilterPolicy = FilterPolicy.REPLACE,
    ) -> None:
        if not isinstance(document_store, QuiverDocumentStore):
            name = type(document_store).__name__
            msg = f"document_store must be a QuiverDocumentStore, got {name}"
            raise TypeError(msg)
        if top_k <= 0:
            msg = f"top_k must be positive, got {top_k}"
            raise ValueError(msg)
        self.document_store = document_store
        self.filters = filters
        self.top_k = top_k
        self.scale_score = scale_score
        self.return_embedding = return_embedding
        self.filter_policy = filter_policy

    def to_dict(self) -> dict[str, Any]:
        """Return what makes the same retriever."""
        return default_to_dict(
            self,
            document_store=self.document_store,
            filters=self.filters,
            top_k=self.top_k,
            scale_score=self.scale_score,
            return_embedding=self.return_embedding,
            filter_policy=self.filter_policy.value,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make a retriever from what `to_dict` returned."""
        given = dict(data["init_parameters"])
        store, policy = given["document_store"], given.get("filter_policy", "replace")
        given["document_store"] = QuiverDocumentStore.from_dict(store)
        given["filter_policy"] = FilterPolicy.from_str(policy)
        return default_from_dict(cls, {**data, "init_parameters": given})

    @component.output_types(documents=list[Document])
    def run(
        self,
        query_embedding: list[float],
        filters: Filters | None = None,
        top_k: int | None = None,
        scale_score: bool | None = None,
        return_embedding: bool | None = None,
    ) -> Answer:
        """Return the nearest documents; what is not given is as for the retriever."""
        found = self.document_store.embedding_retrieval(
            query_embedding,
            apply_filter_policy(self.filter_policy, self.filters, filters),
            self.top_k if top_k is None else top_k,
            self.scale_score if scale_score is None else scale_score,
            self.return_embedding if return_embedding is None else return_embedding,
        )
        return {"documents": found}

    run_async = component.output_types(documents=list[Document])(awaitable(run))
