"""Files of several arrays or columns: the right one, whole, and no memory for it."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isolated_run import run_isolated
from keyed_files import CHECKED, IDS, ROWS, WRITERS, as_table, write_parquet

import quiver
from quiver.datasets import convert_vectors, read_ids, read_vectors
from quiver.errors import (
    CancelledError,
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
    QuiverError,
)
from quiver.readers import streamed

EXTRAS = {".h5": "h5py", ".hdf5": "h5py", ".zarr": "zarr"}
EXTRAS |= dict.fromkeys((".parquet", ".arrow", ".feather", ".ipc"), "pyarrow")


@pytest.fixture(params=WRITERS)
def name(request):
    return request.param


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u1", "i1", "i4"])
def test_rows_are_read_back_in_their_dtype_mapped_and_read_only(tmp_path, name, dtype):
    rows = ROWS.astype(dtype)
    WRITERS[name](tmp_path / name, rows)
    found = read_vectors(tmp_path / name)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert found.dtype == rows.dtype
    np.testing.assert_array_equal(found, rows)


@given(
    name=st.sampled_from([*WRITERS]),
    dtype=st.sampled_from(["f2", "f4", "f8", "u1", "i1", "u4", "i8"]),
    shape=st.tuples(st.integers(1, 60), st.integers(1, 9)),
    chunk_bytes=st.integers(1, 500),
    max_rows=st.none() | st.integers(1, 70),
)
def test_any_rows_come_back_whatever_holds_them_and_however_they_are_cut(
    tmp_path_factory, name, dtype, shape, chunk_bytes, max_rows
):
    path = tmp_path_factory.mktemp("drawn") / name
    rows = np.resize(ROWS, shape).astype(dtype)
    WRITERS[name](path, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed, "CHUNK_BYTES", chunk_bytes)
        found = read_vectors(path, key="vector", max_rows=max_rows)
        convert_vectors(path, path.with_name("a.npy"), key="vector", max_rows=max_rows)
    expected = rows[:max_rows]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.load(path.with_name("a.npy")), expected)


def test_ids_are_read_beside_the_rows(tmp_path, name):
    WRITERS[name](tmp_path / name, ROWS)
    np.testing.assert_array_equal(read_ids(tmp_path / name), IDS)
    named = read_ids(tmp_path / name, key="ids", max_rows=9)
    np.testing.assert_array_equal(named, IDS[:9])
    with pytest.raises(FileFormatError, match="ids must be"):
        read_ids(tmp_path / name, key="vector")


@pytest.mark.parametrize("max_rows", [1, 25, 26, 60, 99])
def test_max_rows_takes_the_first_rows(tmp_path, name, max_rows):
    WRITERS[name](tmp_path / name, ROWS)
    found = read_vectors(tmp_path / name, key="vector", max_rows=max_rows)
    np.testing.assert_array_equal(found, ROWS[:max_rows])


def test_a_key_that_names_nothing_lists_what_there_is(tmp_path, name):
    WRITERS[name](tmp_path / name, ROWS)
    for read in (read_vectors, read_ids):
        with pytest.raises(InvalidArgumentError) as caught:
            read(tmp_path / name, key="vectr")
        for word in ("key", "ids", "vector", "'vectr'"):
            assert word in str(caught.value)


def test_an_index_is_the_one_built_of_the_rows(tmp_path, name):
    WRITERS[name](tmp_path / name, ROWS)
    files = []
    for rows, ids in (
        (read_vectors(tmp_path / name), read_ids(tmp_path / name)),
        (ROWS, IDS),
    ):
        index = quiver.Index.build(rows, ids=ids, max_degree=8, backend="reference")
        index.save(tmp_path / "made.quiver")
        files.append((tmp_path / "made.quiver").read_bytes())
    assert files[0] == files[1]


def test_without_the_package_the_error_says_what_to_install(
    tmp_path, monkeypatch, name
):
    package = EXTRAS.get(f".{name.rpartition('.')[2]}")
    if package is None:
        pytest.skip("needs nothing but NumPy")
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InvalidArgumentError, match=rf"needs {package}: pip install"):
        read_vectors(tmp_path / name)


def test_a_cut_file_is_refused(tmp_path, name):
    WRITERS[name](tmp_path / name, ROWS)
    whole = (tmp_path / name).read_bytes()
    lengths = {0, 1, 6, 7, 8, len(whole) - 1, len(whole) - 8, len(whole) - 9}
    lengths |= {*random.Random(0).sample(range(len(whole)), 30)}
    for length in lengths:
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(QuiverError, match=name):
            read_vectors(tmp_path / name)


def test_a_changed_byte_is_refused_or_changes_numbers_at_most(tmp_path, name):
    """Where a checksum guards the numbers, none may change."""
    WRITERS[name](tmp_path / name, ROWS)
    whole = (tmp_path / name).read_bytes()
    drawn = random.Random(0)
    for _ in range(60):
        changed = bytearray(whole)
        changed[drawn.randrange(len(whole))] ^= drawn.randrange(1, 256)
        (tmp_path / name).write_bytes(changed)
        try:
            found = read_vectors(tmp_path / name, key="vector")
        except QuiverError:
            continue
        assert found.shape[1] == ROWS.shape[1] or name not in CHECKED
        if name in CHECKED:
            np.testing.assert_array_equal(found, ROWS)


def test_random_bytes_are_a_typed_error(tmp_path, name):
    drawn = random.Random(1)
    for size in (0, 3, 8, 64, 3000):
        (tmp_path / name).write_bytes(drawn.randbytes(size))
        with pytest.raises(QuiverError, match=name):
            read_vectors(tmp_path / name)


def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(FileAccessError, match=name):
        read_vectors(tmp_path / name)


def test_a_refusal_by_progress_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "CHUNK_BYTES", 100)
    monkeypatch.setattr(streamed.tempfile, "tempdir", str(tmp_path))
    WRITERS["packed.npz"](tmp_path / "a.npz", ROWS)
    told = []

    def progress(done, total):
        told.append((done, total))
        return done < 20

    with pytest.raises(CancelledError):
        read_vectors(tmp_path / "a.npz", progress=progress)
    assert told[-1] == (20, len(ROWS))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_a_full_disk_is_told_with_its_folder(tmp_path, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(streamed.tempfile, "TemporaryFile", Full)
    WRITERS["packed.npz"](tmp_path / "a.npz", ROWS)
    with pytest.raises(FileAccessError, match=r"No space left.*tmp"):
        read_vectors(tmp_path / "a.npz")


def test_two_arrays_of_vectors_need_a_key(tmp_path):
    np.savez(tmp_path / "a.npz", one=ROWS, two=ROWS)
    with pytest.raises(InvalidArgumentError, match=r"\(one, two\), got None"):
        read_vectors(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", one=ROWS, train=ROWS[:5])
    assert len(read_vectors(tmp_path / "b.npz")) == 5


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.parametrize("kind", ["parquet", "npz"])
def test_a_file_larger_than_memory_is_read_converted_and_searched(tmp_path, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra `io`")
    printed = run_isolated("larger_than_memory.py", tmp_path, kind)
    rows, room = map(int, printed.split())
    assert rows > 4 * room


class TestTables:
    def test_files_of_a_folder_follow_one_another_by_name(self, tmp_path):
        (tmp_path / "data" / "later").mkdir(parents=True)
        write_parquet(tmp_path / "data" / "b.parquet", ROWS[10:40])
        write_parquet(tmp_path / "data" / "a.parquet", ROWS[:10], ragged_type=True)
        WRITERS["stream.ipc"](tmp_path / "data" / "later" / "c.arrow", ROWS[40:])
        (tmp_path / "data" / "_SUCCESS").touch()
        (tmp_path / "data" / ".hidden.parquet").write_bytes(b"x")
        (tmp_path / "data" / "readme.md").touch()
        np.testing.assert_array_equal(read_vectors(tmp_path / "data"), ROWS)

    def test_a_folder_without_a_table_says_what_it_must_hold(self, tmp_path):
        (tmp_path / "data").mkdir()
        with pytest.raises(FileFormatError, match=r"hold files of \.parquet"):
            read_vectors(tmp_path / "data")

    def test_a_file_of_a_folder_with_other_columns_is_named(self, tmp_path):
        pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra `io`")
        write_parquet(tmp_path / "a.parquet", ROWS)
        pq.write_table(as_table(ROWS).select(["ids"]), tmp_path / "b.parquet")
        with pytest.raises(InvalidArgumentError, match=r"b\.parquet \(ids\)"):
            read_vectors(tmp_path)

    @pytest.mark.parametrize("other", [ROWS[:, :3], ROWS.astype("f8")])
    def test_files_of_a_folder_must_be_alike(self, tmp_path, other):
        write_parquet(tmp_path / "a.parquet", ROWS)
        write_parquet(tmp_path / "b.parquet", other)
        with pytest.raises(FileFormatError, match=r"alike, .* in row 60"):
            read_vectors(tmp_path)

    @pytest.mark.parametrize(
        ("rows", "words"),
        [
            ([[1.0, 2.0]] * 1500 + [None], "null in row 1500"),
            ([[1.0, 2.0]] * 1500 + [[3.0, None]], "null in row 1500, place 1"),
            ([[1.0, 2.0]] * 1500 + [[3.0]], "row 1024 and 1 in row 1500"),
            ([["a"]], "got text"),
        ],
    )
    def test_a_bad_row_is_named_by_its_number_in_the_file(self, tmp_path, rows, words):
        pa = pytest.importorskip("pyarrow", reason="needs the extra `io`")
        pq = pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.table({"v": rows}), tmp_path / "a.parquet")
        with pytest.raises(FileFormatError, match=rf"a\.parquet: column 'v' .*{words}"):
            read_vectors(tmp_path / "a.parquet", key="v")

    def test_a_column_of_bools_holds_no_numbers(self, tmp_path):
        pa = pytest.importorskip("pyarrow", reason="needs the extra `io`")
        table = pa.table({"v": [[True, False]]})
        pytest.importorskip("pyarrow.parquet").write_table(
            table, tmp_path / "a.parquet"
        )
        with pytest.raises(FileFormatError, match=r"a\.parquet: .*got bool"):
            read_vectors(tmp_path / "a.parquet", key="v")

    def test_an_empty_table_has_no_vectors(self, tmp_path):
        write_parquet(tmp_path / "a.parquet", ROWS[:0])
        with pytest.raises(FileFormatError, match="n >= 1"):
            read_vectors(tmp_path / "a.parquet")

    def test_a_forged_size_of_a_batch_is_no_want_of_memory(self, tmp_path):
        WRITERS["packed.feather"](tmp_path / "a.feather", ROWS)
        content = bytearray((tmp_path / "a.feather").read_bytes())
        start = content.rindex(b"\x04\x22\x4d\x18")
        content[start - 8 : start] = (2**60).to_bytes(8, "little")
        (tmp_path / "a.feather").write_bytes(content)
        with pytest.raises(FileFormatError, match="malloc of size 1152921504606846976"):
            read_vectors(tmp_path / "a.feather")

    def test_a_stream_cut_between_two_batches_is_refused(self, tmp_path):
        ipc = pytest.importorskip("pyarrow.ipc", reason="needs the extra `io`")
        table = as_table(ROWS)
        with (tmp_path / "a.arrow").open("wb") as file:
            writer = ipc.new_stream(file, table.schema)
            writer.write_table(table)
            file.flush()
            whole = (tmp_path / "a.arrow").read_bytes()
            writer.close()
        assert len(read_vectors(tmp_path / "a.arrow")) == len(ROWS)
        (tmp_path / "a.arrow").write_bytes(whole)
        with pytest.raises(FileFormatError, match="truncated"):
            read_vectors(tmp_path / "a.arrow")


def test_bytes_stay_bytes_on_the_cold_side(tmp_path):
    rows = ROWS.astype("u1")
    np.savez(tmp_path / "a.npz", v=rows)
    index = quiver.Index.build(read_vectors(tmp_path / "a.npz"), backend="reference")
    assert index.memory_report().vectors == rows.nbytes
    convert_vectors(tmp_path / "a.npz", tmp_path / "a.u8bin")
    assert read_vectors(tmp_path / "a.u8bin").dtype == np.uint8
