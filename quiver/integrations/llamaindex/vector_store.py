"""Vector store: LlamaIndex's nodes in a store of ours."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Sequence
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, Self

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.indices.query.embedding_utils import get_top_k_mmr_embeddings
from llama_index.core.schema import BaseNode
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

from quiver._typing import Metric
from quiver.errors import InvalidArgumentError
from quiver.integrations.llamaindex.nodes import (
    as_document,
    as_node,
    of_document,
    where,
)
from quiver.integrations.store import DocumentStore
from quiver.integrations.store.adapting import (
    awaitable,
    opened,
    similarity,
    write_copy,
)

DEFAULT_PERSIST_PATH = f"{DEFAULT_PERSIST_DIR}/{DEFAULT_PERSIST_FNAME}"


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
        return self._store.put(map(as_document, nodes))

    def get_nodes(
        self,
        node_ids: Sequence[str] | None = None,
        filters: MetadataFilters | None = None,
    ) -> list[BaseNode]:
        """Return the nodes of some ids that match, with their embeddings."""
        return [as_node(one) for one in self._store.matching(where(node_ids, filters))]

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        """Delete the nodes of a document."""
        self._store.delete_where(of_document(ref_doc_id))

    def delete_nodes(
        self,
        node_ids: Sequence[str] | None = None,
        filters: MetadataFilters | None = None,
        **_: Any,
    ) -> None:
        """Delete the nodes of some ids that match."""
        self._store.delete_where(where(node_ids, filters))

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
        asked = where(query.node_ids or None, query.filters, query.doc_ids)
        found = self._store.search(query.query_embedding, fetched, asked)
        nodes = {document.id: as_node(document) for document, _ in found}
        ids = list(nodes)
        scores = [similarity(distance, self._store.metric) for _, distance in found]
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

    async_add = awaitable(add)
    aget_nodes = awaitable(get_nodes)
    adelete = awaitable(delete)
    adelete_nodes = awaitable(delete_nodes)
    aclear = awaitable(clear)
    aquery = awaitable(query)

    def persist(
        self,
        persist_path: str = DEFAULT_PERSIST_PATH,
        fs: AbstractFileSystem | None = None,
    ) -> None:
        """Write everything to a folder, in the place of an older store."""
        remote = _remote(fs)
        if remote is None:
            write_copy(self._store, persist_path)
            return
        with TemporaryDirectory() as folder:
            self._store.save(folder)
            if remote.exists(persist_path):
                remote.rm(persist_path, recursive=True)
            remote.put(folder, persist_path, recursive=True)

    @classmethod
    def from_persist_path(
        cls, persist_path: str, fs: AbstractFileSystem | None = None
    ) -> Self:
        """Return the store of a folder; of another file system a copy of it."""
        remote = _remote(fs)
        if remote is None:
            store = opened(persist_path, make=False)
            return cls(path=persist_path, metric=store.metric)
        folder = mkdtemp()
        try:
            remote.get(persist_path, f"{folder}/store", recursive=True)
            made = cls.from_persist_path(f"{folder}/store")
        except BaseException:
            shutil.rmtree(folder)
            raise
        # When the store goes, so does the folder it is in.
        weakref.finalize(made._store, shutil.rmtree, folder, ignore_errors=True)
        return made

    @classmethod
    def from_persist_dir(
        cls,
        persist_dir: str = DEFAULT_PERSIST_DIR,
        namespace: str = DEFAULT_VECTOR_STORE,
        fs: AbstractFileSystem | None = None,
    ) -> Self:
        """Return the store that a `StorageContext` persisted in a folder."""
        name = f"{namespace}{NAMESPACE_SEP}{DEFAULT_PERSIST_FNAME}"
        return cls.from_persist_path(f"{persist_dir}/{name}", fs)


def _remote(fs: AbstractFileSystem | None) -> AbstractFileSystem | None:
    """Return a file system but the local one, for which it is None."""
    return None if isinstance(fs, LocalFileSystem) else fs
