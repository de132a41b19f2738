"""Documents: of Haystack as those of a store, and back; and which of them match."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from reprlib import repr as brief
from typing import Any

from haystack.dataclasses import Document
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter

from quiver.errors import InvalidArgumentError
from quiver.integrations.store import Condition
from quiver.integrations.store import Document as Kept

Filters = dict[str, Any]

REST = "_haystack"
"""Where metadata has the fields of a document that a store has no place for."""


def as_kept(document: Document) -> Kept:
    """Return a document as a store takes it, its ``meta`` as metadata.

    Raises
    ------
    InvalidArgumentError
        If its ``meta`` has the key that is taken for other fields.
    """
    blob, sparse = document.blob, document.sparse_embedding
    rest = {
        "blob": None if blob is None else blob.to_dict(),
        "sparse_embedding": None if sparse is None else sparse.to_dict(),
        "score": document.score,
    }
    rest = {name: value for name, value in rest.items() if value is not None}
    if document.content is None:
        rest["content"] = None
    metadata = checked_meta(document.meta)
    if rest:
        metadata[REST] = rest
    return Kept(document.id, document.content or "", metadata, document.embedding)


def checked_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of some ``meta``, unless it has the key of what is beside it."""
    if REST in meta:
        msg = f"meta must not have the key {REST!r}, which is taken; rename it"
        raise InvalidArgumentError(msg)
    return dict(meta)


def as_theirs(
    kept: Kept, *, score: float | None = None, bare: bool = False
) -> Document:
    """Return a document of a store as it was written, if need be without embedding."""
    metadata = dict(kept.metadata)
    rest = {"content": kept.text, **metadata.pop(REST, {})}
    if score is not None:
        rest["score"] = score
    if kept.vector is not None and not bare:
        rest["embedding"] = kept.vector.tolist()
    return Document.from_dict({"id": kept.id, "meta": metadata, **rest})


@dataclass
class _Seen:
    """As much of a document as its ``meta``."""

    meta: Mapping[str, Any]


@dataclass(frozen=True)
class _OfMeta(Condition):
    """What filters say that ask for nothing but ``meta``: no document is made."""

    filters: Filters

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return document_matches_filter(self.filters, _Seen(metadata))


def matching(filters: Filters) -> Condition | Callable[[Kept], bool]:
    """Return what Haystack says of a document, dates and errors included.

    Raises
    ------
    FilterError
        If the embedding is asked for, which a filter does not get to see, or one is
        no dict.
    """
    names = {str(name).partition(".")[0] for name in _fields(filters)}
    if "embedding" in names:
        msg = f"filters must not compare the embedding, got {filters}"
        raise FilterError(msg)
    if names.isdisjoint({own.name for own in fields(Document)} - {"meta"}):
        return _OfMeta(filters)
    return lambda kept: document_matches_filter(filters, as_theirs(kept))


def where(filters: Filters | None) -> Condition | Callable[[Kept], bool] | None:
    """Return the same, or None for no filters: then every document matches."""
    return matching(filters) if filters else None


def _fields(filters: Filters) -> Iterator[Any]:
    if not isinstance(filters, Mapping):
        msg = f"filters must be dicts of Haystack's, got {brief(filters)}"
        raise FilterError(msg)
    yield filters.get("field")
    for condition in filters.get("conditions", ()):
        yield from _fields(condition)
