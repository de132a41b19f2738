"""Vector files: what is written is read back; wrong arguments are named."""

from __future__ import annotations

import os

import numpy as np
import pytest
from vector_files import BINARY_SUFFIXES, sample, write

from quiver.datasets import read_vectors
from quiver.errors import (
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
    InvalidTypeError,
)


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
@pytest.mark.parametrize("shape", [(7, 5), (1, 1), (3, 1), (1, 300)])
def test_what_is_written_is_read_back_mapped_and_read_only(tmp_path, suffix, shape):
    path, array = write(tmp_path, suffix, shape)
    found = read_vectors(path)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
@pytest.mark.parametrize(("max_rows", "expected"), [(1, 1), (6, 6), (7, 7), (99, 7)])
def test_max_rows_takes_the_first_rows(tmp_path, suffix, max_rows, expected):
    path, array = write(tmp_path, suffix)
    found = read_vectors(str(path), max_rows=max_rows)
    np.testing.assert_array_equal(found, array[:expected])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u2", "i8", ">f4", ">i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_of_every_real_dtype_and_order_is_read(tmp_path, dtype, order):
    array = np.asarray(sample(dtype), order=order)
    np.save(tmp_path / "a.npy", array)
    found = read_vectors(tmp_path / "a.npy")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_npy_version_is_read(tmp_path, version):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, sample("f4"), version=version)
    np.testing.assert_array_equal(read_vectors(tmp_path / "a.npy"), sample("f4"))


def test_an_upper_case_suffix_is_understood(tmp_path):
    path, array = write(tmp_path, ".fbin")
    np.testing.assert_array_equal(read_vectors(path.rename(tmp_path / "A.FBIN")), array)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileAccessError, match=r"No such file.*gone\.npy"):
        read_vectors(tmp_path / "gone.npy")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(FileFormatError, match="regular file"):
        read_vectors(tmp_path / "folder.npy")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX only")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe.fvecs")
    with pytest.raises(FileFormatError, match="regular file"):
        read_vectors(tmp_path / "pipe.fvecs")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read any file"
)
def test_an_unreadable_file_is_named(tmp_path):
    path, _ = write(tmp_path, ".fbin")
    path.chmod(0)
    with pytest.raises(FileAccessError, match="Permission denied"):
        read_vectors(path)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.zip", "a.npy.gz"])
def test_an_unknown_suffix_lists_the_known_ones(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InvalidArgumentError, match=r"\.npy \.fvecs .*\.hdf5 \.h5"):
        read_vectors(tmp_path / name)


@pytest.mark.parametrize("path", [None, 3, b"a.npy", np.ones(3)])
def test_a_path_of_another_type_is_refused(path):
    with pytest.raises(InvalidTypeError, match="path must be"):
        read_vectors(path)


@pytest.mark.parametrize("max_rows", [0, -1])
def test_max_rows_must_be_positive(tmp_path, max_rows):
    path, _ = write(tmp_path, ".npy")
    with pytest.raises(InvalidArgumentError, match=f"max_rows .* got {max_rows}"):
        read_vectors(path, max_rows=max_rows)


@pytest.mark.parametrize("max_rows", [1.0, "3", True])
def test_max_rows_must_be_an_integer(tmp_path, max_rows):
    path, _ = write(tmp_path, ".npy")
    with pytest.raises(InvalidTypeError, match="max_rows"):
        read_vectors(path, max_rows=max_rows)


def test_a_key_is_refused_where_there_is_one_array(tmp_path):
    path, _ = write(tmp_path, ".npy")
    with pytest.raises(InvalidArgumentError, match=r"key must be None for a \.npy"):
        read_vectors(path, key="train")
