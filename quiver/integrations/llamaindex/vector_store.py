"""Vector store: LlamaIndex's nodes in a `quiver.integrations.store.DocumentStore`.

A node is kept as LlamaIndex's own stores keep one: its metadata, and beside them what
else there is of it as JSON.
"""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Sequence
from functools import reduce
from operator import and_
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, Self

import fsspec
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.simple import DEFAULT_VECTOR_STORE, NAMESPACE_SEP
from llama_index.core.vector_stores.types import (
    DEFAULT_PERSIST_DIR,
    DEFAULT_PERSIST_FNAME,
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import (
    metadata_dict_to_node,
    node_to_metadata_dict,
)

from quiver._typing import Metric
from quiver.errors import InvalidArgumentError
from quiver.integrations.llamaindex.filters import as_condition
from quiver.integrations.store import Document, DocumentStore, field, opened, similarity

DEFAULT_PERSIST_PATH = os.path.join(DEFAULT_PERSIST_DIR, DEFAULT_PERSIST_FNAME)


class QuiverVectorStore(BasePydanticVectorStore):
    """Nodes of LlamaIndex, found by nearness and by their metadata.

    Parameters
    ----------
    path : str, optional
        A folder, made if need be, that has every change when it returns. Stores of one
        path share it in a process; another process cannot open it at that time.
        Default: in memory.
    metric : {'cosine', 'euclidean', 'inner_product'}, optional
        Default: that of the folder, or cosine.
    """

    stores_text: bool = True
    path: str | None = None
    metric: Metric | None = None
    _store: DocumentStore = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Open the store, or make one."""
        super().model_post_init(context)
        self._store = opened(self.path, self.metric)
        self.metric = self._store.metric

    @classmethod
    def class_name(cls) -> str:
        """Return the name that serialized stores have."""
        return "QuiverVectorStore"

    @property
    def client(self) -> DocumentStore:
        """What holds the nodes."""
        return self._store

    def add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        """Add nodes, each in the place of the one of its id, and return their ids."""
        return self._store.put(map(_as_document, nodes))

    def get_nodes(
        self,
        node_ids: Sequence[str] | None = None,
        filters: MetadataFilters | None = None,
    ) -> list[BaseNode]:
        """Return the nodes of some ids that match, with their embeddings."""
        return [
            _as_node(one) for one in self._store.matching(_where(node_ids, filters))
        ]

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        """Delete the nodes of a document."""
        self._store.delete_where(field("ref_doc_id") == ref_doc_id)

    def delete_nodes(
        self,
        node_ids: Sequence[str] | None = None,
        filters: MetadataFilters | None = None,
        **_: Any,
    ) -> None:
        """Delete the nodes of some ids that match."""
        self._store.delete_where(_where(node_ids, filters))

    def clear(self) -> None:
        """Delete every node."""
        self._store.clear()

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Find the nearest nodes, or with the mode MMR near ones unlike each other.

        Parameters
        ----------
        query : VectorStoreQuery
            Its ``node_ids`` restrict only if there are any: an index whose store has
            the text asks with an empty list for all.
        **kwargs
            ``mmr_threshold`` instead of the query's, and ``mmr_prefetch_k``: among how
            many of the nearest MMR chooses, by default 50 or ``4 * similarity_top_k``.

        Raises
        ------
        InvalidArgumentError
            If the mode is another, or the embedding breaks a rule.
        """
        k, diverse = query.similarity_top_k, query.mode == VectorStoreQueryMode.MMR
        if not diverse and query.mode != VectorStoreQueryMode.DEFAULT:
            msg = f"mode must be 'default' or 'mmr', got {query.mode.value!r}"
            raise InvalidArgumentError(msg)
        fetched = kwargs.get("mmr_prefetch_k", max(50, 4 * k)) if diverse else k
        where = _where(query.node_ids or None, query.filters, query.doc_ids)
        found = self._store.search(query.query_embedding, fetched, where)
        nodes = {document.id: _as_node(document) for document, _ in found}
        scores = [similarity(distance, self._store.metric) for _, distance in found]
        ids = list(nodes)
        if diverse:
            scores, ids = get_top_k_mmr_embeddings(
                query.query_embedding,
                [node.embedding for node in nodes.values()],
                similarity_top_k=k,
                embedding_ids=ids,
                mmr_threshold=kwargs.get("mmr_threshold", query.mmr_threshold),
            )
        chosen = [nodes[node_id] for node_id in ids]
        return VectorStoreQueryResult(nodes=chosen, similarities=scores, ids=ids)

    def persist(
        self,
        persist_path: str = DEFAULT_PERSIST_PATH,
        fs: fsspec.AbstractFileSystem | None = None,
    ) -> None:
        """Write a copy to a folder of any file system, in the place of an older one."""
        fs = fs or fsspec.filesystem("file")
        # The older copy goes when all of the new one is there.
        new = f"{persist_path}.new"
        with TemporaryDirectory() as folder:
            self._store.save(folder)
            if fs.exists(new):
                fs.rm(new, recursive=True)
            fs.put(folder, new, recursive=True)
        if fs.exists(persist_path):
            fs.rm(persist_path, recursive=True)
        fs.mv(new, persist_path, recursive=True)

    @classmethod
    def from_persist_path(
        cls, persist_path: str, fs: fsspec.AbstractFileSystem | None = None
    ) -> Self:
        """Return a store with what `persist` wrote; changes do not go there."""
        fs = fs or fsspec.filesystem("file")
        folder = mkdtemp()
        try:
            fs.get(persist_path, f"{folder}/store", recursive=True)
            store = DocumentStore.open(f"{folder}/store")
        except BaseException:
            shutil.rmtree(folder)
            raise
        weakref.finalize(store, shutil.rmtree, folder, ignore_errors=True)
        made = cls(metric=store.metric)
        made._store = store
        return made

    @classmethod
    def from_persist_dir(
        cls,
        persist_dir: str = DEFAULT_PERSIST_DIR,
        namespace: str = DEFAULT_VECTOR_STORE,
        fs: fsspec.AbstractFileSystem | None = None,
    ) -> Self:
        """Return a store with what a `StorageContext` persisted in a folder."""
        name = f"{namespace}{NAMESPACE_SEP}{DEFAULT_PERSIST_FNAME}"
        return cls.from_persist_path(f"{persist_dir}/{name}", fs)


def _as_document(node: BaseNode) -> Document:
    metadata = node_to_metadata_dict(node, remove_text=True)
    text = node.get_content(metadata_mode=MetadataMode.NONE)
    return Document(node.node_id, text, metadata, node.get_embedding())


def _as_node(document: Document) -> BaseNode:
    node = metadata_dict_to_node(dict(document.metadata), text=document.text)
    node.embedding = None if document.vector is None else document.vector.tolist()
    return node


def _where(
    node_ids: Sequence[str] | None,
    filters: MetadataFilters | None,
    doc_ids: Sequence[str] | None = None,
) -> Any:
    """Return what a store is to be asked for; None for everything."""
    conditions = [] if filters is None else [as_condition(filters)]
    if doc_ids is not None:
        conditions.append(field("ref_doc_id").is_in(doc_ids))
    every = reduce(and_, conditions) if conditions else None
    if node_ids is None:
        return every
    ids = frozenset(node_ids)
    return lambda document: (
        document.id in ids and (every is None or every.matches(document.metadata))
    )
