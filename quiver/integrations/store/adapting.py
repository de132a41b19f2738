"""Adapting: what adapters of several frameworks have in common."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from weakref import WeakValueDictionary

from quiver._typing import Metric
from quiver.errors import InvalidArgumentError
from quiver.integrations.store.folder import DOCUMENTS
from quiver.integrations.store.store import DocumentStore
from quiver.validation.checks import check_metric

_opened: WeakValueDictionary[Path, DocumentStore] = WeakValueDictionary()
_opening = threading.Lock()


def opened(
    path: str | os.PathLike[str] | None, metric: Metric | None = None
) -> DocumentStore:
    """Return the store of a folder, the same one to everybody in this process.

    Frameworks make stores by path, one for each pipeline, where a folder has one owner.

    Parameters
    ----------
    path : str, path-like or None
        A folder, in which a store is made if there is none. None: one in memory.
    metric : {'cosine', 'euclidean', 'inner_product'}, optional
        Default: that of the folder, or cosine.

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
        store = _opened.get(folder)
        if store is None:
            if not (folder / DOCUMENTS).exists():
                DocumentStore(metric or "cosine").save(folder)
            store = _opened[folder] = DocumentStore.open(folder)
    if metric is not None and check_metric(metric) != store.metric:
        msg = f"metric must be {store.metric!r}, which {folder} has, got {metric!r}"
        raise InvalidArgumentError(msg)
    return store


def similarity(distance: float, metric: Metric) -> float:
    """Return what is greater the nearer: cosine, product, or ``-distance``.

    Examples
    --------
    >>> similarity(0.25, "cosine"), similarity(-2.0, "inner_product")
    (0.75, 2.0)
    """
    return 1 - distance if metric == "cosine" else -distance
