"""Zarr folders: arrays and groups of both formats, and no chunk made up."""

from __future__ import annotations

import random
from contextlib import suppress

import numpy as np
import pytest
from keyed_files import IDS, ROWS

from quiver.datasets import read_ids, read_vectors
from quiver.errors import FileFormatError, InvalidArgumentError, QuiverError

zarr = pytest.importorskip("zarr", reason="needs the extra `zarr`")

LAYOUTS = {
    "chunks": {"chunks": (7, 6)},
    "chunks of columns": {"chunks": (7, 4)},
    "shards": {"chunks": (5, 6), "shards": (20, 6)},
    "format 2": {"chunks": (7, 6), "zarr_format": 2},
}


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u1", "i1"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_array_is_read_in_its_dtype(tmp_path, layout, dtype):
    rows = ROWS.astype(dtype)
    zarr.create_array(tmp_path / "a.zarr", data=rows, **LAYOUTS[layout])
    found = read_vectors(tmp_path / "a.zarr", max_rows=33)
    assert found.dtype == rows.dtype
    np.testing.assert_array_equal(found, rows[:33])


def test_a_group_holds_vectors_and_ids(tmp_path):
    group = zarr.open_group(tmp_path / "folder", mode="w")
    group.create_array("vector", data=ROWS)
    group.create_array("ids", data=IDS)
    np.testing.assert_array_equal(read_vectors(tmp_path / "folder"), ROWS)
    np.testing.assert_array_equal(read_ids(tmp_path / "folder"), IDS)
    with pytest.raises(InvalidArgumentError, match=r"\(ids, vector\)|\(vector, ids\)"):
        read_vectors(tmp_path / "folder", key="gone")


def test_an_array_takes_no_key(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=ROWS)
    with pytest.raises(InvalidArgumentError, match="key must be None"):
        read_vectors(tmp_path / "a.zarr", key="vector")


def test_a_chunk_that_is_gone_is_not_read_as_zeros(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=ROWS, chunks=(7, 6))
    (tmp_path / "a.zarr" / "c" / "3" / "0").unlink()
    with pytest.raises(FileFormatError, match="got 8 of 9"):
        read_vectors(tmp_path / "a.zarr")


def test_no_number_changes_where_a_checksum_guards_it(tmp_path):
    checksum = zarr.codecs.Crc32cCodec()
    zarr.create_array(tmp_path / "a.zarr", data=ROWS, compressors=[checksum])
    path = tmp_path / "a.zarr" / "c" / "0" / "0"
    whole, drawn = path.read_bytes(), random.Random(0)
    for _ in range(100):
        changed = bytearray(whole)
        changed[drawn.randrange(len(whole))] ^= drawn.randrange(1, 256)
        path.write_bytes(changed)
        with pytest.raises(FileFormatError, match=r"a\.zarr"):
            read_vectors(tmp_path / "a.zarr")


def test_damaged_files_are_refused_or_change_numbers_at_most(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=ROWS, chunks=(20, 6))
    drawn = random.Random(0)
    files = [path for path in (tmp_path / "a.zarr").rglob("*") if path.is_file()]
    for path in files:
        whole = path.read_bytes()
        for _ in range(20):
            changed = bytearray(whole)
            changed[drawn.randrange(len(whole))] ^= drawn.randrange(1, 256)
            for content in (changed, whole[: drawn.randrange(len(whole))]):
                path.write_bytes(content)
                with suppress(QuiverError):
                    assert read_vectors(tmp_path / "a.zarr").ndim == 2
        path.write_bytes(whole)
