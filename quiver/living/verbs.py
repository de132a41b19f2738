"""Verbs: what changes an index, as methods that `quiver.Index` inherits."""

from __future__ import annotations

from typing import Any

import numpy as np

from quiver._typing import Progress, UserIds
from quiver.arithmetic import with_standard_arithmetic
from quiver.living import operations
from quiver.living.operations import Consolidate, How
from quiver.living.upkeep import Upkeep


@with_standard_arithmetic
class Living(Upkeep):
    """An index that changes: each verb puts the next state in the place of the last.

    Searches may run meanwhile in other threads; each reads the version it began with.
    Changes wait for one another. What stops one, an error or Ctrl-C, leaves the last
    version.
    """

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
        with self.writer.lock:
            how = How(self.backend, self.writer, threads, consolidate)
            new, own_ids = operations.add(
                self.state, vectors, ids, how, progress=progress
            )
            self.state = self.writer.recorded(
                self.state, new, "add", consolidate, own_ids, len(own_ids)
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
        InvalidArgumentError, InvalidTypeError, CancelledError
            As for `add`; also if an id is not in the index or given twice.
        """
        with self.writer.lock:
            how = How(self.backend, self.writer, threads, consolidate)
            new = operations.remove(self.state, ids, how, progress=progress)
            self.state = self.writer.recorded(
                self.state, new, "remove", consolidate, ids
            )

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
        InvalidArgumentError, InvalidTypeError, CancelledError
            As for `add`; also if an id is not in the index or given twice.
        """
        with self.writer.lock:
            how = How(self.backend, self.writer, threads, consolidate)
            new = operations.update(self.state, ids, vectors, how, progress=progress)
            self.state = self.writer.recorded(
                self.state, new, "update", consolidate, ids, np.size(ids)
            )
