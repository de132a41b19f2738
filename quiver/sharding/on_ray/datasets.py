"""Datasets: the rows of a Ray Dataset, in its order, kept in a temporary file.

A dataset is run once, whatever it does to make its rows, and its blocks come one after
another. By itself Ray hands them out as they are finished, in another order each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import InvalidArgumentError
from quiver.parallel.progress import ProgressMeter
from quiver.readers.formats import check_matrix
from quiver.readers.opening import IDS, VECTORS, choose_array
from quiver.readers.streamed import all_alike, kept
from quiver.sharding.on_ray.cluster import reserved, running_ray, telling
from quiver.validation.arrow import axes_of, from_arrow

DATASET = "a Ray Dataset"


def is_dataset(source: Any) -> bool:
    """Return whether this is a Ray Dataset; Ray is not imported to find out."""
    return type(source).__module__.startswith("ray.data.")


def read_dataset(
    dataset: Any, key: str | None, id_key: str | None
) -> tuple[AnyArray, AnyArray | None]:
    """Return the rows of a dataset, mapped, and its ids if their column is named.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Has a column of vectors.
    key, id_key : str, optional
        Columns of the vectors and the ids; see `quiver.build_shards`.

    Raises
    ------
    InvalidArgumentError
        If there are no rows, or columns that may be meant.
    InvalidTypeError
        If a row is null, or no vector of numbers.
    FileFormatError
        If rows are not alike, or no vectors.
    ShardError
        If it fails, or the cluster has no processor free that could make a row.
    """
    ids: list[AnyArray] = []
    ray = running_ray()
    with reserved(ray, DATASET, 1, 1):
        pass  # One was free, or the first block would be waited for without end.
    with _in_order(dataset), telling(ray, f"{DATASET}: "):
        chunks = all_alike(DATASET, _chunks(dataset, key, id_key, ids))
        rows = kept(chunks, ProgressMeter(None, 0))
    check_matrix(DATASET, rows.shape, rows.dtype)
    return rows, np.concatenate(ids) if id_key else None


@contextmanager
def _in_order(dataset: Any) -> Iterator[None]:
    """Have blocks come in the order of the dataset."""
    options = dataset.context.execution_options
    before, options.preserve_order = options.preserve_order, True
    try:
        yield
    finally:
        options.preserve_order = before


def _chunks(
    dataset: Any, key: str | None, id_key: str | None, ids: list[AnyArray]
) -> Iterator[AnyArray]:
    """Yield the vectors of each block that has rows, and note their ids."""
    if key is not None:
        dataset = dataset.select_columns([key, id_key] if id_key else [key])
    row = 0
    for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
        if not len(table):
            continue
        axes = axes_of(table.schema)
        key = choose_array(DATASET, key, axes, VECTORS)
        if id_key is not None:
            id_key = choose_array(DATASET, id_key, axes, IDS)
            ids.append(from_arrow(table.column(id_key), id_key, first_row=row))
        name = f"{DATASET}: column {key!r}"
        yield from_arrow(table.column(key), name, first_row=row)
        row += len(table)
    if not row:
        msg = f"source must have rows, got {DATASET} without any"
        raise InvalidArgumentError(msg)
