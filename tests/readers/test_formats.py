"""Vector files: nothing malformed gets through."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vector_files import BINARY_SUFFIXES, VECS, write

from quiver.datasets import read_vectors
from quiver.errors import FileFormatError


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_a_file_cut_at_any_byte_is_refused(tmp_path, suffix):
    path, array = write(tmp_path, suffix)
    whole = path.read_bytes()
    # A cut between two rows of the fvecs family leaves a valid, shorter file.
    row_bytes = 4 + array[0].nbytes if suffix in VECS else len(whole)
    for length in range(len(whole)):
        if length and length % row_bytes == 0:
            continue
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match=path.name):
            read_vectors(path)


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_a_byte_too_many_is_refused(tmp_path, suffix):
    path, _ = write(tmp_path, suffix)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FileFormatError, match=r"too long|multiple"):
        read_vectors(path)


@pytest.mark.parametrize("suffix", VECS)
@pytest.mark.parametrize("row", [1, 6])
def test_a_row_of_another_dim_is_named(tmp_path, suffix, row):
    path, array = write(tmp_path, suffix)
    content = bytearray(path.read_bytes())
    struct.pack_into("<i", content, row * (4 + array[0].nbytes), 4)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=f"dim 5, got 4 at row {row}"):
        read_vectors(path)


@pytest.mark.parametrize("dim", [0, -1, -(2**31), 65_537, 2**31 - 1])
def test_a_dim_outside_the_limits_is_refused_in_vecs(tmp_path, dim):
    (tmp_path / "a.fvecs").write_bytes(struct.pack("<i", dim) + bytes(64))
    with pytest.raises(FileFormatError, match=f"dim must be in .*got {dim}"):
        read_vectors(tmp_path / "a.fvecs")


@pytest.mark.parametrize(
    ("rows", "dim"),
    [(0, 5), (5, 0), (2**32 - 1, 65_536), (2**32 - 1, 2**32 - 1), (8, 4), (4, 9)],
)
def test_a_forged_header_is_refused_in_bin(tmp_path, rows, dim):
    (tmp_path / "a.fbin").write_bytes(struct.pack("<II", rows, dim) + bytes(140))
    with pytest.raises(FileFormatError, match=r"a\.fbin: "):
        read_vectors(tmp_path / "a.fbin")


@pytest.mark.parametrize(
    "shape",
    [
        *("(9223372036854775807, 65536)", "(7, 4)", "(0, 5)", "(7, 0)"),
        *("(-7, 5)", "(7, -5)", "(-7, -5)", "(7.0, 5)", "(2**3, 5)"),
        *("()", "(35,)", "(7, 5, 1)", "'75'", "None"),
    ],
)
def test_a_forged_shape_is_refused_in_npy(tmp_path, shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"
    content = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode()
    (tmp_path / "a.npy").write_bytes(content + bytes(140))
    with pytest.raises(FileFormatError, match=r"a\.npy: "):
        read_vectors(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "array",
    [
        np.array([["a", "b"]], dtype=object),
        np.ones((2, 2), dtype=complex),
        np.ones((2, 2), dtype=bool),
        np.array([["a", "b"]]),
        np.zeros((2, 2), dtype=[("x", "f4")]),
        np.zeros((2, 2), dtype="datetime64[s]"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_anything_but_real_numbers_is_refused_in_npy(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(FileFormatError, match="real numbers"):
        read_vectors(tmp_path / "a.npy")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04 zip", b"<html>"])
def test_foreign_bytes_are_refused_in_npy(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"must be a \.npy file"):
        read_vectors(tmp_path / "a.npy")


@pytest.mark.parametrize("version", [(0, 0), (4, 0), (1, 1)])
def test_an_unknown_npy_version_is_named(tmp_path, version):
    path, _ = write(tmp_path, ".npy")
    content = bytearray(path.read_bytes())
    content[6:8] = bytes(version)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"got \({version[0]}, {version[1]}\)"):
        read_vectors(path)


@given(content=st.binary(max_size=80), suffix=st.sampled_from(BINARY_SUFFIXES))
def test_random_bytes_are_an_array_or_a_typed_error(tmp_path_factory, content, suffix):
    path = tmp_path_factory.getbasetemp() / f"random{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(FileFormatError):
        assert read_vectors(path).ndim == 2


@given(literal=st.text(alphabet="{}()[]',: \\\n\t\0<f4descrshape019é#", max_size=60))
def test_a_random_npy_header_is_an_array_or_a_typed_error(tmp_path_factory, literal):
    header = literal.encode("latin1")
    path = tmp_path_factory.getbasetemp() / "header.npy"
    path.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header)
    with pytest.raises(FileFormatError):
        read_vectors(path)
