"""The first hour: what users of other libraries type, and what they are told.

Whatever is plain is taken and gives the same index; all else is refused by a typed
error that says what to type instead.
"""

from __future__ import annotations

import array
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from quick import QUICK_BACKEND

import quiver
from quiver.errors import InvalidArgumentError, InvalidTypeError, QuiverError

ROWS, DIM = 30, 4
POINTS = np.random.default_rng(8).normal(size=(ROWS, DIM)).astype(np.float16)
"""Of half precision, so that every dtype below holds the same numbers."""


class Tensor:
    """As much of a torch tensor as a conversion meets."""

    def __init__(
        self, content: np.ndarray, dtype: str = "torch.float32", **state: Any
    ) -> None:
        self.content, self.dtype, self.state = content, dtype, state
        self.shape = content.shape

    @property
    def device(self) -> Any:
        kind = self.state.get("device", "cpu")
        return type("device", (), {"type": kind, "__str__": lambda _: f"{kind}:0"})()

    def detach(self) -> Tensor:
        return Tensor(self.content, self.dtype)

    def float(self) -> Tensor:
        return Tensor(self.content.astype(np.float32))

    def __len__(self) -> int:
        return len(self.content)

    def __getitem__(self, key: Any) -> Tensor:
        return Tensor(self.content[key], self.dtype, **self.state)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.state:
            msg = "Can't call numpy() on Tensor that requires grad."
            raise RuntimeError(msg)
        if self.dtype == "torch.bfloat16":
            msg = "Got unsupported ScalarType BFloat16"
            raise TypeError(msg)
        return self.content


class Frame:
    """As much of a data frame as a conversion meets."""

    def __init__(self, content: np.ndarray) -> None:
        self.content = content

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.content

    def __iter__(self) -> Any:
        return iter(range(self.content.shape[1]))


def column(rows: Any) -> np.ndarray:
    """Return a data frame's column of objects."""
    made = np.empty(len(rows), dtype=object)
    for number, row in enumerate(rows):
        made[number] = row
    return made


def broken(bad: Any, row: int = 7) -> np.ndarray:
    """Return a column of lists of which one row is another thing."""
    rows = column(POINTS.tolist())
    rows[row] = bad
    return rows


TAKEN: dict[str, Callable[[np.ndarray], Any]] = {
    "float16": lambda x: x,
    "float64 in columns": lambda x: np.asfortranarray(x, dtype=np.float64),
    "big-endian": lambda x: x.astype(">f4"),
    "lists": lambda x: x.tolist(),
    "tuples": lambda x: tuple(map(tuple, x.tolist())),
    "list of arrays": list,
    "list of tensors that require grad": lambda x: [
        Tensor(row, requires_grad=True) for row in x
    ],
    "column of lists": lambda x: column(x.tolist()),
    "column of arrays": column,
    "column in a frame of its own": lambda x: Frame(column(x)[:, None]),
    "data frame of numbers": Frame,
    "tensor": Tensor,
    "tensor that requires grad": lambda x: Tensor(x, requires_grad=True),
    "bfloat16 tensor": lambda x: Tensor(x, "torch.bfloat16"),
    "memoryview": memoryview,
    "array of the standard library": lambda x: [
        array.array("d", row) for row in x.tolist()
    ],
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_plain_is_taken(name: str) -> None:
    index = quiver.Index.build(TAKEN[name](POINTS), backend=QUICK_BACKEND)
    np.testing.assert_array_equal(index.vectors, POINTS.astype(np.float32))
    expected = index.search(POINTS[:3], 2)
    found = index.search(TAKEN[name](POINTS[:3]), 2)
    np.testing.assert_array_equal(found.ids, expected.ids)
    rows, _ = quiver.exact_knn(TAKEN[name](POINTS), TAKEN[name](POINTS[:3]), 2)
    np.testing.assert_array_equal(rows, expected.ids)


def test_arrow_columns_are_taken() -> None:
    arrow = pytest.importorskip("pyarrow")
    rows = POINTS.astype(np.float32)
    fixed = arrow.FixedSizeListArray.from_arrays(arrow.array(rows.ravel()), DIM)
    lists = arrow.array(rows.tolist())
    for given in (
        fixed,
        lists,
        arrow.chunked_array([lists[:9], lists[9:]]),
        arrow.table({"embedding": fixed}),
        arrow.table({str(number): rows[:, number] for number in range(DIM)}),
    ):
        index = quiver.Index.build(given, backend=QUICK_BACKEND)
        np.testing.assert_array_equal(index.vectors, rows)
    with pytest.raises(InvalidTypeError, match=r"null in row 1, .*drop"):
        quiver.Index.build(arrow.array([[1.0, 2.0], None]))


REFUSED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "path": ("vectors.npy", ("read_vectors('vectors.npy')", "mmap_mode")),
    "path object": (Path("a/base.fvecs"), ("read_vectors('a/base.fvecs')",)),
    "index path": ("wiki.quiver", ("quiver.open('wiki.quiver')",)),
    "text": ("how do I cook rice?", ("embedded by a model",)),
    "csv": ("0.1, -2e3, 7", ("json.loads", "np.fromstring")),
    "json": ("[[0.1, 2], [3, 4]]", ("json.loads",)),
    "bytes": (POINTS.tobytes(), ("np.frombuffer",)),
    "bytearray": (bytearray(32), ("np.frombuffer",)),
    "none": (None, ("None", "(n, dim)")),
    "sparse": (scipy.sparse.csr_array(POINTS.astype(float)), (".toarray()",)),
    "sparse matrix": (scipy.sparse.coo_matrix(POINTS.astype(float)), (".toarray()",)),
    "generator": ((row for row in POINTS), ("got generator", "list(")),
    "zip": (zip(POINTS, POINTS, strict=True), ("got zip", "list(")),
    "set": ({(1.0, 2.0), (3.0, 4.0)}, ("got set", "list(")),
    "dict": ({7: POINTS[0]}, ("got dict", "np.stack", ".values()")),
    "dict values": ({7: POINTS[0]}.values(), ("got dict_values", "list(")),
    "bool": (POINTS > 0, ("bool", "dtype=np.uint8")),
    "lists of bool": ([[True, False]], ("bool", "dtype=np.uint8")),
    "complex": (POINTS.astype(complex), ("complex128", ".imag")),
    "dates": (POINTS.astype("M8[s]"), ("datetime64", "np.float64")),
    "spans": (POINTS.astype("m8[s]"), ("timedelta64", "np.float64")),
    "column of CSV": (
        np.array(["1.5,2", "3,-4e2"]),
        ("<U", "np.stack([", "np.fromstring", "CSV"),
    ),
    "list of CSV": (["1 2", "3 4"], ("<U", "np.stack([", "np.fromstring")),
    "column of words": (np.array(["a, b", "c"]), ("<U", "by a model")),
    "column of single numbers": (
        np.array(["1.5", "-2"]),
        ("<U", "dtype=np.float32"),
    ),
    "open file": (io.StringIO("1,2"), ("got StringIO", "read_vectors", "np.loadtxt")),
    "numbers as text": (POINTS.astype(str), ("<U", "dtype=np.float32")),
    "records": (np.zeros(3, "f4,f4"), ("structured_to_unstructured",)),
    "objects": (POINTS.astype(object), ("object", "dtype=np.float32")),
    "frame of text and numbers": (
        Frame(np.array([["a", 1.0], ["b", 2.0]], dtype=object)),
        ("select_dtypes",),
    ),
    "an object": (object(), ("got object",)),
    "tensor elsewhere": (
        Tensor(POINTS, device="cuda"),
        ("device cuda:0", ".cpu()"),
    ),
    "list of tensors elsewhere": (
        [Tensor(POINTS[0], device="mps")],
        ("row 0", "device mps:0", ".cpu()"),
    ),
    "ragged": (broken([1.0]), (f"{DIM} numbers in row 0 and 1 in row 7",)),
    "ragged lists": ([[1, 2], [3, 4], [5]], ("2 numbers in row 0 and 1 in row 2",)),
    "row of none": (broken(None), ("None in row 7", "drop or fill")),
    "row missing in pandas": (broken(float("nan")), ("nan in row 7", "drop or fill")),
    "row of a number": (broken(3.0), ("3.0 in row 7", "dtype=np.float32")),
    "row of json": (broken("[1, 2, 3, 4]"), ("row 7", "json.loads(text) for text in")),
    "row of a dict": (broken({"embedding": [1]}), ("dict in row 7", "row[key]")),
    "row of text": (broken(["a", "b"]), ("list in row 7", "dtype=np.float32")),
    "row of rows": (broken(POINTS), ("row 7", f"({ROWS}, {DIM})")),
    "masked": (np.ma.masked_less(POINTS, 0), ("masked", "fill or drop")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_all_else_is_refused_with_what_to_type(name: str) -> None:
    value, words = REFUSED[name]
    index = quiver.Index.build(POINTS, backend=QUICK_BACKEND)
    for argument, call in (
        ("vectors", lambda: quiver.Index.build(value)),
        ("vectors", lambda: quiver.diagnose(value)),
        ("vectors", lambda: quiver.exact_knn(value, POINTS, 2)),
        ("queries", lambda: index.search(value)),
        ("query", lambda: index.explain(value)),
    ):
        with pytest.raises(InvalidTypeError) as caught:
            call()
        for word in (argument, *words):
            assert word in str(caught.value)


SHAPES = {
    "one vector": (POINTS[0], "one vector is vectors[None, :]"),
    "three axes": (POINTS[None], "(1, 30, 4)"),
    "a number": (3.0, "()"),
    "an empty list": ([], "(0,)"),
    "a list of an empty list": ([[]], "1 …"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_another_shape_is_refused_by_its_shape(name: str) -> None:
    value, word = SHAPES[name]
    with pytest.raises(InvalidArgumentError) as caught:
        quiver.Index.build(value)
    assert word in str(caught.value)


def test_a_query_of_another_length_is_told_as_it_was_given() -> None:
    index = quiver.Index.build(POINTS, backend=QUICK_BACKEND)
    with pytest.raises(InvalidArgumentError, match=r"4 columns .*got shape \(3,\)"):
        index.search(POINTS[0, :3])


def test_a_session_in_the_words_of_other_libraries() -> None:
    points = POINTS.astype(np.float32)
    index = quiver.Index.build(points, metric="L2", max_degree=16)
    ids, distances = index.search(points[:2], 5)
    assert (ids.shape, distances.shape) == ((2, 5), (2, 5))
    assert json.loads(json.dumps(index.search(points[0], 5).to_dict()))["ids"][0] == 0
    names = [f"text {row}" for row in range(ROWS)]
    assert index.search(points[3], 1).take(names) == ["text 3"]
    np.testing.assert_array_equal(index.get(int(ids[0, 0])), points[0])


@pytest.mark.parametrize("name", [*REFUSED, *SHAPES])
def test_errors_are_those_of_quiver_and_of_python(name: str) -> None:
    value = (REFUSED | SHAPES)[name][0]
    with pytest.raises(QuiverError) as caught:
        quiver.Index.build(value)
    assert isinstance(caught.value, (TypeError, ValueError))
