"""Mapped: the rows of a section as memory, and a file that is cut short or changed."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from rows import normal_rows

from quiver.errors import FileFormatError
from quiver.storage.layout import Section
from quiver.storage.mapped import MappedFile
from quiver.storage.source import SourceFile

ROWS = normal_rows(6, 5)
OFFSET = 4096
CRC = zlib.crc32(ROWS.tobytes())
SECTION = Section("vectors", "f4", ROWS.shape, OFFSET, ROWS.nbytes, CRC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows"
    path.write_bytes(bytes(OFFSET) + ROWS.tobytes())
    return path


def map_rows(path: Path) -> MappedFile:
    with SourceFile(path) as source:
        return MappedFile(source, SECTION)


def test_the_section_is_a_read_only_view(path: Path) -> None:
    rows = map_rows(path).array(SECTION)
    np.testing.assert_array_equal(rows, ROWS)
    assert not rows.flags.writeable
    assert not rows.flags.owndata


@pytest.mark.parametrize("place", [OFFSET, OFFSET + ROWS.nbytes - 1])
def test_a_changed_byte_at_either_end_breaks_the_checksum(
    path: Path, place: int
) -> None:
    assert map_rows(path).first_damaged() is None
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert map_rows(path).first_damaged() == "vectors"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cuts no mapped file")
def test_a_file_one_byte_shorter_is_noticed_before_its_rows_are_read(
    path: Path,
) -> None:
    mapped = map_rows(path)
    size = OFFSET + ROWS.nbytes
    mapped.check_file()
    os.truncate(path, size - 1)
    message = f"at byte {size - 1}: .* expected {size} bytes"
    with pytest.raises(FileFormatError, match=message):
        mapped.check_file()
    with pytest.raises(FileFormatError, match=message), mapped.reading(None):
        pytest.fail("the rows were handed out")
    with pytest.raises(FileFormatError, match=message):
        mapped.first_damaged()


def test_the_last_row_may_be_announced(path: Path) -> None:
    mapped = map_rows(path)
    assert mapped.misses
    with mapped.reading(np.array([5, 0], np.uint32)):
        found = mapped.array(SECTION)[[5, 0]]
    np.testing.assert_array_equal(found, ROWS[[5, 0]])
