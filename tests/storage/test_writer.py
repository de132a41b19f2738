"""Writer: vectors in blocks, the front last, and what no file may hold."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_index import small_index

from quiver.errors import InvalidArgumentError
from quiver.state import State
from quiver.storage import writer
from quiver.storage.writer import check_savable, make_header, write_state

THREE_ROWS = 3 * 4 * 5
"""Bytes of a block of three rows, of the twelve that a small index has."""


def written(path: Path, state: State, cold_dtype: str = "float32") -> bytes:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0))
    try:
        write_state(fd, state, make_header(state, cold_dtype, "0"))
    finally:
        os.close(fd)
    return path.read_bytes()


@pytest.mark.parametrize("chunk_bytes", [1, THREE_ROWS, THREE_ROWS + 1, 1 << 24])
def test_blocks_of_any_size_write_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    state = small_index().state
    whole = written(tmp_path / "whole", state)
    monkeypatch.setattr(writer, "CHUNK_BYTES", chunk_bytes)
    assert written(tmp_path / "blocks", state) == whole
    content = np.ascontiguousarray(state.vectors).tobytes()
    assert whole.endswith(content)
    assert hashlib.sha256(content).hexdigest().encode() in whole


@pytest.mark.parametrize(
    ("value", "message"),
    [(7e4, "as float16, got 70000.0 in row 10, column 0"), (1e-6, "got at most 1e-06")],
)
def test_a_vector_that_float16_cannot_hold_is_named_by_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, message: str
) -> None:
    monkeypatch.setattr(writer, "CHUNK_BYTES", THREE_ROWS)
    state = small_index().state
    vectors = np.array(state.vectors)
    vectors[10] = value
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        written(tmp_path / "cut", replace(state, vectors=vectors), "float16")
    assert "in row 10" in str(caught.value)
    # Three blocks are on the disk, and not yet the front.
    content = (tmp_path / "cut").read_bytes()
    assert content[:64] == bytes(64)
    assert any(content)


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        *(("uint8", 0, True), ("uint8", 255, True), ("uint8", 256, False)),
        *(("uint8", -1, False), ("uint8", 0.5, False), ("uint8", 1e16, False)),
        *(("int8", -128, True), ("int8", 127, True), ("int8", 128, False)),
        *(("int8", -129, False), ("int8", 1e-30, False)),
    ],
)
def test_only_whole_numbers_in_their_range_are_stored_as_bytes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dtype: str,
    value: float,
    fits: bool,
) -> None:
    monkeypatch.setattr(writer, "CHUNK_BYTES", THREE_ROWS)
    vectors = np.ones((12, 5), dtype=np.float32)
    vectors[10, 3] = value
    state = replace(small_index().state, vectors=vectors)
    if fits:
        content = vectors.astype(dtype).tobytes()
        assert written(tmp_path / "whole", state, dtype).endswith(content)
        return
    message = (
        rf"whole numbers in .* as {dtype}, got {np.float32(value)!s} in row 10, "
        "column 3; keep float32, or round"
    )
    with pytest.raises(InvalidArgumentError, match=message.replace("+", r"\+")):
        written(tmp_path / "cut", state, dtype)


def test_a_broken_part_is_named_with_its_place() -> None:
    state = small_index().state
    check_savable(state)
    neighbors = state.neighbors.copy()
    neighbors[4, 0] = state.n
    message = r"index\.neighbors must hold .*, got 12 in row 4, column 0"
    with pytest.raises(InvalidArgumentError, match=message):
        check_savable(replace(state, neighbors=neighbors))
