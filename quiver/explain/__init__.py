"""Explain: one search, hop by hop, and why each missed neighbour was missed."""

from quiver.explain.explainer import explain
from quiver.explain.explanation import Explanation, Found, Hop, TrueNeighbour

__all__ = ["Explanation", "Found", "Hop", "TrueNeighbour", "explain"]
