"""Quiver behind the streaming interface of big-ann-benchmarks.

Copied with ``config.yaml`` and ``Dockerfile`` to ``neurips23/streaming/quiver/`` of a
checkout; see docs/streaming.md.
"""

from __future__ import annotations

from typing import Any

import quiver

try:
    from neurips23.streaming.base import BaseStreamingANN
except ModuleNotFoundError:
    # Outside of their checkout nothing of the base class is called.
    BaseStreamingANN = object


class QuiverStreaming(BaseStreamingANN):
    """An index that starts empty and follows a runbook.

    Parameters
    ----------
    metric : str
        Their word: ``euclidean``, ``ip`` or ``angular``.
    index_params : dict
        Keywords of `quiver.Index.create`, and ``threads`` for what changes the index.
    """

    def __init__(self, metric: str, index_params: dict[str, Any]) -> None:
        self.name = "quiver"
        self._metric, self._params = metric, dict(index_params)
        self._threads = self._params.pop("threads", None)
        self._effort: dict[str, Any] = {}

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

    def query(self, X: Any, k: int) -> None:
        """Search, and keep the tags for `get_results`."""
        found = self._index.search(X, k=k, **self._effort)
        self.res = found.ids
        self._computed += int(found.stats.distance_computations.sum())

    def get_results(self) -> Any:
        """Return what the last search found, of shape (q, k); -1 where none is left."""
        return self.res

    def get_additional(self) -> dict[str, int]:
        """Return the distances that all searches together computed."""
        return {"dist_comps": self._computed}

    def __str__(self) -> str:
        """Return the name and every setting, which their tables go by."""
        return f"{self.name}({self._params}, {self._effort})"
