"""Quiver behind the interface that VIBE and ann-benchmarks share.

Copied with a ``config.yml`` and an image's recipe to ``vibe/algorithms/quiver/`` or
``ann_benchmarks/algorithms/quiver/`` of a checkout; see docs/benchmarks.md.
"""

from __future__ import annotations

from typing import Any

import quiver

from ..base.module import BaseANN

METRICS = {"normalized": "cosine"}
"""Their words that quiver does not know; unit rows are not divided again."""


class Quiver(BaseANN):
    """One index, asked one query a call, or all at once in batch mode.

    Parameters
    ----------
    metric : str
        ``angular``, ``cosine``, ``normalized``, ``euclidean`` or ``ip``.
    params : dict
        Keywords of `quiver.Index.build`.
    """

    def __init__(self, metric: str, params: dict[str, Any]) -> None:
        self._metric, self._params = METRICS.get(metric, metric), params
        self._ef: int | None = None

    def fit(self, X: Any) -> None:
        """Build, on as many threads as the harness lets the process have."""
        self._index = quiver.Index.build(X, metric=self._metric, **self._params)

    def set_query_arguments(self, ef: int) -> None:
        """Take the beam width; see `query` for one below n."""
        self._ef = ef

    def query(self, v: Any, n: int) -> Any:
        """Return the ids of the n nearest, or of as many as there are.

        A beam holds n rows at least: where ``ef`` is less, it is taken as n.
        """
        found = self._search(v, n, threads=1)
        return found.ids[: int(found.counts)]

    def batch_query(self, X: Any, n: int) -> None:
        """Answer all queries in one call, for `get_batch_results`."""
        found = self._search(X, n)
        pairs = zip(found.ids, found.counts, strict=True)
        self.res = [ids[:count] for ids, count in pairs]

    def _search(self, queries: Any, n: int, threads: int | None = None) -> Any:
        ef = None if self._ef is None else max(self._ef, n)
        return self._index.search(queries, k=n, ef=ef, threads=threads)

    def __str__(self) -> str:
        """Return every setting, which their tables go by."""
        return f"Quiver({self._metric}, {self._params}, ef={self._ef})"
