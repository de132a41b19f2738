"""Vector files: what is written is read back; wrong arguments are named."""

from __future__ import annotations

import os

import numpy as np
import pytest
from make_demo_data import choose_rows, is_personal
from vector_files import BINARY_SUFFIXES, sample, write

from quiver.datasets import DEMO_FOLDER, load_demo, read_vectors
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


@pytest.mark.parametrize("name", ["a.txt", "a", "a.npz", "a.npy.gz"])
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


def test_the_demo_set_is_complete_and_unit_length():
    demo = load_demo()
    assert demo.vectors.shape == (10_000, 384)
    assert demo.queries.shape == (200, 384)
    assert len(demo.texts) == 10_000
    assert len(demo.query_texts) == 200
    assert all(demo.texts)
    for part in (demo.vectors, demo.queries):
        assert part.dtype == np.float32
        assert not part.flags.writeable
        norms = np.linalg.norm(part.astype(np.float64), axis=1)
        np.testing.assert_allclose(norms, 1, atol=1e-7)


def test_the_demo_vectors_are_the_same_bits_on_every_computer():
    stored = np.load(DEMO_FOLDER / "queries.npy").astype(np.int64)
    norms = np.sqrt((stored**2).sum(axis=1).astype(np.float32))
    expected = stored.astype(np.float32) / norms[:, np.newaxis]
    np.testing.assert_array_equal(load_demo().queries, expected)


def test_the_demo_set_takes_a_third_of_the_float32_it_stands_for():
    size = sum(file.stat().st_size for file in DEMO_FOLDER.iterdir())
    assert size < load_demo().vectors.nbytes / 3


def test_no_demo_sentence_names_or_reaches_a_person():
    demo = load_demo()
    personal = [text for text in demo.texts + demo.query_texts if is_personal(text)]
    assert personal == []


@pytest.mark.parametrize(
    ("sentence", "personal"),
    [
        ("send email to someone@example.org", True),
        ("A generator of codes created by @somebody", True),
        ("Utilities by Jane Doe.", True),
        ("Call 030123456789", True),
        ("Type definitions for @scope/name", False),
        ("Cut a mesh given by the cell identifiers.", False),
    ],
)
def test_a_sentence_with_an_address_a_handle_or_a_name_is_personal(sentence, personal):
    assert is_personal(sentence) is personal


def test_a_personal_sentence_gives_its_place_to_the_next_spare_one():
    lines = ["a parser", "mail me@example.org", "a lexer", "by Jane Doe", "a linter"]
    assert choose_rows(lines, 3).tolist() == [0, 4, 2]


def test_the_nearest_demo_sentence_is_about_the_same_thing():
    demo = load_demo()
    similarity = demo.vectors.astype(np.float32) @ demo.queries[0].astype(np.float32)
    assert "scapy" in demo.query_texts[0].lower()
    assert "scapy" in demo.texts[int(similarity.argmax())].lower()
