"""HDF5 vector files: arrays by key, mapped where they lie in one piece."""

from __future__ import annotations

import numpy as np
import pytest
from vector_files import sample

from quiver.datasets import read_vectors
from quiver.errors import (
    FileFormatError,
    InvalidArgumentError,
    QuiverError,
)


@pytest.fixture
def hdf5(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    path = tmp_path / "set.hdf5"
    with h5py.File(path, "w") as file:
        file["train"] = sample("f4", (20, 6))
        file["test"] = sample("f4", (4, 6))
        file["neighbors"] = sample("i4", (4, 3))
        file.create_dataset("packed", data=sample("f4", (20, 6)), compression="gzip")
        file["words"] = [b"a", b"b"]
        file["single"] = np.float32(3)
        file.create_group("folder")
    return path


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (None, sample("f4", (20, 6))),
        ("train", sample("f4", (20, 6))),
        ("test", sample("f4", (4, 6))),
        ("neighbors", sample("i4", (4, 3))),
    ],
)
def test_arrays_of_an_hdf5_file_are_mapped_by_key(hdf5, key, expected):
    found = read_vectors(hdf5, key=key)
    assert isinstance(found, np.memmap)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_compressed_hdf5_is_read(hdf5):
    expected = sample("f4", (20, 6))[:3]
    np.testing.assert_array_equal(
        read_vectors(hdf5, key="packed", max_rows=3), expected
    )


@pytest.mark.parametrize("key", ["gone", "folder", "", "/"])
def test_a_key_that_is_no_array_lists_those_that_are(hdf5, key):
    with pytest.raises(InvalidArgumentError, match=r"neighbors, .*train"):
        read_vectors(hdf5, key=key)


@pytest.mark.parametrize("key", ["words", "single"])
def test_an_hdf5_array_that_is_no_matrix_is_refused(hdf5, key):
    with pytest.raises(FileFormatError, match=r"set\.hdf5: "):
        read_vectors(hdf5, key=key)


def test_a_truncated_hdf5_file_is_refused(hdf5):
    whole = hdf5.read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        hdf5.write_bytes(whole[:length])
        with pytest.raises(QuiverError, match=r"set\.hdf5"):
            read_vectors(hdf5, key="packed")


def test_an_hdf5_array_larger_than_its_file_could_hold_is_not_allocated(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("train", (2**40, 128), "f4", chunks=(1024, 128))
    with pytest.raises(FileFormatError, match="562949953421312 bytes"):
        read_vectors(tmp_path / "bomb.h5")


def test_without_h5py_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(InvalidArgumentError, match=r"quiver-ann\[io\]"):
        read_vectors(tmp_path / "a.h5")
