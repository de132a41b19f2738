"""Tools: where another one than a graph answers exactly, and no slower."""

from __future__ import annotations

from quiver._typing import Metric

FEW_DIMENSIONS = 3
"""Up to here a tree that cuts space is exact and faster: 200 000 rows, Euclidean, a
query takes 3 µs in two dimensions and 5 in three, a walk at ef=64 13 to 16, and where
rows lie in tight blobs the walk finds 0.94 and 0.98 of the true 10."""

FEW_ROWS = 1000
"""Below it a walk at ef=64 compares more than half of the rows: 227 … 238 of 250,
368 … 399 of 500, 526 … 574 of 1 000, 663 … 751 of 2 000, in 64 to 1 024 dimensions."""


def tree_for(dim: int, metric: Metric) -> str:
    """Return what answers exactly in so few dimensions, or nothing."""
    # An inner product has no distance that a tree could cut by.
    if dim > FEW_DIMENSIONS or metric == "inner_product":
        return ""
    rows = "unit rows" if metric == "cosine" else "the rows"
    return f"scipy.spatial.cKDTree over {rows} is exact and faster"


def better_tool(n: int, dim: int, metric: Metric) -> dict[str, str]:
    """Return the note, of 64 characters at most, where another tool would do."""
    if tree := tree_for(dim, metric):
        return {"advice": tree}
    if n < FEW_ROWS:
        return {"advice": "few rows: quiver.exact_knn is exact and needs no index"}
    return {}
