"""Saving and opening: what is written comes back, and wrong arguments are named."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import format_reader
import numpy as np
import pytest
from small_index import (
    PLACES,
    answers,
    assert_same_index,
    byte_rows,
    saved,
    saved_bytes,
    saved_with_copies,
    small_index,
)

import quiver
from quiver.conformance.hazards import METRICS
from quiver.errors import (
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
    InvalidTypeError,
)

CASES = [
    {"metric": metric, "paper": paper, "dim": dim}
    for metric in METRICS
    for paper in (False, True)
    for dim in (1, 5, 127, 128, 129)
]
CASES += [
    {"dim": dim, **switches}
    for switches in (
        {"bits": 4},
        {"bits": 8},
        {"lines": 3},
        {"fill": False},
        {"rotate": False, "bits": 4},
    )
    for dim in (1, 57, 129)
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(map(str, case.values()))
)
def test_what_is_saved_is_opened_with_the_same_answers(tmp_path, case, place):
    path, _ = saved(tmp_path, **case)
    found = quiver.open(path, verify="full", backend="reference", **PLACES[place])
    assert_same_index(found, small_index(**case))
    for part, twin in zip(answers(found), answers(small_index(**case)), strict=True):
        np.testing.assert_array_equal(part, twin)


@pytest.mark.parametrize("case", CASES[::5])
def test_an_opened_index_is_saved_with_the_same_bytes(tmp_path, case):
    path, data = saved(tmp_path, **case)
    for place in PLACES.values():
        quiver.open(path, backend="reference", **place).save(path)
        assert path.read_bytes() == data


@pytest.mark.parametrize("place", PLACES)
def test_rows_that_no_walk_meets_come_back_and_are_saved_again(tmp_path, place):
    path, data = saved_with_copies(tmp_path)
    index = quiver.open(path, verify="full", backend="reference", **PLACES[place])
    np.testing.assert_array_equal(index.state.unlinked[:3], [(1, 3), (1, 5), (2, 7)])
    result = index.search(np.asarray(index.vectors)[1:2], k=3, ef=8)
    np.testing.assert_array_equal(result.ids, [[1, 3, 5]])
    index.save(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("cold_dtype", ["float32", "float16"])
def test_the_second_reader_reads_the_same(tmp_path, case, cold_dtype):
    _, data = saved(tmp_path, cold_dtype=cold_dtype, **case)
    found, expected = format_reader.read(data), small_index(**case)
    np.testing.assert_array_equal(found["codes"], expected.codes.rows)
    np.testing.assert_array_equal(found["neighbors"], expected.neighbors)
    np.testing.assert_array_equal(np.ravel(found["ids"]), expected.ids)
    np.testing.assert_array_equal(np.ravel(found["mean"]), expected.transform.mean)
    stored = expected.vectors.astype(cold_dtype)
    np.testing.assert_array_equal(found["vectors"], stored)
    np.testing.assert_array_equal(
        np.ravel(found["entry_points"]), expected.state.entry_points
    )


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_the_second_reader_reads_the_same_bytes(tmp_path, dtype):
    _, data = saved_bytes(tmp_path, dtype)
    found = format_reader.read(data)
    np.testing.assert_array_equal(found["vectors"], byte_rows(dtype))
    assert found["header"]["cold_dtype"] == dtype
    assert data.endswith(byte_rows(dtype).tobytes())


def test_a_vector_too_large_for_float16_is_named_and_nothing_is_written(tmp_path):
    vectors = np.ones((3, 2), dtype=np.float32)
    vectors[1, 1] = 70_000
    index = quiver.Index.build(vectors, backend="reference")
    with pytest.raises(InvalidArgumentError, match=r"70000.* row 1, column 1"):
        index.save(tmp_path / "index.quiver", cold_dtype="float16")
    assert list(tmp_path.iterdir()) == []


def test_an_unsound_index_is_refused_before_anything_is_written(tmp_path):
    opened = quiver.open(saved(tmp_path)[0], backend="reference")
    neighbors = opened.neighbors.copy()
    neighbors[3, 0] = 12
    index = quiver.Index(replace(opened.state, neighbors=neighbors), opened.backend)
    with pytest.raises(InvalidArgumentError, match=r"neighbors .*got 12 in row 3"):
        index.save(tmp_path / "other.quiver")
    assert [path.name for path in tmp_path.iterdir()] == ["small.quiver"]


@pytest.mark.parametrize("path", ["", "a\0b", b""])
def test_a_path_that_names_no_file_is_refused(path):
    with pytest.raises(InvalidArgumentError, match="path must name a file"):
        quiver.open(path)


@pytest.mark.parametrize("path", [None, 7, ["a"]])
def test_a_path_of_another_type_is_refused(path):
    with pytest.raises(InvalidTypeError, match="path must be a string"):
        quiver.open(path)
    with pytest.raises(InvalidTypeError, match="path must be a string"):
        small_index().save(path)


@pytest.mark.parametrize(
    ("name", "value"), [("cold", "disk"), ("verify", True), ("backend", "none")]
)
def test_a_wrong_option_is_named(tmp_path, name, value):
    path, _ = saved(tmp_path)
    with pytest.raises(InvalidArgumentError, match=f"{name} must be one of"):
        quiver.open(path, **{name: value})


def test_a_wrong_cold_dtype_is_named(tmp_path):
    with pytest.raises(InvalidArgumentError, match="cold_dtype must be one of"):
        small_index().save(tmp_path / "x.quiver", cold_dtype="int16")


def test_a_big_endian_computer_is_refused(tmp_path, monkeypatch):
    path, data = saved(tmp_path)
    monkeypatch.setattr("sys.byteorder", "big")
    for act in (quiver.open, small_index().save):
        with pytest.raises(FileFormatError, match="little-endian computer"):
            act(path)
    assert path.read_bytes() == data


def test_a_missing_file_is_an_os_error_with_its_number(tmp_path):
    with pytest.raises(FileAccessError) as caught:
        quiver.open(tmp_path / "none.quiver")
    assert caught.value.errno == 2
    assert caught.value.filename == str(tmp_path / "none.quiver")


def test_the_hot_rows_of_an_opened_index_start_a_cache_line(tmp_path):
    index = quiver.open(saved(tmp_path)[0], backend="reference")
    assert index.codes.rows.ctypes.data % 64 == 0
    assert index.codes.rows.flags.c_contiguous


def test_sections_are_aligned_as_documented(tmp_path):
    _, data = saved(tmp_path)
    table = format_reader.align(64 + int.from_bytes(data[16:20], "little"), 64)
    for number in range(data[20]):
        line = format_reader.ENTRY.unpack_from(data, table + 64 * number)
        assert line[5] % 64 == 0
    assert line[0].rstrip(b"\0") == b"vectors"
    assert line[5] % 4096 == 0


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
class TestFilesThatExist:
    def test_permissions_of_the_old_file_are_kept(self, tmp_path):
        path, _ = saved(tmp_path)
        path.chmod(0o640)
        small_index().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_saving_through_a_link_replaces_the_file_it_names(self, tmp_path):
        path, data = saved(tmp_path)
        link = tmp_path / "link.quiver"
        link.symlink_to(path.name)
        small_index(n=9).save(link)
        assert link.is_symlink()
        assert path.read_bytes() == link.read_bytes() != data

    @pytest.mark.parametrize("mapped", ["cold", "hot"])
    def test_a_mapped_index_keeps_its_rows_when_its_file_is_replaced(
        self, tmp_path, mapped
    ):
        path, _ = saved(tmp_path, n=50)
        index = quiver.open(path, **{mapped: "mmap"}, backend="reference")
        before = answers(index)
        small_index(n=9).save(path)
        for part, twin in zip(answers(index), before, strict=True):
            np.testing.assert_array_equal(part, twin)
        assert quiver.open(path, backend="reference").n == 9

    @pytest.mark.parametrize("mapped", ["cold", "hot"])
    def test_a_mapped_index_can_be_saved_to_its_own_path(self, tmp_path, mapped):
        path, data = saved(tmp_path, n=50)
        index = quiver.open(path, **{mapped: "mmap"}, backend="reference")
        index.save(path, cold_dtype="float16")
        assert len(path.read_bytes()) < len(data)
        np.testing.assert_array_equal(
            np.asarray(index.vectors), small_index(n=50).vectors
        )

    @pytest.mark.parametrize("mapped", ["cold", "hot"])
    def test_a_mapped_file_cut_short_is_an_error_not_a_crash(self, tmp_path, mapped):
        path, data = saved(tmp_path, n=50)
        index = quiver.open(path, **{mapped: "mmap"}, backend="reference")
        os.truncate(path, len(data) - 1)
        with pytest.raises(FileFormatError, match="cut short while open"):
            answers(index)


GOLDEN = sorted(Path(__file__).parents[1].glob("data/golden-v*.quiver"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("place", PLACES)
def test_files_of_every_released_version_open_for_ever(path, place):
    index = quiver.open(path, verify="full", backend="reference", **PLACES[place])
    recorded = np.load(path.with_suffix(".npz"))
    result = index.search(recorded["queries"], k=5, ef=16)
    np.testing.assert_array_equal(result.ids, recorded["ids"])
    np.testing.assert_array_equal(result.distances, recorded["distances"])
    format_reader.read(path.read_bytes())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_old_file_saved_again_is_a_new_one_with_the_same_answers(tmp_path, path):
    old = quiver.open(path, backend="reference")
    old.save(tmp_path / "new.quiver")
    header = format_reader.read((tmp_path / "new.quiver").read_bytes())["header"]
    assert header["n_entry_points"] == len(old.state.entry_points)
    assert header["n_unlinked"] == len(old.state.unlinked)
    new = quiver.open(tmp_path / "new.quiver", backend="reference")
    assert_same_index(new, old)
    for part, twin in zip(answers(new), answers(old), strict=True):
        np.testing.assert_array_equal(part, twin)


def test_there_is_a_golden_file_of_every_encoding_and_cold_dtype():
    names = {path.stem for path in GOLDEN}
    kinds = ("corrected-float32", "corrected-float16", "published-float32")
    assert names >= {f"golden-v1-{kind}" for kind in kinds}
    kinds += ("wide-float32", "bytes-float16", "unlinked-float32")
    kinds += ("corrected-uint8", "wide-int8")
    assert names >= {f"golden-v2-{kind}" for kind in kinds}
    kinds = ("removed-float32", "removed-float16", "unlinked-float32", "few-float32")
    assert names >= {f"golden-v3-{kind}" for kind in kinds}
