"""Conversion: the same numbers in another file, whole or not at all."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from keyed_files import ROWS, WRITERS
from vector_files import BINARY_SUFFIXES, VECS, encode

from quiver.datasets import convert_vectors, read_vectors
from quiver.errors import (
    CancelledError,
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
)
from quiver.readers import streamed

TARGETS = [*BINARY_SUFFIXES, ".parquet"]
WHOLE = (".ivecs", ".bvecs", ".u8bin", ".i8bin")


def need(suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs the extra `io`")


@pytest.mark.parametrize("suffix", TARGETS)
@pytest.mark.parametrize("source", WRITERS)
def test_the_numbers_are_the_same_in_every_format(
    tmp_path, source, suffix, monkeypatch
):
    need(suffix)
    monkeypatch.setattr(streamed, "CHUNK_BYTES", 500)
    WRITERS[source](tmp_path / source, ROWS)
    target = tmp_path / f"made{suffix}"
    assert convert_vectors(tmp_path / source, target, key="vector") == ROWS.shape
    np.testing.assert_array_equal(read_vectors(target), ROWS)


def test_a_table_is_not_replaced_by_its_vectors(tmp_path):
    need(".parquet")
    table, link = tmp_path / "fixed.parquet", tmp_path / "link.parquet"
    WRITERS[table.name](table, ROWS)
    link.symlink_to(table)
    before = table.read_bytes()
    for source, target in [(table, table), (table, link), (link, table)]:
        with pytest.raises(InvalidArgumentError, match="another file than the source"):
            convert_vectors(source, target, key="vector")
    assert table.read_bytes() == before


def test_nor_is_a_part_of_a_folder(tmp_path):
    need(".parquet")
    np.save(tmp_path / "a.npy", ROWS)
    parts = tmp_path / "parts"
    parts.mkdir()
    convert_vectors(tmp_path / "a.npy", parts / "one.parquet")
    for name in ("one.parquet", "two.parquet"):
        with pytest.raises(InvalidArgumentError, match="another file than the source"):
            convert_vectors(parts, parts / name)
    assert [part.name for part in parts.iterdir()] == ["one.parquet"]
    assert convert_vectors(parts, tmp_path / "all.parquet") == ROWS.shape


@pytest.mark.parametrize("suffix", [s for s in BINARY_SUFFIXES if s != ".npy"])
def test_the_bytes_are_those_of_the_description(tmp_path, suffix):
    np.save(tmp_path / "a.npy", ROWS)
    target = tmp_path / f"made{suffix}"
    convert_vectors(tmp_path / "a.npy", target)
    expected = encode(suffix, read_vectors(target))
    assert target.read_bytes() == expected
    assert len(expected) >= ROWS.size + (4 if suffix in VECS else 8)


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u1", "i1", "i8", ">f4"])
def test_npy_and_parquet_keep_the_dtype(tmp_path, suffix, dtype):
    need(suffix)
    rows = ROWS.astype(dtype)
    np.save(tmp_path / "a.npy", rows)
    convert_vectors(tmp_path / "a.npy", tmp_path / f"made{suffix}")
    found = read_vectors(tmp_path / f"made{suffix}")
    assert found.dtype == rows.dtype.newbyteorder("<")
    np.testing.assert_array_equal(found, rows)


def test_npy_is_what_numpy_reads(tmp_path):
    np.savez(tmp_path / "a.npz", v=ROWS)
    convert_vectors(tmp_path / "a.npz", tmp_path / "made.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "made.npy"), ROWS)


def test_float32_rounds_as_an_index_does(tmp_path):
    rows = ROWS / 7.0 + 1e-9
    np.save(tmp_path / "a.npy", rows.astype("f8"))
    convert_vectors(tmp_path / "a.npy", tmp_path / "made.fbin")
    found = read_vectors(tmp_path / "made.fbin")
    np.testing.assert_array_equal(found, rows.astype("f4"))


@pytest.mark.parametrize("suffix", WHOLE)
@pytest.mark.parametrize("value", [0.5, -0.5, np.nan, np.inf, 2.0**31, -(2.0**31) * 2])
def test_a_value_that_is_no_whole_number_is_named(tmp_path, suffix, value):
    rows = ROWS.copy()
    rows[41, 3] = value
    check_refused(tmp_path, rows, suffix)


@pytest.mark.parametrize(
    ("suffix", "value"),
    [(".u8bin", 256), (".bvecs", -1), (".i8bin", 128), (".ivecs", 2**31)],
)
@pytest.mark.parametrize("dtype", ["i8", "f8"])
def test_a_value_out_of_range_is_named(tmp_path, suffix, value, dtype):
    rows = ROWS.astype(dtype)
    rows[41, 3] = value
    check_refused(tmp_path, rows, suffix)


def test_a_value_beyond_float32_is_named_and_an_infinite_one_kept(tmp_path):
    rows = ROWS.astype("f8")
    rows[3, 3] = np.inf
    np.save(tmp_path / "a.npy", rows)
    convert_vectors(tmp_path / "a.npy", tmp_path / "made.fvecs")
    np.testing.assert_array_equal(read_vectors(tmp_path / "made.fvecs"), rows)
    rows[41, 3] = 1e39
    check_refused(tmp_path, rows, ".fvecs")


def check_refused(folder, rows, suffix):
    np.save(folder / "bad.npy", rows)
    target = folder / f"old{suffix}"
    target.write_bytes(b"old")
    with pytest.raises(InvalidArgumentError, match="in row 41, column 3"):
        convert_vectors(folder / "bad.npy", target)
    assert target.read_bytes() == b"old"
    assert not [*folder.glob(".*")]


def test_an_unknown_target_lists_the_known_ones(tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    with pytest.raises(InvalidArgumentError, match=r"target .*\.npy \.fbin .*\.parq"):
        convert_vectors(tmp_path / "a.npy", tmp_path / "b.csv")
    with pytest.raises(FileAccessError, match="No such file"):
        convert_vectors(tmp_path / "a.npy", tmp_path / "gone" / "b.npy")


@pytest.mark.parametrize("suffix", TARGETS)
def test_what_ends_halfway_leaves_the_old_file(tmp_path, suffix, monkeypatch):
    need(suffix)
    monkeypatch.setattr(streamed, "CHUNK_BYTES", 500)
    np.savez(tmp_path / "a.npz", v=ROWS)
    target = tmp_path / f"old{suffix}"
    target.write_bytes(b"old")

    def cancel(done, total):
        return done < total / 2

    def interrupt(done, total):
        if done >= total / 2:
            os.kill(os.getpid(), signal.SIGINT)

    endings = [(cancel, CancelledError)]
    if os.name == "posix":
        endings.append((interrupt, KeyboardInterrupt))
    for progress, error in endings:
        with pytest.raises(error):
            convert_vectors(tmp_path / "a.npz", target, progress=progress)
        assert target.read_bytes() == b"old"
    whole = (tmp_path / "a.npz").read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(damaged)
    with pytest.raises(FileFormatError):
        convert_vectors(tmp_path / "a.npz", target)
    assert target.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", target.name}


def test_a_file_may_take_its_own_place(tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    convert_vectors(tmp_path / "a.npy", tmp_path / "a.npy", max_rows=5)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), ROWS[:5])


@pytest.mark.skipif(np.dtype("g").itemsize == 8, reason="there is no wider float here")
def test_parquet_has_no_wider_float(tmp_path):
    need(".parquet")
    np.save(tmp_path / "a.npy", ROWS.astype(np.longdouble))
    with pytest.raises(InvalidArgumentError, match="float64 at most"):
        convert_vectors(tmp_path / "a.npy", tmp_path / "b.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
