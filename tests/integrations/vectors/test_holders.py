"""Whatever a library holds vectors in, the index is that of the same rows in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import quiver
from quiver.errors import InvalidTypeError

ROWS, DIM = 40, 4
POINTS = np.random.default_rng(8).integers(0, 100, (ROWS, DIM))


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed")


def fixed(rows: np.ndarray) -> Any:
    pa = library("pyarrow")
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def lists(rows: np.ndarray) -> Any:
    pa = library("pyarrow")
    return fixed(rows).cast(pa.list_(pa.from_numpy_dtype(rows.dtype)))


def polars_frame(rows: np.ndarray) -> Any:
    pl = library("polars")
    return pl.DataFrame({"id": range(len(rows)), "vector": pl.Series(rows)})


def arrow_in_pandas(rows: np.ndarray) -> Any:
    pd = library("pandas")
    column = lists(rows)
    return pd.Series(column, dtype=pd.ArrowDtype(column.type))


def duckdb_query(rows: np.ndarray, words: str) -> Any:
    connection = library("duckdb").connect()
    connection.register("given", polars_frame(rows).to_arrow())
    return connection.sql(f"select {words} from given order by id")


def dataset(rows: np.ndarray) -> Any:
    return library("datasets").Dataset.from_dict({"v": list(rows)})


def zarr_array(rows: np.ndarray) -> Any:
    zarr = library("zarr")
    return zarr.create_array(zarr.storage.MemoryStore(), data=rows, chunks=(7, DIM))


HOLDERS: dict[str, Callable[[np.ndarray], Any]] = {
    "Polars array": lambda x: library("polars").Series(x),
    "Polars list": lambda x: library("polars").Series(x).arr.to_list(),
    "Polars frame": polars_frame,
    "Polars frame of numbers": lambda x: library("polars").DataFrame(x),
    "DuckDB array": lambda x: duckdb_query(x, "vector"),
    "DuckDB list": lambda x: duckdb_query(x, "vector::FLOAT[] as vector, id"),
    "pandas column of arrays": lambda x: library("pandas").Series(list(x)),
    "pandas column of lists": lambda x: library("pandas").Series(x.tolist()),
    "pandas column of Arrow": arrow_in_pandas,
    "pandas frame": lambda x: library("pandas").DataFrame(x),
    "pandas frame of one column": lambda x: library("pandas").DataFrame({"v": list(x)}),
    "datasets column": lambda x: dataset(x)["v"],
    "datasets rows that were chosen": lambda x: dataset(x[::-1].copy()).select(
        range(len(x) - 1, -1, -1)
    )["v"],
    "datasets whole": dataset,
    "torch": lambda x: library("torch").from_numpy(x),
    "torch with gradient": lambda x: library("torch").tensor(x, requires_grad=True),
    "zarr": zarr_array,
}


def saved(rows: Any, path: Path) -> bytes:
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    quiver.Index.build(rows, params=params, backend="reference").save(path)
    return path.read_bytes()


@pytest.mark.parametrize("name", HOLDERS)
def test_the_index_is_that_of_the_rows(tmp_path, name):
    rows = POINTS.astype(np.float32)
    held = HOLDERS[name](rows)
    assert saved(held, tmp_path / "a") == saved(rows, tmp_path / "b")


@given(
    name=st.sampled_from(["Polars array", "Polars list", "Polars frame"]),
    dtype=st.sampled_from(["f4", "f8", "i1", "u1"]),
    ends=st.tuples(st.integers(0, ROWS - 2), st.integers(0, ROWS - 2)),
    n_times=st.integers(1, 3),
)
def test_slices_and_pieces_of_polars_are_those_of_numpy(
    tmp_path_factory, name, dtype, ends, n_times
):
    pl = library("polars")
    rows, part = POINTS.astype(dtype), slice(min(ends), max(ends) + 2)
    held = HOLDERS[name](rows)[part]
    held = pl.concat([held] * n_times, rechunk=False)
    expected = np.concatenate([rows[part]] * n_times)
    path = tmp_path_factory.getbasetemp() / "of_polars.quiver"
    assert saved(held, path) == saved(expected, path)


def test_ids_are_taken_from_a_column(tmp_path):
    frame = polars_frame(POINTS.astype(np.float32))
    index = quiver.Index.build(
        frame["vector"], ids=frame["id"] + 500, backend="reference"
    )
    np.testing.assert_array_equal(index.ids, np.arange(500, 500 + ROWS))
    index.add(frame["vector"][:3], frame["id"][:3])
    index.update(frame["id"][:1], frame["vector"][9:10])
    np.testing.assert_array_equal(index.get(0), POINTS[9])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "Polars null": (lambda: library("polars").Series([[1.0], None]), "null in row 1"),
    "Polars words": (lambda: library("polars").Series(["a"]), "got text"),
    "Polars query": (lambda: polars_frame(POINTS).lazy(), r"vectors\.collect\(\)"),
    "pandas null": (
        lambda: library("pandas").Series([[1.0], None]),
        "None in row 1; drop or fill",
    ),
    "datasets null": (
        lambda: library("datasets").Dataset.from_dict({"v": [[1.0], None]})["v"],
        "null in row 1",
    ),
    "torch elsewhere": (
        lambda: library("torch").empty(3, 4, device="meta"),
        r"device meta; give vectors\.cpu\(\)",
    ),
    "torch sparse": (
        lambda: library("torch").from_numpy(POINTS).to_sparse(),
        r"to_dense\(\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_says_why(name):
    make, words = REFUSED[name]
    with pytest.raises(InvalidTypeError, match=words):
        quiver.Index.build(make())
