"""Nodes: of LlamaIndex as documents of a store, and back; and which of them to ask.

A node is kept as LlamaIndex's own stores keep one: its metadata, and beside them what
else there is of it as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.types import MetadataFilters
from llama_index.core.vector_stores.utils import (
    metadata_dict_to_node,
    node_to_metadata_dict,
)

from quiver.integrations.llamaindex.filters import as_condition
from quiver.integrations.store import Condition, Document, field


def as_document(node: BaseNode) -> Document:
    """Return a node as a store takes it."""
    metadata = node_to_metadata_dict(node, remove_text=True)
    text = node.get_content(metadata_mode=MetadataMode.NONE)
    return Document(node.node_id, text, metadata, node.get_embedding())


def as_node(document: Document) -> BaseNode:
    """Return a document of a store as the node that was added."""
    node = metadata_dict_to_node(dict(document.metadata), text=document.text)
    node.embedding = None if document.vector is None else document.vector.tolist()
    return node


def of_document(ref_doc_id: str) -> Condition:
    """Return the condition that nodes are of a document."""
    return field("ref_doc_id") == ref_doc_id


def where(
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
