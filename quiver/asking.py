"""Asking: what can be asked of an index beside the nearest k rows."""

from __future__ import annotations

from typing import Any

from quiver.backends.protocol import Backend
from quiver.filters.filter import Filter
from quiver.filters.given import as_filter
from quiver.state import State


class Asking:
    """The verbs of an `Index` that say which rows, how far and how many.

    Attributes
    ----------
    state : State
        Everything that is stored.
    backend : Backend
        The kernels that read it.
    """

    state: State
    backend: Backend

    def filter(self, filter: Any) -> Filter:
        """Return a filter ready to be used in any number of searches.

        Parameters
        ----------
        filter : array_like or callable
            The rows that may answer: their ids, of which unknown ones are passed over;
            a bool for each row of ``index.ids``; or a function that is given
            ``index.ids``, once, and returns such bools.

        Returns
        -------
        Filter
            Good for this version of the index; another one refuses it.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If it breaks a rule.

        Examples
        --------
        >>> import numpy as np
        >>> import quiver
        >>> index = quiver.Index.build(np.eye(4), ids=[10, 11, 12, 13])
        >>> later = index.filter(lambda ids: ids > 11)
        >>> index.search([0.9, 0.5, 0.1, 0.2], k=3, filter=later).ids
        array([13, 12, -1])
        """
        return as_filter(self.state, filter)
