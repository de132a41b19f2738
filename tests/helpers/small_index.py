"""The small indexes that the file tests damage, built once per run."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from rows import normal_rows

import quiver

SCALE = int(os.environ.get("QUIVER_FAULT_SCALE", "1"))
"""How much more than in the default suite the bounded fault tests try."""

PLACES = {"memory": {}, "vectors mapped": {"cold": "mmap"}, "mapped": {"hot": "mmap"}}
"""Options of `quiver.open`: which parts are left in the file."""


def bounded(n: int) -> int:
    """Return n, or few enough for the reference where nothing faster is installed."""
    return n if quiver.get_backend().name != "reference" else n // 20


@cache
def small_index(
    n: int = 12,
    dim: int = 5,
    metric: str = "inner_product",
    *,
    paper: bool = False,
    seed: int = 0,
    **switches: object,
) -> quiver.Index:
    encoding = quiver.Encoding.paper() if paper else quiver.Encoding(**switches)
    return quiver.Index.build(
        normal_rows(n, dim, seed),
        metric=metric,
        ids=9000 - 7 * np.arange(n),
        params=quiver.BuildParams(max_degree=4, ef_construction=8),
        encoding=encoding,
        backend="reference",
    )


def saved(tmp_path: Path, **kwargs: object) -> tuple[Path, bytes]:
    """Save a small index; return its path and its bytes."""
    cold_dtype = kwargs.pop("cold_dtype", None)
    path = tmp_path / "small.quiver"
    small_index(**kwargs).save(path, cold_dtype=cold_dtype)
    return path, path.read_bytes()


def saved_with_copies(tmp_path: Path) -> tuple[Path, bytes]:
    """Save rows of which 3 and 5 equal row 1, 7 equals row 2, and 4 and 8 are zero."""
    vectors = normal_rows(12, 5, seed=3)
    vectors[[3, 5, 7]] = vectors[[1, 1, 2]]
    vectors[[4, 8]] = 0
    path = tmp_path / "copies.quiver"
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    quiver.Index.build(vectors, params=params, backend="reference").save(path)
    return path, path.read_bytes()


def save_ring(path: Path, n: int) -> None:
    """Save an index of many rows without a build: few rows repeated, in a ring."""
    few = small_index(n=50, dim=20, metric="euclidean")
    degree, rows = 60, np.arange(n)
    ring = (rows[:, None] + 1 + np.arange(degree)) % n
    state = replace(
        few.state,
        params=quiver.BuildParams(max_degree=degree, alpha=1.2),
        codes=few.codes._replace(rows=np.resize(few.codes.rows, (n, 64))),
        neighbors=ring.astype(np.uint32),
        ids=rows,
        vectors=np.resize(few.vectors, (n, 20)),
    )
    quiver.Index(state, few.backend).save(path)


def byte_rows(dtype: str, n: int = 12, dim: int = 5, seed: int = 0) -> np.ndarray:
    """Return rows of bytes with what bytes have: both ends, zeros, equal rows."""
    limits = np.iinfo(dtype)
    draw = np.random.default_rng(seed)
    rows = draw.integers(limits.min, limits.max, (n, dim), dtype, endpoint=True)
    rows[:, 1], rows[:, 2] = limits.min, limits.max
    rows[3], rows[5] = 0, rows[4]
    return rows


def saved_bytes(tmp_path: Path, dtype: str = "int8") -> tuple[Path, bytes]:
    """Save an index that keeps bytes; return its path and its bytes."""
    path = tmp_path / "bytes.quiver"
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    index = quiver.Index.build(byte_rows(dtype), params=params, backend="reference")
    index.save(path)
    return path, path.read_bytes()


def changed(metric: str = "inner_product") -> quiver.Index:
    """Return an index with removed rows, copies of these, wide lists and zeros."""
    vectors = normal_rows(12, 5, seed=3)
    vectors[[3, 5, 7]] = vectors[[1, 1, 2]]
    vectors[8] = 0
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    how = {"metric": metric, "params": params, "backend": "reference"}
    index = quiver.Index.build(vectors, **how)
    index.remove([1, 4], consolidate="manual")
    index.add(np.concatenate([normal_rows(3, 5, seed=4), vectors[[2]]]), [4, 50, 51, 1])
    return index


def saved_changed(tmp_path: Path, metric: str = "inner_product") -> tuple[Path, bytes]:
    """Save what `changed` returns."""
    path = tmp_path / "changed.quiver"
    changed(metric).save(path)
    return path, path.read_bytes()


def assert_same_index(found: quiver.Index, expected: quiver.Index) -> None:
    np.testing.assert_array_equal(found.codes.rows, expected.codes.rows)
    assert found.codes[1:] == expected.codes[1:]
    np.testing.assert_array_equal(found.neighbors, expected.neighbors)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(
        np.asarray(found.vectors), np.asarray(expected.vectors)
    )
    for part, twin in zip(found.transform, expected.transform, strict=True):
        np.testing.assert_array_equal(part, twin)
    np.testing.assert_array_equal(found.state.entry_points, expected.state.entry_points)
    np.testing.assert_array_equal(found.state.unlinked, expected.state.unlinked)
    assert found.version == expected.version
    for name in ("live", "build_mean"):
        parts = getattr(found.state, name), getattr(expected.state, name)
        np.testing.assert_array_equal(*parts)
    assert found.params == expected.params
    assert found.encoding == expected.encoding


def answers(index: quiver.Index) -> tuple[np.ndarray, np.ndarray]:
    result = index.search(normal_rows(5, index.dim, seed=9), k=3, ef=8)
    return result.ids, result.distances
