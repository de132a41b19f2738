"""Explain: one search, hop by hop, and why each missed neighbour was missed."""

import typing
import warnings

from quiver.explain.explainer import explain
from quiver.explain.explanation import Explanation, Found, Hop, TrueNeighbor

__all__ = ["Explanation", "Found", "Hop", "TrueNeighbor", "explain"]

# For a type checker every name would exist.
if not typing.TYPE_CHECKING:

    def __getattr__(name):
        """Return what a name of an earlier release means, with a warning."""
        if name != "TrueNeighbour":
            msg = f"module 'quiver.explain' has no attribute {name!r}"
            raise AttributeError(msg)
        msg = (
            "quiver.explain.TrueNeighbour is now TrueNeighbor; the next release drops "
            "the old name"
        )
        warnings.warn(msg, DeprecationWarning, stacklevel=2)
        return TrueNeighbor
