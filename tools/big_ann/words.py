"""Words of rows and queries, as the filter track has them: generated, told, written.

A query wants rows that have all of its words. Half of the words made here tell of what
a vector shows (its cluster), half have nothing to do with it, as a year or a camera;
their frequencies fall as 1 / rank. That is how the photographs of YFCC100M, the track's
own data, are described.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import quiver
from big_ann.files import Nearest
from big_ann.generate import by_cell
from big_ann.truth import WIDTH
from quiver._typing import Metric, Vectors

WORDS_PER_ROW = 4
"""Drawn without regard to the vector; some are drawn twice, which counts once."""


class Words(NamedTuple):
    """Rows of a sparse matrix of ones: row i has ``indices[indptr[i]:indptr[i + 1]]``.

    Shapes (n + 1,) and (entries,); the words of a row ascend and are distinct.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]

    def lists(self) -> list[tuple[int, ...]]:
        """Return the words of every row."""
        return [
            tuple(self.indices[a:b].tolist()) for a, b in pairwise(self.indptr.tolist())
        ]


def words_of(lists: list[tuple[int, ...]]) -> Words:
    """Return rows of words, sorted, each word once."""
    sets = [sorted(set(words)) for words in lists]
    indptr = np.zeros(len(sets) + 1, dtype=np.int64)
    np.cumsum([len(words) for words in sets], out=indptr[1:])
    return Words(indptr, np.array([w for s in sets for w in s], dtype=np.int32))


def generated(
    base: Vectors, queries: Vectors, n_words: int, *, least: int, seed: int = 0
) -> tuple[Words, Words]:
    """Return words of base and queries, one or two a query.

    Every query finds ``least`` rows: where its own words do not, it has one of them
    only, and at worst the most frequent word of all.
    """
    rng = np.random.default_rng(seed)
    everything = np.concatenate([base, queries])
    n_cells = n_words // 2
    order, offsets = by_cell(everything, n_cells, seed)
    cells = np.empty(len(everything), dtype=np.int64)
    cells[order] = np.repeat(np.arange(n_cells), np.diff(offsets))
    shares = 1 / np.arange(1, n_words - n_cells + 1)
    drawn = n_cells + rng.choice(
        len(shares), (len(everything), WORDS_PER_ROW), p=shares / shares.sum()
    )
    words = words_of([*map(tuple, np.column_stack([cells, drawn]).tolist())]).lists()
    base_words = words[: len(base)]
    rows = rows_by_word(words_of(base_words), n_words)
    wanted = [
        _wanted(rng.permutation(own)[: rng.integers(1, 3)].tolist(), rows, least)
        for own in words[len(base) :]
    ]
    return words_of(base_words), words_of(wanted)


def rows_by_word(words: Words, n_words: int) -> list[NDArray[np.int64]]:
    """Return the rows that have each word, ascending."""
    rows = np.repeat(np.arange(len(words.indptr) - 1), np.diff(words.indptr))
    order = np.argsort(words.indices, kind="stable")
    ends = np.cumsum(np.bincount(words.indices, minlength=n_words))
    return np.split(rows[order], ends[:-1])


def _wanted(
    own: list[int], rows: list[NDArray[np.int64]], least: int
) -> tuple[int, ...]:
    for words in (own, own[:1]):
        if len(with_all(words, rows)) >= least:
            return tuple(words)
    return (int(np.argmax([len(having) for having in rows])),)


def with_all(
    words: list[int] | tuple[int, ...], rows: list[NDArray[np.int64]]
) -> NDArray[np.int64]:
    """Return the rows that have every word, ascending; at least one must be given."""
    found = rows[words[0]]
    for word in words[1:]:
        found = np.intersect1d(found, rows[word], assume_unique=True)
    return found


def nearest_with_all(
    base: Vectors,
    base_words: Words,
    queries: Vectors,
    query_words: Words,
    metric: Metric,
) -> Nearest:
    """Return the nearest rows with every word of their query, of shape (q, `WIDTH`).

    Where there are fewer, the rest is tag -1 at distance +inf.
    """
    n_words = 1 + max(int(base_words.indices.max()), int(query_words.indices.max()))
    rows = rows_by_word(base_words, n_words)
    tags = np.full((len(queries), WIDTH), -1, dtype=np.int64)
    distances = np.full(tags.shape, np.inf, dtype=np.float32)
    wanted = query_words.lists()
    for words in set(wanted):
        found = with_all(words, rows)
        k = min(WIDTH, len(found))
        if k:
            asking = [i for i, own in enumerate(wanted) if own == words]
            nearest, near = quiver.exact_knn(
                base[found], queries[asking], k, metric=metric
            )
            tags[asking, :k], distances[asking, :k] = found[nearest], near
    return Nearest(tags, distances)


def write_words(path: Path, words: Words, n_words: int) -> None:
    """Write an ``spmat`` file: rows, columns and entries, then a CSR matrix of ones."""
    n_rows, n_entries = len(words.indptr) - 1, len(words.indices)
    with path.open("wb") as file:
        np.array([n_rows, n_words, n_entries], dtype="<i8").tofile(file)
        words.indptr.astype("<i8").tofile(file)
        words.indices.astype("<i4").tofile(file)
        np.ones(n_entries, dtype="<f4").tofile(file)
