"""Adapting: what adapters of several frameworks have in common."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from quiver._typing import Metric
from quiver.errors import InvalidArgumentError
from quiver.integrations.store.folder import DOCUMENTS
from quiver.integrations.store.store import DocumentStore
from quiver.integrations.store.table import Table
from quiver.storage.atomic import os_errors, sync_folder
from quiver.validation.checks import check_metric

P = ParamSpec("P")
T = TypeVar("T")

_opened: WeakValueDictionary[Path, DocumentStore] = WeakValueDictionary()
_opening = threading.Lock()


def opened(
    path: str | os.PathLike[str] | None,
    metric: Metric | None = None,
    *,
    make: bool = True,
) -> DocumentStore:
    """Return the store of a folder, the same one to everybody in this process.

    Frameworks make stores by path, one for each pipeline, where a folder has one owner.

    Parameters
    ----------
    path : str, path-like or None
        A folder. None: a new store in memory.
    metric : {'cosine', 'euclidean', 'inner_product'}, optional
        Default: that of the folder, or cosine.
    make : bool, default True
        Whether to make a store where there is none.

    Returns
    -------
    DocumentStore

    Raises
    ------
    InvalidArgumentError
        If the folder has another metric.
    LockError, FileFormatError, FileAccessError
        As `DocumentStore.open` and `DocumentStore.save`.
    """
    if path is None:
        return DocumentStore(metric or "cosine")
    folder = Path(os.path.realpath(path))
    with _opening:
        is_there = (folder / DOCUMENTS).exists()
        # One whose folder was removed is of nothing any more.
        store = _opened.get(folder) if is_there else None
        if store is None:
            if make and not is_there:
                DocumentStore(metric or "cosine").save(folder)
            store = _opened[folder] = DocumentStore.open(folder)
    if metric is not None and check_metric(metric) != store.metric:
        msg = f"metric must be {store.metric!r}, which {folder} has, got {metric!r}"
        raise InvalidArgumentError(msg)
    return store


def write_copy(store: DocumentStore, path: str | os.PathLike[str]) -> None:
    """Write a store to a folder, in the place of an older one, if nobody has it open.

    Wherever that is stopped, one of the two is whole there or beside it, under the name
    of the folder and ``.quiver-new`` or ``.quiver-old``. Its own folder is tidied.

    Raises
    ------
    LockError
        If another store has it open.
    FileAccessError
        If there is something else, or the operating system fails.
    """
    folder = Path(os.path.realpath(path))
    if _opened.get(folder) is store:
        store.save(folder)
        return
    with os_errors("save the store", folder):
        is_empty = not folder.exists() or not any(folder.iterdir())
    if not is_empty:
        # Opened for a moment, which lets happen a store that nobody else has open.
        Table(folder / DOCUMENTS)
    # Names that nobody gives to a copy of his own: what has them is deleted.
    new = folder.with_name(f"{folder.name}.quiver-new")
    old = folder.with_name(f"{folder.name}.quiver-old")
    with os_errors("save the store", folder):
        shutil.rmtree(new, ignore_errors=True)
        store.save(new)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        sync_folder(folder.parent)
        shutil.rmtree(old, ignore_errors=True)


def similarity(distance: float, metric: Metric) -> float:
    """Return what is greater the nearer: cosine, product, or ``-distance``.

    Examples
    --------
    >>> similarity(0.25, "cosine"), similarity(-2.0, "inner_product")
    (0.75, 2.0)
    """
    return 1 - distance if metric == "cosine" else -distance


def awaitable(method: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return a method that does in a thread of its own what another does."""

    @wraps(method)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(method, *args, **kwargs)

    return twin
