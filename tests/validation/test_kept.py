"""What an index keeps: nobody can change it afterwards, and nothing is copied twice."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick import QUICK_BACKEND
from rows import normal_rows

import quiver
from quiver.validation.arrays import as_vectors
from quiver.validation.foreign import as_real_array
from quiver.validation.kept import as_stored_vectors, keep_or_copy, kept_dtype

ROWS, DIM = 40, 6


def draw() -> np.ndarray:
    return normal_rows(ROWS, DIM, seed=3)


def read_only(owner: np.ndarray) -> np.ndarray:
    owner.flags.writeable = False
    return owner


class Lender:
    """Hands out its own memory, as tensors and data frames do."""

    def __init__(self, owner: np.ndarray) -> None:
        self.owner = owner

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.owner


def read_only_view(owner: np.ndarray) -> np.ndarray:
    return read_only(owner.view())


def view_of_a_read_only_view(owner: np.ndarray) -> np.ndarray:
    return read_only_view(owner)[:]


# Each lends the memory of an array that its owner can still write to.
LENT: dict[str, Callable[[np.ndarray], Any]] = {
    "itself": lambda owner: owner,
    "read-only view": read_only_view,
    "view of a read-only view": view_of_a_read_only_view,
    "read-only slice": lambda owner: read_only(owner[:]),
    "memoryview": memoryview,
    "read-only memoryview": lambda owner: memoryview(owner).toreadonly(),
    "frombuffer": lambda owner: np.frombuffer(
        memoryview(owner).toreadonly().cast("B"), np.float32
    ).reshape(owner.shape),
    "object with __array__": Lender,
    "object that lends read-only": lambda owner: Lender(read_only_view(owner)),
}


@pytest.mark.parametrize("name", LENT)
def test_an_owner_who_writes_later_changes_no_answer(name: str) -> None:
    owner = draw()
    index = quiver.Index.build(LENT[name](owner), backend=QUICK_BACKEND)
    expected = index.search(draw(), k=3)
    owner[:] = 0
    found = index.search(draw(), k=3)
    np.testing.assert_array_equal(found.distances, expected.distances)
    np.testing.assert_array_equal(index.vectors, draw())
    assert index.check(full=True).ok


def test_a_bytearray_that_changes_later_changes_no_answer() -> None:
    memory = bytearray(draw().tobytes())
    lent = read_only(np.frombuffer(memory, np.float32).reshape(ROWS, DIM))
    index = quiver.Index.build(lent, backend=QUICK_BACKEND)
    memory[:] = bytes(len(memory))
    np.testing.assert_array_equal(index.vectors, draw())


def test_a_file_mapped_for_writing_is_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", draw())
    with (tmp_path / "x.npy").open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
        lent = read_only(np.frombuffer(mapped, np.float32, ROWS * DIM, 128))
        index = quiver.Index.build(lent.reshape(ROWS, DIM), backend=QUICK_BACKEND)
        mapped[128:] = bytes(4 * ROWS * DIM)
    np.testing.assert_array_equal(index.vectors, draw())


def mapped_by_numpy(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r")


def mapped_by_hand(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapped, np.float32, ROWS * DIM, 128).reshape(ROWS, DIM)


@pytest.mark.parametrize("open_map", [mapped_by_numpy, mapped_by_hand])
def test_a_file_mapped_for_reading_is_used_in_place(
    tmp_path: Path, open_map: Callable[[Path], np.ndarray]
) -> None:
    np.save(tmp_path / "x.npy", draw())
    mapped = open_map(tmp_path / "x.npy")
    index = quiver.Index.build(mapped, backend=QUICK_BACKEND)
    assert np.shares_memory(index.vectors, mapped)
    part = quiver.Index.build(mapped[3:20], backend=QUICK_BACKEND)
    assert np.shares_memory(part.vectors, mapped)


def test_an_array_that_is_read_only_all_the_way_is_used_in_place() -> None:
    owner = read_only(draw())
    index = quiver.Index.build(owner[2:][1:], backend=QUICK_BACKEND)
    assert np.shares_memory(index.vectors, owner)


@pytest.mark.parametrize(
    "convert",
    [
        lambda vectors: vectors.astype(np.float64),
        np.asfortranarray,
        list,
        lambda vectors: Lender(vectors.astype(np.float64)),
        lambda vectors: np.array([*vectors, None], dtype=object)[:-1],
    ],
)
def test_what_conversion_made_anew_is_not_copied_again(
    convert: Callable[[np.ndarray], Any],
) -> None:
    given = as_real_array(convert(draw()), "vectors")
    converted = as_vectors(given, "vectors", metric="cosine")
    kept = keep_or_copy(converted, given)
    assert np.shares_memory(kept, converted)
    np.testing.assert_array_equal(kept, draw())
    assert not kept.flags.writeable


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        *(("uint8", "uint8"), ("int8", "int8"), ("float16", "float32")),
        *((">f4", "float32"), ("uint16", "float32"), ("int64", "float32")),
    ],
)
def test_only_bytes_keep_their_own_dtype(given: str, kept: str) -> None:
    assert kept_dtype(given) == kept
    assert as_stored_vectors(np.ones((2, 3), given), "cosine").dtype == kept


# What a byte may lie in; the middle one as in a `.bvecs` file.
LAYOUTS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], bool]] = {
    "rows in one piece": (lambda rows: rows, True),
    "rows apart": (lambda rows: np.pad(rows, ((0, 0), (4, 0)))[:, 4:], True),
    "rows backwards": (lambda rows: rows[::-1].copy()[::-1], True),
    "columns apart": (lambda rows: np.repeat(rows, 2, axis=1)[:, ::2], False),
    "fortran order": (np.asfortranarray, False),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_constant_bytes_are_used_in_place_if_each_row_is_in_one_piece(
    name: str, dtype: str
) -> None:
    arrange, in_place = LAYOUTS[name]
    rows = np.arange(256).astype(dtype).reshape(32, 8)
    given = arrange(rows.copy())
    chain = given
    while chain is not None:
        chain = read_only(chain).base
    kept = as_stored_vectors(given, "euclidean")
    assert np.shares_memory(kept, given) == in_place
    np.testing.assert_array_equal(kept, rows)


def test_bytes_that_someone_can_write_to_are_copied() -> None:
    owner = np.arange(256, dtype=np.uint8).reshape(32, 8)
    index = quiver.Index.build(owner, backend=QUICK_BACKEND)
    owner[:] = 0
    np.testing.assert_array_equal(index.get(31), np.arange(248, 256))
