"""Asking: what can be asked of an index beside the nearest k rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quiver._typing import Distances, UserIds
from quiver.arithmetic import with_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.errors import InvalidArgumentError
from quiver.filters.filter import Filter
from quiver.filters.given import as_filter, as_filters
from quiver.paging import pages
from quiver.parallel.workers import resolve_threads
from quiver.params import DEFAULT_EF
from quiver.radius import Reach, as_radii, search_radius
from quiver.results import RadiusResult
from quiver.state import State
from quiver.validation.arrays import as_queries
from quiver.validation.checks import MAX_ROWS, check_int, check_real


@with_standard_arithmetic
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

    def search_radius(
        self,
        queries: Any,
        radius: Any,
        *,
        confidence: float = 2.0,
        ef: int = DEFAULT_EF,
        filter: Any = None,
        max_results: int | None = None,
        threads: int | None = None,
    ) -> RadiusResult:
        """Find every stored vector within a distance of one query, or of each.

        Parameters
        ----------
        queries : array_like of shape (dim,) or (q, dim)
            One vector or several.
        radius : float or array_like of shape (q,)
            The largest distance of an answer, as `search` returns distances; for all
            queries or for each. For inner product ``-⟨q, x⟩`` must not be above it.
        confidence : float, default 2.0
            How much farther to look than codes say, in standard errors of what they
            say, 0 … 10. More finds more of the rows near the radius and re-ranks more.
        ef : int, default 64
            A walk goes at least as far as a search of this width.
        filter : optional
            The rows that may answer, as for `search`.
        max_results : int, optional
            Most answers of a query, the nearest of them.
        threads : int, optional
            As for `search`.

        Returns
        -------
        RadiusResult
            ``offsets``, ``ids``, ``distances``, ``complete``, ``stats``; iterating
            yields ids and distances for each query, nearest first.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule, or the encoding compares codes with codes, as
            `Encoding.paper()` does: the error of such distances is not known.

        Examples
        --------
        >>> import numpy as np
        >>> import quiver
        >>> points = np.random.default_rng(0).normal(size=(500, 8))
        >>> index = quiver.Index.build(points, metric="euclidean")
        >>> for ids, distances in index.search_radius(points[:2], 1.2):
        ...     print(ids, distances.round(2))
        [0] [0.]
        [1] [0.]
        """
        ef = check_int("ef", ef, 1, MAX_ROWS)
        confidence = check_real("confidence", confidence, 0.0, 10.0)
        if max_results is not None:
            max_results = check_int("max_results", max_results, 1, MAX_ROWS)
        state, n_threads = self.state, resolve_threads(threads)
        queries, _ = as_queries(queries, metric=state.metric, dim=state.dim)
        radii = as_radii(radius, len(queries), state.metric)
        filters = as_filters(state, filter, len(queries))
        reach = Reach(radii, confidence, ef, max_results)
        return search_radius(state, self.backend, queries, reach, n_threads, filters)

    def pages(
        self, query: Any, size: int = 100, *, filter: Any = None
    ) -> Iterator[tuple[UserIds, Distances]]:
        """Yield the answers of one query, page after page, as long as there are any.

        Parameters
        ----------
        query : array_like of shape (dim,)
            One vector.
        size : int, default 100
            Answers of a page; the last may have fewer.
        filter : optional
            The rows that may answer, as for `search`.

        Yields
        ------
        ids : ndarray of shape (size,), int64
            No id comes twice. What is out after t of them is at least as good as
            ``search(query, k=t, ef=2 * t)``.
        distances : ndarray of shape (size,), float32
            Ascending within a page. The next may begin a little nearer than this one
            ended: a wider walk found what a narrower had missed.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule; at once, not on the first page.

        Notes
        -----
        The pages are of the index as it was when they were asked for. Every so often
        one takes longer, for a walk twice as wide; all walks together measure at most
        about twice what the last does.

        Examples
        --------
        >>> import numpy as np
        >>> import quiver
        >>> points = np.random.default_rng(0).normal(size=(500, 8))
        >>> index = quiver.Index.build(points)
        >>> sum(len(ids) for ids, _ in index.pages(points[0], size=150))
        500
        """
        state, size = self.state, check_int("size", size, 1, MAX_ROWS)
        queries, is_single = as_queries(query, metric=state.metric, dim=state.dim)
        if not is_single:
            msg = f"query must be one vector of shape (dim,), got shape {queries.shape}"
            raise InvalidArgumentError(msg)
        own = None if filter is None else as_filter(state, filter)
        return pages(state, self.backend, queries, size, own)
