"""Verbs: what changes an index, as methods that `quiver.Index` inherits."""

from __future__ import annotations

from inspect import signature
from typing import Any, Literal, Self

from quiver._typing import Metric, Progress, UserIds
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.living import operations
from quiver.living.consolidating import drift
from quiver.living.fresh import created
from quiver.living.operations import Consolidate, How
from quiver.living.writer import Writer
from quiver.params import BuildParams, Encoding, as_params
from quiver.state import State


class Living:
    """An index that changes: each verb puts the next state in the place of the last.

    Searches may run meanwhile in other threads; each reads the version it began with.
    Changes wait for one another. What stops one, an error or Ctrl-C, leaves the last
    version.

    Attributes
    ----------
    state : State
        The version that searches read.
    backend : Backend
        The kernels; neither answers nor states depend on them.
    """

    def __init__(self, state: State, backend: Backend) -> None:
        self.state = state
        self.backend = backend
        self._writer = Writer()

    @classmethod
    def create(
        cls,
        dim: int,
        metric: Metric = "cosine",
        *,
        params: BuildParams | None = None,
        encoding: Encoding | Literal["default", "paper"] | None = None,
        backend: str | Backend = "auto",
        **shape: Any,
    ) -> Self:
        """Create an index without vectors, to be filled by `add`.

        It answers by looking at every vector until it holds 1 000; then it is built,
        and from there on grows.

        Parameters
        ----------
        dim : int
            Columns of the vectors to come, 1 … 65 536.
        metric, params, backend, shape
            As for `build`.
        encoding : Encoding, 'default' or 'paper', optional
            Default: `Encoding()` with as many bits as its cache lines hold; there are
            no rows yet to look at.

        Returns
        -------
        Index

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule.
        BackendUnavailableError
            If a named backend cannot run here.
        """
        params = as_params(params, shape, signature(cls.create).parameters)
        backend = get_backend(backend)
        return cls(created(dim, metric, encoding, params), backend)

    @property
    def version(self) -> int:
        """How many operations have changed the index since it was built."""
        return self.state.version

    def add(
        self,
        vectors: Any,
        ids: Any = None,
        *,
        consolidate: Consolidate = "auto",
        threads: int | None = None,
        progress: Progress | bool | None = None,
    ) -> UserIds:
        """Add vectors, linked to their neighbours at once.

        Parameters
        ----------
        vectors : array_like of shape (m, dim)
            As for `build`; always copied.
        ids : array_like of shape (m,), optional
            As for `build`, none of them in the index. Default: the numbers after the
            largest id in it.
        consolidate : {'auto', 'manual'}, default 'auto'
            ``auto`` consolidates at the end if more than a fifth of the rows are
            removed ones; ``manual`` leaves that to `consolidate`.
        threads, progress : optional
            As for `build`.

        Returns
        -------
        ndarray of shape (m,), int64
            The ids of the new vectors.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule; nothing is changed.
        CancelledError
            If ``progress`` returned False; nothing is changed.

        Examples
        --------
        >>> import numpy as np
        >>> import quiver
        >>> index = quiver.Index.build(np.eye(3), backend="reference")
        >>> index.add([[1.0, 1.0, 0.0]])
        array([3])
        >>> index.search([1.0, 1.0, 0.0], k=1).ids, len(index)
        (array([3]), 4)
        """
        with self._writer.lock:
            how = How(self.backend, self._writer, threads, consolidate)
            self.state, own_ids = operations.add(
                self.state, vectors, ids, how, progress=progress
            )
        return own_ids

    def remove(
        self,
        ids: Any,
        *,
        consolidate: Consolidate = "auto",
        threads: int | None = None,
        progress: Progress | bool | None = None,
    ) -> None:
        """Remove vectors: no search finds them any more.

        Their rows stay, to lead searches to others, until the index is consolidated;
        so does what they hold, in memory and in a file that is saved before.

        Parameters
        ----------
        ids : int or array_like of int
            Ids in the index, each once.
        consolidate, threads, progress : optional
            As for `add`.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an id is not in the index or given twice; nothing is removed.
        CancelledError
            If ``progress`` returned False; nothing is removed.
        """
        with self._writer.lock:
            how = How(self.backend, self._writer, threads, consolidate)
            self.state = operations.remove(self.state, ids, how, progress=progress)

    def update(
        self,
        ids: Any,
        vectors: Any,
        *,
        consolidate: Consolidate = "auto",
        threads: int | None = None,
        progress: Progress | bool | None = None,
    ) -> None:
        """Give ids in the index other vectors, as one change.

        Parameters
        ----------
        ids : array_like of shape (m,)
            Ids in the index, each once.
        vectors : array_like of shape (m, dim)
            As for `add`.
        consolidate, threads, progress : optional
            As for `add`.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule; nothing is changed.
        CancelledError
            If ``progress`` returned False; nothing is changed.
        """
        with self._writer.lock:
            how = How(self.backend, self._writer, threads, consolidate)
            self.state = operations.update(
                self.state, ids, vectors, how, progress=progress
            )

    def consolidate(
        self,
        *,
        refit: bool = False,
        threads: int | None = None,
        progress: Progress | bool | None = None,
    ) -> None:
        """Let removed rows go for good, and make the graph as tidy as a built one.

        Lists are pruned to ``max_degree``, every row is within reach, and vectors that
        were removed are gone from memory and from the next file.

        Parameters
        ----------
        refit : bool, default False
            Also fit the mean that codes are centered by to the vectors of today and
            code them anew; worth it where `drift` is above 0.5.
        threads, progress : optional
            As for `build`.

        Raises
        ------
        CancelledError
            If ``progress`` returned False; nothing is changed.
        """
        with self._writer.lock:
            how = How(self.backend, self._writer, threads)
            self.state = operations.consolidate(
                self.state, how, refit=refit, progress=progress
            )

    def repair(
        self,
        *,
        threads: int | None = None,
        progress: Progress | bool | None = None,
    ) -> None:
        """Build codes and graph anew from the stored vectors, as `build` did.

        For an index that `check` finds unsound. The index is unchanged until all is
        done; ids and stored vectors stay, but for removed ones.

        Parameters
        ----------
        threads, progress : optional
            As for `build`.

        Raises
        ------
        CancelledError
            If ``progress`` returned False; nothing was changed.
        """
        with self._writer.lock:
            how = How(self.backend, self._writer, threads)
            self.state = operations.repair(self.state, how, progress=progress)

    def drift(self) -> float:
        """Return how far the vectors have moved from those the codes were fitted to.

        Returns
        -------
        float
            Distance of their mean from the one that codes are centered by, in units of
            their usual distance from it. Below 0.5 nothing is lost; above,
            ``consolidate(refit=True)``. Takes a pass over all vectors.
        """
        return drift(self.state)
