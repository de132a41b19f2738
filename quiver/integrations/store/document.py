"""Document: a text with an id, what is known of it, and perhaps a vector."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from reprlib import repr as brief
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import Metric, Vectors
from quiver.errors import InvalidArgumentError, InvalidTypeError, QuiverError
from quiver.integrations.store.plain import as_plain, plain_copy
from quiver.validation.arrays import as_vectors
from quiver.validation.foreign import as_real_array


@dataclass(frozen=True)
class Document:
    """What a store holds under one id.

    Parameters
    ----------
    id : str, optional
        None lets the store draw one.
    text : str, default ''
        Any text.
    metadata : mapping, optional
        Of strings to what JSON can hold.
    vector : array_like of shape (dim,), optional
        Without one the document is never found by nearness. Not part of equality.

    Examples
    --------
    >>> Document("a", "Paris", {"country": "France"})
    Document(id='a', text='Paris', metadata={'country': 'France'})
    """

    id: str | None = None
    text: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    vector: Any = field(default=None, compare=False, repr=False)


class Kept(NamedTuple):
    """A document as it is held.

    Attributes
    ----------
    row : int
        Its number, by which its vector is found; no other document ever gets it.
    document : Document
        Without its vector, and of nobody else.
    vector_crc : int or None
        CRC-32 of its vector as float32; None where it has none.
    """

    row: int
    document: Document
    vector_crc: int | None

    @property
    def id(self) -> str:
        """The id of the document."""
        return str(self.document.id)


def checked(documents: Any) -> list[Document]:
    """Return documents that share nothing with those given but the vectors.

    Raises
    ------
    InvalidTypeError, InvalidArgumentError
        If a part of one breaks a rule; the message names the document.
    """
    if isinstance(documents, Document) or not isinstance(documents, Iterable):
        msg = f"documents must be a list of them, got {brief(documents)}; one is [it]"
        raise InvalidTypeError(msg)
    return [_checked(document) for document in documents]


def _checked(document: Any) -> Document:
    if not isinstance(document, Document):
        msg = f"documents must be of quiver's Document, got {brief(document)}"
        raise InvalidTypeError(msg)
    own_id = str(uuid.uuid4()) if document.id is None else document.id
    _check_text("id of a document", own_id)
    _check_text(f"text of document {own_id!r}", document.text)
    name = f"metadata of document {own_id!r}"
    metadata = checked_metadata(document.metadata, name)
    return Document(own_id, document.text, metadata, document.vector)


def checked_metadata(metadata: Any, name: str) -> dict[str, Any]:
    """Return a copy of metadata; errors are those of `checked`."""
    if not isinstance(metadata, Mapping):
        msg = f"{name} must be a dict, got {brief(metadata)}"
        raise InvalidTypeError(msg)
    return dict(as_plain(metadata, name))


def copied(document: Document, vector: Any = None) -> Document:
    """Return a document whose metadata nobody shares, with a vector."""
    metadata = plain_copy(document.metadata)
    return Document(document.id, document.text, metadata, vector)


def numbered(
    documents: Iterable[Document], first: int, metric: Metric, dim: int | None
) -> tuple[list[Kept], Vectors | None]:
    """Return checked documents as they are held, and the vectors of those with one.

    Parameters
    ----------
    documents : iterable of Document
        Checked.
    first : int
        Row of the first.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Says how large a number may be.
    dim : int or None
        Length that vectors must have; None where they need only agree.

    Raises
    ------
    InvalidTypeError, InvalidArgumentError
        If a vector breaks a rule; the message names its document.
    """
    documents = list(documents)
    having = [document for document in documents if document.vector is not None]
    vectors = _stacked(having, metric, dim) if having else None
    crcs = iter([] if vectors is None else map(zlib.crc32, vectors))
    kept = []
    for row, own in enumerate(documents, first):
        crc = None if own.vector is None else next(crcs)
        kept.append(Kept(row, Document(own.id, own.text, own.metadata), crc))
    return kept, vectors


def _stacked(documents: list[Document], metric: Metric, dim: int | None) -> Vectors:
    vectors = [document.vector for document in documents]
    try:
        return as_vectors(vectors, "vectors", metric=metric, dim=dim)
    except QuiverError:
        # One by one, to find whose it is.
        for document in documents:
            dim = len(_checked_vector(document, metric, dim))
        raise


def _checked_vector(document: Document, metric: Metric, dim: int | None) -> Vectors:
    name = f"vector of document {document.id!r}"
    vector = as_real_array(document.vector, name)
    if vector.ndim != 1 or (dim is not None and len(vector) != dim):
        wanted = "one row of numbers" if dim is None else f"{dim} numbers as the others"
        msg = f"{name} must have {wanted}, got shape {np.shape(vector)}"
        raise InvalidArgumentError(msg)
    return as_vectors(vector[None], name, metric=metric)[0]


def _check_text(name: str, text: Any) -> None:
    if not isinstance(text, str):
        msg = f"{name} must be a string, got {brief(text)} of {type(text).__name__}"
        raise InvalidTypeError(msg)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        msg = (
            f"{name} must be text of Unicode, got half a surrogate pair in place "
            f"{error.start}; text.encode(errors='replace').decode() is without"
        )
        raise InvalidArgumentError(msg) from error
