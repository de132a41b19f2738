"""Keeper: the index of a store that changes, in memory or in a folder.

A change adds vectors, then takes effect with `commit`, then has the vectors removed
that belong to no document any more. Rows of a change that was stopped are strays.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from quiver._typing import Vectors
from quiver.backends.protocol import Backend
from quiver.errors import FileAccessError
from quiver.index import Index
from quiver.integrations.store import width
from quiver.integrations.store.document import Kept
from quiver.integrations.store.folder import Folder, write_folder
from quiver.integrations.store.table import Done, Settings
from quiver.integrations.store.view import View


class Keeper:
    """What a store changes.

    Parameters
    ----------
    settings : Settings
        What the index is made with at the first vector.
    backend : Backend
        Its kernels.
    """

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self.settings = settings
        self._backend = backend
        self._index: Index | None = None
        self._folder: Folder | None = None

    @property
    def dim(self) -> int | None:
        """How many numbers a vector has; None where there is none."""
        return self._index.dim if self._index else None

    def opened(self, folder: Folder) -> tuple[View, int]:
        """Return what is in a folder, and the first row that is free.

        From now on every change is kept there.
        """
        kept = folder.table.kept()
        self._index = folder.index(kept, self._backend)
        self._folder = folder
        view = self.swept(View(None, {}, {}).after([], kept))
        last = -1 if view.index is None else int(view.index.ids.max(initial=-1))
        return view, max(folder.table.next_row(), last + 1)

    def add(self, vectors: Vectors, new: Iterable[Kept]) -> None:
        """Add the vectors of documents that are still to be committed."""
        rows = np.array([kept.row for kept in new if kept.vector_crc is not None])
        index = self._of_dim(vectors.shape[1])
        is_due = width.is_due(len(index), len(index) + len(rows))
        wider = width.widened(index, vectors, rows) if is_due else None
        if wider is None:
            index.add(vectors, rows)
            return
        if self._folder is not None:
            self._folder.hand_over(index, wider)
        self._index = wider

    def _of_dim(self, dim: int) -> Index:
        """Return the index, a new one if there is none or it has another length."""
        if self._index is None or self._index.dim != dim:
            metric, params = self.settings
            # An index without vectors has nothing to lose, but its journal is locked.
            self._index = None
            index = Index.create(dim, metric, params=params, backend=self._backend)
            self._index = index if self._folder is None else self._folder.begun(index)
        return self._index

    def commit(self, gone: Iterable[str], new: Iterable[Kept], done: Done) -> None:
        """Put documents in the place of others, on the disk if there is a folder.

        ``done`` is told when nothing can undo it any more.
        """
        if self._folder is None:
            done()
        else:
            self._folder.table.change(gone, new, done)

    def swept(self, view: View) -> View:
        """Return a view with the index of now, without its strays."""
        view = self.of_now(view)
        return self.without(view, view.strays())

    def without(self, view: View, rows: list[int]) -> View:
        """Return a view whose index is without some rows of no document."""
        if not rows or self._index is None:
            return view
        # Documents are right already. A row that stays is a stray, which no search
        # finds, and the next change begins with its removal.
        with suppress(FileAccessError):
            self._index.remove(rows)
        return self.of_now(view)

    def save_grown(self) -> None:
        """Save the index if its journal has grown long."""
        if self._folder is not None and self._index is not None:
            # The change that made it long is done: another will try again.
            with suppress(FileAccessError):
                self._folder.save_grown(self._index)

    def save(self, path: Path, view: View) -> View:
        """Write a view to a folder, or tidy its own; return it with a tidy index."""
        if self._index is not None:
            self._index.consolidate()
        if self._folder is not None and self._folder.path == path:
            self._folder.save(self._index)
        else:
            write_folder(path, self.settings, view.by_id.values(), self._index)
        return self.of_now(view)

    def of_now(self, view: View) -> View:
        """Return a view with the index of now."""
        index = None if self._index is None else self._index.snapshot()
        return replace(view, index=index)
