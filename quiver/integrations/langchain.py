"""LangChain: its vector store over a `DocumentStore`; needs the extra `langchain`."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Sequence
from functools import partial
from reprlib import repr as brief
from typing import Any, Self

from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.integrations import store as kept

try:
    from langchain_core.documents import Document
    from langchain_core.vectorstores import VectorStore
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "langchain_core":
        raise
    msg = f"{__name__} needs LangChain: pip install 'quiver-ann[langchain]'"
    raise ModuleNotFoundError(msg, name=error.name) from error

Found = list[tuple[Document, float]]


class QuiverVectorStore(VectorStore):
    """LangChain's vector store; searches take ``filter=``, and but for MMR ``ef=``.

    Parameters
    ----------
    embedding : Embeddings
        LangChain's model.
    store : DocumentStore, optional
        What keeps the documents, ``DocumentStore.open(path)`` say; default a new one.
    **options
        Of a new store, such as ``metric='euclidean'``.
    """

    embeddings: Any = None

    def __init__(self, embedding: Any, store: Any = None, **options: Any) -> None:
        self.embeddings = embedding
        self.store = _checked_store(store, options)

    @classmethod
    def from_texts(
        cls, texts: Any, embedding: Any, metadatas: Any = None, **options: Any
    ) -> Self:
        """Return a store of texts; options but ``ids`` are those of the constructor."""
        ids, made = options.pop("ids", None), cls(embedding, **options)
        made.add_texts(texts, metadatas, ids=ids)
        return made

    @classmethod
    async def afrom_texts(
        cls, texts: Any, embedding: Any, metadatas: Any = None, **options: Any
    ) -> Self:
        """Return a store of texts."""
        ids, made = options.pop("ids", None), cls(embedding, **options)
        await made.aadd_texts(texts, metadatas, ids=ids)
        return made

    def add_texts(
        self, texts: Any, metadatas: Any = None, *, ids: Any = None, **by: Any
    ) -> list[str]:
        """Put texts in, as many as there are ids if there are some."""
        texts, ids = _listed(texts, ids)
        return super().add_texts(texts, metadatas, ids=ids, **by)

    async def aadd_texts(
        self, texts: Any, metadatas: Any = None, *, ids: Any = None, **by: Any
    ) -> list[str]:
        """Put texts in."""
        texts, ids = _listed(texts, ids)
        return await super().aadd_texts(texts, metadatas, ids=ids, **by)

    def add_documents(self, documents: Any, ids: Any = None, **_: Any) -> list[str]:
        """Put documents in the place of those of the same id."""
        documents = list(documents)
        vectors = self.embeddings.embed_documents([d.page_content for d in documents])
        return self.store.put(_ours(documents, ids, vectors))

    async def aadd_documents(self, documents: Any, ids: Any = None, **_: Any) -> Any:
        """Put documents in the place of those of the same id."""
        documents = list(documents)
        texts = [document.page_content for document in documents]
        vectors = await self.embeddings.aembed_documents(texts)
        return await to_thread(self.store.put, _ours(documents, ids, vectors))

    def delete(self, ids: Any = None, **_: Any) -> bool:
        """Delete documents by id, all if it is None; unknown ids are passed over."""
        self.store.clear() if ids is None else self.store.delete(ids)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return documents by id; unknown ids are left out."""
        return [_theirs(own) for own in self.store.get(ids)]

    def similarity_search_with_score_by_vector(
        self, embedding: Any, k: int = 4, filter: Any = None, ef: int | None = None
    ) -> Found:
        """Return the nearest documents with their distances, so less is nearer."""
        found = self.store.search(embedding, k, _where(filter), ef=ef)
        return [(_theirs(own), distance) for own, distance in found]

    def similarity_search_with_score(self, query: str, *of: Any, **by: Any) -> Found:
        """Return the nearest documents with their distances."""
        vector = self.embeddings.embed_query(query)
        return self.similarity_search_with_score_by_vector(vector, *of, **by)

    async def asimilarity_search_with_score(
        self, query: str, *of: Any, **by: Any
    ) -> Found:
        """Return the nearest documents with their distances."""
        vector = await self.embeddings.aembed_query(query)
        ask = self.similarity_search_with_score_by_vector
        return await to_thread(ask, vector, *of, **by)

    def similarity_search_by_vector(self, *of: Any, **by: Any) -> list[Document]:
        """Return the nearest documents."""
        return _only(self.similarity_search_with_score_by_vector(*of, **by))

    def similarity_search(self, *of: Any, **by: Any) -> list[Document]:
        """Return the nearest documents."""
        return _only(self.similarity_search_with_score(*of, **by))

    async def asimilarity_search(self, *of: Any, **by: Any) -> list[Document]:
        """Return the nearest documents."""
        return _only(await self.asimilarity_search_with_score(*of, **by))

    def max_marginal_relevance_search_by_vector(
        self, embedding: Any, k: int = 4, *of: Any, filter: Any = None, **by: Any
    ) -> list[Document]:
        """Return near documents unlike each other; see `DocumentStore.mmr`."""
        ask = partial(self.store.mmr, where=_where(filter))
        return [_theirs(own) for own, _ in ask(embedding, k, *of, **by)]

    def max_marginal_relevance_search(self, query: str, *of: Any, **by: Any) -> Any:
        """Return near documents unlike each other."""
        vector = self.embeddings.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(vector, *of, **by)

    async def amax_marginal_relevance_search(
        self, query: str, *of: Any, **by: Any
    ) -> Any:
        """Return near documents unlike each other."""
        vector = await self.embeddings.aembed_query(query)
        ask = self.max_marginal_relevance_search_by_vector
        return await to_thread(ask, vector, *of, **by)

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return {
            "cosine": self._cosine_relevance_score_fn,
            "euclidean": self._euclidean_relevance_score_fn,
            "inner_product": lambda distance: -distance,
        }[self.store.metric]


def _checked_store(store: Any, options: dict[str, Any]) -> kept.DocumentStore:
    if store is None:
        return kept.DocumentStore(**options)
    if not isinstance(store, kept.DocumentStore):
        msg = f"store must be one of quiver's, DocumentStore.open(path), got {store!r}"
        raise InvalidTypeError(msg)
    if options:
        msg = f"options must be none beside a store, which has its own, got {options}"
        raise InvalidArgumentError(msg)
    return store


def _listed(texts: Any, ids: Any) -> tuple[list[str], list[Any] | None]:
    """Return both as lists: of fewer ids, the base class would lose texts."""
    if isinstance(texts, str):
        msg = f"texts must be a list of strings, got {brief(texts)}; one is [text]"
        raise InvalidTypeError(msg)
    texts = list(texts)
    return texts, None if ids is None else _one_each(ids, len(texts))


def _one_each(ids: Any, n: int) -> list[Any]:
    ids = list(ids)
    if len(ids) != n:
        msg = f"ids must be one a document, {n}, got {len(ids)}"
        raise InvalidArgumentError(msg)
    return ids


def _ours(documents: Any, ids: Any, vectors: Any) -> list[kept.Document]:
    own_ids = [document.id for document in documents] if ids is None else ids
    ids = _one_each(own_ids, len(documents))
    return [
        kept.Document(own_id, their.page_content, their.metadata, vector)
        for own_id, their, vector in zip(ids, documents, vectors, strict=True)
    ]


def _theirs(own: kept.Document) -> Document:
    return Document(id=own.id, page_content=own.text, metadata=own.metadata)


def _only(found: Found) -> list[Document]:
    return [document for document, _ in found]


def _where(filter: Any) -> Any:
    """Return a filter of documents of ours from a function of LangChain's."""
    if isinstance(filter, dict):
        msg = (
            "filter must be a function of a document, or a condition such as "
            "field('year') == 2020 of quiver.integrations.store's field, got "
            f"{brief(filter)}"
        )
        raise InvalidTypeError(msg)
    return (lambda own: filter(_theirs(own))) if callable(filter) else filter
