"""Haystack: a document store and its retriever; needs the extra `haystack`.

`documents` turns documents of either kind into the other, `filters` says which match,
`document_store` keeps them, `metadata` tells of their fields, `retriever` is the
component. See docs/stores.md.
"""

from __future__ import annotations

try:
    from quiver.integrations.haystack.document_store import QuiverDocumentStore
    from quiver.integrations.haystack.retriever import QuiverEmbeddingRetriever
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "haystack":
        raise
    msg = f"{__name__} needs Haystack: pip install 'quiver-ann[haystack]'"
    raise ModuleNotFoundError(msg, name=error.name) from error

__all__ = ["QuiverDocumentStore", "QuiverEmbeddingRetriever"]
