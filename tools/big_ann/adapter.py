"""Quiver behind the interfaces of two tracks of big-ann-benchmarks.

Copied with ``Dockerfile`` and the track's configuration to
``neurips23/streaming/quiver/`` or ``neurips23/filter/quiver/`` of a checkout; see
docs/streaming.md and docs/benchmarks.md.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import quiver

try:
    from benchmark.datasets import DATASETS
    from neurips23.filter.base import BaseFilterANN
    from neurips23.streaming.base import BaseStreamingANN
except ModuleNotFoundError:
    # Outside of their checkout nothing of these is called.
    BaseFilterANN = BaseStreamingANN = object
    DATASETS = {}

MARK_BYTES = 1 << 29
"""Of the filters alive at once; each marks every row with a byte."""


class _Answering:
    """What both tracks want of a search: its tags, its cost, its settings."""

    _index: quiver.Index

    def __init__(self, metric: str, index_params: dict[str, Any]) -> None:
        self.name = "quiver"
        self._metric, self._params = metric, dict(index_params)
        self._threads = self._params.pop("threads", None)
        self._effort: dict[str, Any] = {}
        self._computed = 0

    def query(self, X: Any, k: int) -> None:
        """Search, and keep the tags for `get_results`."""
        self.res = self._found(X, k)

    def _found(self, X: Any, k: int, filter: Any = None) -> Any:
        found = self._index.search(X, k=k, filter=filter, **self._effort)
        self._computed += int(found.stats.distance_computations.sum())
        return found.ids

    def get_results(self) -> Any:
        """Return what the last search found, of shape (q, k); -1 where none is left."""
        return self.res

    def get_additional(self) -> dict[str, int]:
        """Return the distances that all searches together computed."""
        return {"dist_comps": self._computed}

    def __str__(self) -> str:
        """Return the name and every setting, which their tables go by."""
        return f"{self.name}({self._params}, {self._effort})"


class QuiverStreaming(_Answering, BaseStreamingANN):
    """An index that starts empty and follows a runbook.

    Parameters
    ----------
    metric : str
        Their word: ``euclidean``, ``ip`` or ``angular``.
    index_params : dict
        Keywords of `quiver.Index.create`, and ``threads`` for what changes the index.
    """

    def setup(self, _dtype: str, _max_pts: int, ndims: int) -> None:
        """Begin with an empty index; it grows by itself, of whatever dtype rows are."""
        self._ndims = ndims
        self._begin()

    def set_query_arguments(self, query_args: dict[str, Any]) -> None:
        """Take keywords of `quiver.Index.search`, such as ``ef``, and begin again.

        Their runner plays the whole runbook once more for each set of them.
        """
        self._effort = query_args
        self._begin()

    def _begin(self) -> None:
        self._index = quiver.Index.create(self._ndims, self._metric, **self._params)
        self._computed = 0

    def insert(self, X: Any, ids: Any) -> None:
        """Add vectors under tags that are not in the index."""
        self._index.add(X, ids, threads=self._threads)

    def delete(self, ids: Any) -> None:
        """Remove tags; their rows go for good with the next consolidation."""
        self._index.remove(ids, threads=self._threads)

    def replace(self, X: Any, ids: Any) -> None:
        """Give tags in the index other vectors."""
        self._index.update(ids, X, threads=self._threads)


class QuiverFiltered(_Answering, BaseFilterANN):
    """An index of rows that have words; a query wants rows with all of its own.

    Parameters
    ----------
    metric : str
        Their word: ``euclidean``, ``ip`` or ``angular``.
    index_params : dict
        Keywords of `quiver.Index.build`.
    """

    def load_index(self, _dataset: str) -> bool:
        """Return False: the index is always built."""
        return False

    def fit(self, dataset: str) -> None:
        """Build over the vectors of one of their data sets, and sort rows by word."""
        source = DATASETS[dataset]()
        self._index = quiver.Index.build(
            source.get_dataset(),
            metric=self._metric,
            threads=self._threads,
            **self._params,
        )
        if source.search_type() == "knn_filtered":
            self._rows_by_word = source.get_dataset_metadata().tocsc()

    def set_query_arguments(self, query_args: dict[str, Any]) -> None:
        """Take keywords of `quiver.Index.search`, such as ``ef``."""
        self._effort, self._computed = query_args, 0

    def filtered_query(self, X: Any, filter: Any, k: int) -> None:
        """Search among rows with every word of their query; keep the tags.

        Parameters
        ----------
        X : ndarray of shape (q, dim)
            Queries.
        filter : csr_matrix of shape (q, n_words)
            Nonzero where a query has a word.
        k : int
            Neighbors; -1 where fewer rows have all words.
        """
        words = [tuple(filter.indices[a:b]) for a, b in pairwise(filter.indptr)]
        # Equal filters come together and are made once.
        order = np.array(sorted(range(len(words)), key=words.__getitem__), dtype=int)
        self.res = np.full((len(words), k), -1, dtype=np.int64)
        size = max(1, MARK_BYTES // self._index.n)
        for start in range(0, len(order), size):
            block = order[start : start + size]
            made = {key: self._with_all(key) for key in {words[i] for i in block}}
            filters = [made[words[i]] for i in block]
            self.res[block] = self._found(X[block], k, filters)

    def _with_all(self, words: tuple[int, ...]) -> quiver.Filter:
        """Return the filter of rows that have every word."""
        marks = np.ones(self._index.n, dtype=bool)
        starts = self._rows_by_word.indptr
        for word in words:
            has = np.zeros_like(marks)
            # A word that the base never uses has no column.
            if word + 1 < len(starts):
                has[self._rows_by_word.indices[starts[word] : starts[word + 1]]] = True
            marks &= has
        return self._index.filter(marks)
