"""Arrow columns: the same index as of the rows themselves, whatever holds them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quick import QUICK_BACKEND

import quiver
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.validation.arrow import from_arrow
from quiver.validation.foreign import as_real_array

pa = pytest.importorskip("pyarrow", reason="needs the extra `io`")

ROWS, DIM = 30, 4
POINTS = np.random.default_rng(8).integers(0, 100, (ROWS, DIM))
DTYPES = ("f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")


def fixed(rows: np.ndarray) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def lists(rows: np.ndarray, kind: Callable[..., Any] = pa.list_) -> Any:
    return fixed(rows).cast(kind(pa.from_numpy_dtype(rows.dtype)))


HOLDERS: dict[str, Callable[[np.ndarray], Any]] = {
    "fixed-size list": fixed,
    "list": lists,
    "large list": lambda x: lists(x, pa.large_list),
    "tensor": pa.FixedShapeTensorArray.from_numpy_ndarray,
    "chunked": lambda x: pa.chunked_array([fixed(x)]),
    "table of one column": lambda x: pa.table({"vector": fixed(x)}),
    "table with other columns": lambda x: pa.table(
        {"id": range(len(x)), "vector": lists(x), "text": ["a"] * len(x)}
    ),
    "table of numbers": lambda x: pa.table(
        {str(number): x[:, number] for number in range(x.shape[1])}
    ),
    "batch": lambda x: pa.record_batch({"vector": fixed(x)}),
    "reader": lambda x: pa.table({"vector": fixed(x)}).to_reader(7),
}


def saved(rows: Any, path: Path) -> bytes:
    """Return the file of an index over some rows."""
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    quiver.Index.build(rows, params=params, backend=QUICK_BACKEND).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HOLDERS)
def test_the_numbers_are_those_of_the_rows_in_their_dtype(name, dtype):
    rows = POINTS.astype(dtype)
    found = as_real_array(HOLDERS[name](rows), "vectors")
    gc.collect(1)  # What was made here is young.
    assert found.dtype == rows.dtype
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, rows)


@given(
    name=st.sampled_from([name for name in HOLDERS if name != "reader"]),
    dtype=st.sampled_from(["f2", "f4", "f8", "i1", "u1"]),
    ends=st.tuples(st.integers(0, ROWS - 2), st.integers(0, ROWS - 2)),
    cuts=st.lists(st.integers(0, ROWS), max_size=4),
)
def test_an_index_is_that_of_the_rows_whatever_holds_them(
    tmp_path_factory, name, dtype, ends, cuts
):
    rows = POINTS.astype(dtype)
    start, stop = min(ends), max(ends) + 2
    whole = HOLDERS[name](rows)
    given_rows = whole.slice(start, stop - start)
    if isinstance(whole, pa.Table):
        places = sorted({0, *(cut for cut in cuts if cut < stop - start)})
        bounds = zip(places, [*places[1:], stop - start], strict=True)
        parts = [given_rows.slice(a, b - a) for a, b in bounds]
        given_rows = pa.concat_tables(parts)
    path = tmp_path_factory.getbasetemp() / "of_arrow.quiver"
    assert saved(given_rows, path) == saved(rows[start:stop], path)


def test_one_piece_is_read_where_it_is_and_outlives_its_column():
    column = lists(POINTS.astype("f4"))[5:]
    address = column.values.buffers()[1].address + 5 * DIM * 4
    found = from_arrow(column, "vectors")
    del column
    gc.collect()
    assert found.__array_interface__["data"][0] == address
    np.testing.assert_array_equal(found, POINTS[5:])


def test_an_index_owns_its_rows():
    rows = POINTS.astype("f4")
    index = quiver.Index.build(fixed(rows), backend=QUICK_BACKEND)
    rows[:] = 0
    np.testing.assert_array_equal(index.vectors, POINTS)


@pytest.mark.parametrize("make", [fixed, lambda x: pa.table({"v": fixed(x)})])
def test_what_arrow_lends_is_given_back(make):
    rows = POINTS.astype("f4")
    pieces = [make(rows), pa.chunked_array([fixed(rows), fixed(rows)])]
    before = pa.total_allocated_bytes()
    for _ in range(50):
        kept = [from_arrow(piece, "vectors") for piece in pieces]
    del kept
    gc.collect()
    assert pa.total_allocated_bytes() == before


NULLS = {
    "row": (pa.array([[1.0, 2.0], None, None]), "null in row 1, 2 of 3"),
    "row of fixed length": (
        pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
        "null in row 1, 1 of 2",
    ),
    "value": (pa.array([[1.0, 2.0], [3.0, None]]), "null in row 1, place 1"),
    "value of a later piece": (
        pa.chunked_array([[[1.0, 2.0]] * 9, [[3.0, None]]]),
        "null in row 9, place 1",
    ),
    "number": (pa.table({"a": [1.0, None], "b": [1.0, 2.0]}), "null in row 1, 1 of 2"),
}


@pytest.mark.parametrize("name", NULLS)
def test_nulls_are_named(name):
    value, words = NULLS[name]
    with pytest.raises(InvalidTypeError, match=words):
        quiver.Index.build(value)


def test_a_null_outside_of_the_slice_is_no_null():
    column = pa.array([None, [1.0, 2.0], [3.0, 4.0], [5.0, None]])
    found = from_arrow(column.slice(1, 2), "vectors")
    np.testing.assert_array_equal(found, [[1, 2], [3, 4]])
    packed = pa.array([None, *([[1.0, 2.0]] * 20)], pa.list_(pa.float32(), 2))
    assert len(from_arrow(packed.slice(9), "vectors")) == 12


@pytest.mark.parametrize("kind", [pa.list_, pa.large_list])
def test_a_piece_of_no_list_needs_no_offsets(kind):
    none = pa.array([], pa.float32())
    empty = pa.Array.from_buffers(kind(none.type), 0, [None, None], children=[none])
    rows = pa.array([[1.0, 2.0], [3.0, 4.0]], empty.type)
    assert from_arrow(empty, "vectors").shape == (0, 0)
    found = from_arrow(pa.chunked_array([empty, rows, empty]), "vectors")
    np.testing.assert_array_equal(found, [[1, 2], [3, 4]])


def test_a_table_of_one_column_is_ids_or_a_filter():
    table = pa.table({"id": np.arange(100, 100 + ROWS)})
    index = quiver.Index.build(POINTS, ids=table)
    np.testing.assert_array_equal(index.ids, table["id"])
    found = index.search(POINTS[:5], k=3, filter=table.slice(7, 3))
    assert {*found.ids.ravel().tolist()} == {107, 108, 109}
    with pytest.raises(InvalidArgumentError, match=r"one per vector, got \(30, 2\)"):
        quiver.Index.build(POINTS, ids=pa.table({"a": range(30), "b": range(30)}))


class Lending:
    """Gives the same capsules again and again."""

    def __init__(self, method: str, capsules: Any) -> None:
        setattr(self, method, lambda: capsules)


def test_what_another_library_has_taken_is_not_read():
    column = fixed(POINTS)
    taken = column.__arrow_c_array__()
    pa.Array._import_from_c_capsule(*taken)
    stream = pa.table({"v": column}).__arrow_c_stream__()
    pa.RecordBatchReader._import_from_c_capsule(stream)
    for value in (
        Lending("__arrow_c_array__", taken),
        Lending("__arrow_c_stream__", stream),
    ):
        with pytest.raises(InvalidTypeError, match="was read before, and can be read"):
            quiver.Index.build(value)


def lists_of(offsets: list[int], n: int) -> Any:
    """Return lists whose offsets were changed after pyarrow had checked them."""
    ends, items = np.zeros(len(offsets), np.int32), np.zeros(n, np.float32)
    buffers = [None, pa.py_buffer(ends)]
    kind, n_lists = pa.list_(pa.float32()), len(offsets) - 1
    found = pa.Array.from_buffers(kind, n_lists, buffers, children=[pa.array(items)])
    ends[:] = offsets
    return found


BROKEN = {
    "lists beyond their items": lists_of([0, 2, 4], 3),
    "lists before their items": lists_of([-2, 0, 2], 3),
    "lists that go back": lists_of([4, 2, 0], 4),
    "lists far away": lists_of([2**30, 2**30 + 2], 2),
}


@pytest.mark.parametrize("name", BROKEN)
def test_offsets_that_lead_out_of_a_buffer_are_refused(name):
    with pytest.raises(InvalidTypeError, match="must be whole, got items"):
        from_arrow(BROKEN[name], "vectors")


RAGGED = {
    "list": (pa.array([[1.0, 2.0], [3.0, 4.0], [5.0]]), "2 numbers in row 0 and 1 in"),
    "pieces": (
        pa.chunked_array([[[1.0, 2.0]] * 3, [], [[3.0]]]),
        "2 numbers in row 0 and 1 in row 3",
    ),
}


@pytest.mark.parametrize("name", RAGGED)
def test_rows_of_another_length_are_named(name):
    value, words = RAGGED[name]
    with pytest.raises(InvalidTypeError, match=words):
        quiver.Index.build(value)


REFUSED = {
    "text": (pa.array(["a"]), "got text"),
    "lists of text": (pa.array([["a"]]), "got text"),
    "bool": (pa.array([[True]]), "got bool; if 0 and 1"),
    "dates": (pa.array([0], pa.timestamp("s")), "got dates"),
    "decimals": (pa.array([[1]], pa.list_(pa.decimal128(5, 2))), "got decimals"),
    "bytes": (pa.array([b"ab"], pa.binary(2)), "got bytes"),
    "codes of words": (pa.array(["a"]).dictionary_encode(), "got dictionary"),
    "list view": (pa.array([[1]], pa.list_view(pa.int64())), "got list view"),
    "two columns": (
        pa.table({"a": [[1.0]], "b": fixed(POINTS[:1]), "c": ["x"]}),
        r"columns a \(list of double\)|columns a \(list of float64\), "
        r"b \(list of 4 int64\), c \(text\)",
    ),
    "no column of numbers": (pa.table({"a": ["x"]}), r"columns a \(text\)"),
    "what raises": (type("Odd", (), {"__arrow_c_stream__": None})(), "Odd"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_columns_are_refused_by_their_type(name):
    value, words = REFUSED[name]
    with pytest.raises(InvalidTypeError, match=words):
        quiver.Index.build(value)


def test_tensors_of_more_axes_are_refused_by_their_shape():
    cube = pa.FixedShapeTensorArray.from_numpy_ndarray(POINTS.reshape(15, 2, 4))
    with pytest.raises(InvalidArgumentError, match=r"2-d .* got shape \(15, 2, 4\)"):
        quiver.Index.build(cube)


def test_a_stream_that_fails_halfway_is_a_typed_error():
    def batches():
        yield pa.record_batch({"v": fixed(POINTS)})
        message = "the disk is gone"
        raise RuntimeError(message)

    schema = pa.record_batch({"v": fixed(POINTS)}).schema
    reader = pa.RecordBatchReader.from_batches(schema, batches())
    with pytest.raises(InvalidTypeError, match="the disk is gone"):
        quiver.Index.build(reader)


@pytest.mark.parametrize("empty", [fixed(POINTS[:0]), lists(POINTS)[:0]])
def test_no_rows_are_no_index_and_no_crash(empty):
    with pytest.raises(InvalidArgumentError):
        quiver.Index.build(empty)


def test_a_living_index_takes_columns_and_ids_of_arrow():
    rows = POINTS.astype("f4")
    index = quiver.Index.build(fixed(rows[:20]), backend=QUICK_BACKEND)
    ids = pa.chunked_array([range(100, 105), range(105, 110)])
    index.add(lists(rows[20:]), ids)
    index.update(pa.array([3]), fixed(rows[7:8]))
    np.testing.assert_array_equal(index.get(np.arange(100, 110)), rows[20:])
    np.testing.assert_array_equal(index.get(3), rows[7])
    with pytest.raises(InvalidTypeError, match="ids must have no null"):
        index.add(fixed(rows[:2]), pa.array([200, None]))


class Stream:
    """What can be read once, such as the rest of a query."""

    def __init__(self, column: Any) -> None:
        self.rest = [pa.chunked_array([column])]

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.rest.pop().__arrow_c_stream__(requested_schema)


def test_a_filter_takes_a_column_of_bools_or_of_ids():
    rows = POINTS.astype("f4")
    index = quiver.Index.build(rows, backend=QUICK_BACKEND)
    marks = np.arange(ROWS) % 3 == 1
    for held in (
        pa.array(marks),
        pa.chunked_array([marks[:5], marks[5:]]),
        pa.array([None, *marks.tolist()]).slice(1),
        pa.array(np.flatnonzero(marks)),
        Stream(pa.array(np.flatnonzero(marks))),
    ):
        found = index.search(rows[:3], 4, filter=held)
        expected = index.search(rows[:3], 4, filter=marks)
        np.testing.assert_array_equal(found.ids, expected.ids)
    with pytest.raises(InvalidTypeError, match="filter must have no null"):
        index.search(rows[:3], 4, filter=pa.array([None, *marks[1:].tolist()]))


def test_queries_and_exact_search_take_columns():
    rows = POINTS.astype("f4")
    index = quiver.Index.build(rows, backend=QUICK_BACKEND)
    expected = index.search(rows[:3], 2)
    found = index.search(fixed(rows[:3]), 2)
    np.testing.assert_array_equal(found.ids, expected.ids)
    one = index.search(pa.array(rows[0]), 2)
    np.testing.assert_array_equal(one.ids, expected.ids[0])
    exact, _ = quiver.exact_knn(lists(rows), fixed(rows[:3]), 2)
    np.testing.assert_array_equal(exact, quiver.exact_knn(rows, rows[:3], 2)[0])
