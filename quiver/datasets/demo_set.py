"""The demo set: real sentence embeddings with their sentences, in the package."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from quiver._typing import AnyArray
from quiver.readers.files import read_vectors

DEMO_FOLDER = Path(__file__).with_name("demo_data")
"""Where the files lie; its README says where they come from."""


class DemoSet(NamedTuple):
    """Vectors and sentences, row by row.

    Attributes
    ----------
    vectors : ndarray of shape (10000, 384), float32
        Unit sentence embeddings, read-only.
    queries : ndarray of shape (200, 384), float32
        Embeddings of other sentences of the same kind.
    texts : tuple of str
        The sentences behind ``vectors``.
    query_texts : tuple of str
        The sentences behind ``queries``.
    """

    vectors: AnyArray
    queries: AnyArray
    texts: tuple[str, ...]
    query_texts: tuple[str, ...]


def load_demo() -> DemoSet:
    """Load the demo set.

    Returns
    -------
    DemoSet
        10 000 one-line summaries of software packages and 200 queries, embedded with
        all-MiniLM-L6-v2.

    Examples
    --------
    >>> demo = load_demo()
    >>> demo.vectors.shape, len(demo.texts)
    ((10000, 384), 10000)
    >>> demo.query_texts[0]
    'Wireshark, but with Scapy.'
    """
    return DemoSet(
        vectors=_unit_vectors("vectors.npy"),
        queries=_unit_vectors("queries.npy"),
        texts=_sentences("texts.txt"),
        query_texts=_sentences("query_texts.txt"),
    )


def _unit_vectors(name: str) -> AnyArray:
    """Return the directions of int8 rows, the same bits on every computer."""
    directions = read_vectors(DEMO_FOLDER / name).astype(np.float32)
    # Sums of squares of int8 stay below 2**24 here, so float32 adds them exactly.
    vectors = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    vectors.flags.writeable = False
    return vectors


def _sentences(name: str) -> tuple[str, ...]:
    # Sentences may hold other line separators, so only "\n" ends a row.
    return tuple((DEMO_FOLDER / name).read_bytes().decode().split("\n")[:-1])
