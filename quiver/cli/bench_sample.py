"""What ``quiver bench`` searches: a sample of the vectors, and queries beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from quiver._typing import AnyArray
from quiver.cli.files import read_queries, read_rows
from quiver.datasets import is_hdf5, load_demo
from quiver.errors import InvalidArgumentError

# Enough for a recall of three digits, few enough for exact search in a moment.
HELD_OUT = 500


class BenchData(NamedTuple):
    """What is searched, and where it came from."""

    source: str
    vectors: AnyArray
    queries: AnyArray
    n_vectors: int
    """Of the whole file, of which the vectors are a sample."""


def read_data(
    file: Path | None, queries: Path | None, key: str | None, rows: int
) -> BenchData:
    """Read a sample of the vectors, and queries that are not among them."""
    everything, asked = _all_vectors(file, key)
    source = "demo set" if file is None else str(file)
    if queries is not None:
        asked = read_queries(queries, None)
    n_held_out = min(HELD_OUT, len(everything) // 10) if asked is None else 0
    if asked is None and not n_held_out:
        msg = f"queries must be given for {source}: its {len(everything)} rows are few"
        raise InvalidArgumentError(msg)
    # A random sample: files are often sorted. Sorted again, it is read in one sweep.
    shuffled = np.random.default_rng(0).permutation(len(everything))
    held_out, kept = np.split(shuffled[: n_held_out + rows], [n_held_out])
    if asked is None:
        asked = everything[np.sort(held_out)]
    sample = everything[np.sort(kept)]
    return BenchData(source, sample, asked[:HELD_OUT], len(everything) - n_held_out)


def _all_vectors(
    file: Path | None, key: str | None
) -> tuple[AnyArray, AnyArray | None]:
    """Return the whole base, and the queries that come with it, if any."""
    if file is None:
        demo = load_demo()
        return demo.vectors, demo.queries
    own_queries = is_hdf5(file) and key is None
    return (
        read_rows(file, key, None),
        read_rows(file, "test", None) if own_queries else None,
    )
