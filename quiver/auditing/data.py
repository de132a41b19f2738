"""Data: what was audited, in a word and in a line."""

from __future__ import annotations

from typing import NamedTuple

from quiver._typing import Metric


class Data(NamedTuple):
    """The rows at hand, which are not the published ones.

    Attributes
    ----------
    name : str
        What the caller calls them.
    n_given, n, dim : int
        Rows there are, rows searched, and their columns.
    metric : {'cosine', 'euclidean'}
        Of the true neighbours.
    n_queries : int
        Asked.
    queries_given : bool
        Whether they are the caller's; else rows were held out.
    seed : int
        Drew rows and queries, and orders insertions.
    """

    name: str
    n_given: int
    n: int
    dim: int
    metric: Metric
    n_queries: int
    queries_given: bool
    seed: int

    def __str__(self) -> str:
        """Return what stands beside every row that was measured."""
        return f"{self.name}, {self.n:,} x {self.dim}, {self.metric}"
