"""Upkeep: an index that starts empty, is tidied, repaired and judged by its drift."""

from __future__ import annotations

from inspect import signature
from typing import Any, Literal, Self

from quiver._typing import Metric, Progress
from quiver.arithmetic import with_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.living import operations
from quiver.living.consolidating import drift
from quiver.living.fresh import created
from quiver.living.operations import How
from quiver.living.writer import Writer
from quiver.params import BuildParams, Encoding, as_params
from quiver.state import State


@with_standard_arithmetic
class Upkeep:
    """An index with its kernels, and what keeps it in order.

    Attributes
    ----------
    backend : Backend
        The kernels; neither answers nor states depend on them.
    writer : Writer
        What is kept from one change to the next; of this index alone.
    """

    def __init__(self, state: State, backend: Backend) -> None:
        self.state = state
        self.backend = backend
        self.writer = Writer()

    @property
    def state(self) -> State:
        """The version that searches read.

        Raises
        ------
        FileFormatError
            If it is mapped from a file that was cut short, or, with what is hot,
            written to.
        """
        # Once: another thread may be changing the index.
        state = self._state
        state.check_file()
        return state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state

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
        with self.writer.lock:
            how = How(self.backend, self.writer, threads)
            new = operations.consolidate(
                self.state, how, refit=refit, progress=progress
            )
            self.state = self.writer.recorded(
                self.state, new, "consolidate", refit=refit
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
        with self.writer.lock:
            how = How(self.backend, self.writer, threads)
            new = operations.repair(self.state, how, progress=progress)
            self.state = self.writer.recorded(self.state, new, "repair")

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
