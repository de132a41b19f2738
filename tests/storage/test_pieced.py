"""Pieced vectors: a base where it is and rows in memory read as one array."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from living_model import DIM, SHAPE, Model
from rows import normal_rows
from small_index import byte_rows

import quiver
from quiver.storage.pieced import PiecedVectors, cold_base, pieced, select

ROWS = normal_rows(40, DIM)
KEPT = np.array([1, 2, 5, 9, 29], dtype=np.uint32)
EXPECTED = np.concatenate([ROWS[KEPT], ROWS[30:40]])


@pytest.fixture(params=["array", "memory", "mmap", "pieced"])
def vectors(request: pytest.FixtureRequest, tmp_path: Path) -> PiecedVectors:
    base = ROWS[:30]
    if request.param == "pieced":
        base = pieced(ROWS, np.arange(30, dtype=np.uint32))
    elif request.param != "array":
        path = tmp_path / "base.quiver"
        index = quiver.Index.build(base, metric="euclidean", params=SHAPE)
        index.save(path, cold_dtype="float32")
        base = quiver.open(path, cold=request.param).state.vectors
    return PiecedVectors(base, KEPT, ROWS[30:40])


def test_they_read_like_the_array_they_stand_for(vectors: PiecedVectors) -> None:
    assert len(vectors) == vectors.shape[0] == 15
    assert vectors.shape == EXPECTED.shape
    assert vectors.nbytes == EXPECTED.nbytes
    np.testing.assert_array_equal(np.asarray(vectors), EXPECTED)
    marks = np.zeros(15, dtype=bool)
    marks[[3, 11]] = True
    keys = slice(None), slice(3, 9), slice(0, 0), slice(None, None, -1), [7, 0, 7, 14]
    more = (
        [[1], [13]],
        4,
        -1,
        [-1, 2],
        marks,
        (3, 4),
        (slice(2), 0),
        ...,
        ([1, 2], [0, 1]),
    )
    for key in (*keys, *more):
        np.testing.assert_array_equal(vectors[key], EXPECTED[key])
    rows = np.array([0, 4, 5, 14], dtype=np.uint32)
    np.testing.assert_array_equal(vectors.gather(rows), EXPECTED[rows])
    with vectors.in_place() as lent:
        np.testing.assert_array_equal(lent, EXPECTED)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(vectors)), EXPECTED)
    with pytest.raises(ValueError, match="copy=False is impossible"):
        np.array(vectors, copy=False)


def test_a_selection_leaves_the_base_in_its_place(vectors: PiecedVectors) -> None:
    rows = np.array([0, 3, 4, 6, 14], dtype=np.uint32)
    chosen = select(vectors, rows)
    assert isinstance(chosen, PiecedVectors)
    assert chosen.base is vectors.base
    np.testing.assert_array_equal(chosen[:], EXPECTED[rows])


@pytest.mark.parametrize("cold_dtype", ["float32", "float16"])
@pytest.mark.parametrize("cold", ["memory", "mmap"])
def test_an_index_on_a_file_changes_without_a_copy_of_its_vectors(
    tmp_path: Path, cold: str, cold_dtype: str
) -> None:
    path = tmp_path / "base.quiver"
    whole = np.round(ROWS * 8)  # What both dtypes hold exactly.
    how = {"metric": "euclidean", "params": SHAPE}
    quiver.Index.build(whole[:30], **how).save(path, cold_dtype=cold_dtype)
    index, model = quiver.open(path, cold=cold), Model("euclidean")
    base = cold_base(index.state.vectors)
    model.put(list(range(30)), whole[:30])
    for step in range(3):
        rows = whole[30 + 3 * step : 33 + 3 * step]
        model.put(index.add(rows).tolist(), rows)
        gone = index.ids[[0, 5, len(index) - 2]]
        index.remove(gone)
        model.drop(gone.tolist())
        index.consolidate()
        assert cold_base(index.state.vectors) is base
        model.assert_equals(index)
        model.assert_answers(index, whole[::7], k=6)
    report = index.check(full=True)
    assert report.ok, str(report)
    index.save(path)
    again = quiver.open(path, verify="full")
    model.assert_equals(again)
    stored = cold_base(again.state.vectors)
    kept = "float32" if stored is None else stored.cold_dtype
    assert kept == cold_dtype


@pytest.mark.parametrize(("more", "kept"), [(0.0, "uint8"), (0.5, "float32")])
def test_bytes_stay_bytes_for_as_long_as_all_rows_are(
    tmp_path: Path, more: float, kept: str
) -> None:
    rows = byte_rows("uint8", 60, DIM)
    index = quiver.Index.build(rows[:40], metric="euclidean", params=SHAPE)
    index.add(rows[40:].astype(np.float32) + np.float32(more))
    index.save(tmp_path / "bytes.quiver")
    opened = quiver.open(tmp_path / "bytes.quiver")
    assert opened.state.vectors.dtype == np.float32
    if kept == "uint8":
        assert opened.state.vectors.cold_dtype == kept
    np.testing.assert_array_equal(np.asarray(opened.vectors), np.asarray(index.vectors))
    found, expected = (one.search(rows, k=3, ef=40) for one in (opened, index))
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.distances, expected.distances)
