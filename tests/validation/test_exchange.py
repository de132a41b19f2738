"""Objects that offer DLPack, and Hugging Face's columns, by stand-ins as small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from quick import QUICK_BACKEND

import quiver
from quiver.errors import InvalidTypeError
from quiver.validation.exchange import offered

POINTS = np.random.default_rng(8).normal(size=(30, 4)).astype(np.float32)


class Lender:
    """As much of DLPack as a conversion meets, and no ``__array__``."""

    def __init__(self, content: np.ndarray, device: int = 1) -> None:
        self.content, self.device = content, device

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0

    def __dlpack__(self, **options: Any) -> Any:
        if self.content.dtype == object:
            msg = "Can't export tensors that require gradient"
            raise BufferError(msg)
        return self.content.__dlpack__(**options)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u1"])
def test_what_dlpack_lends_is_read_where_it_is(dtype):
    rows = (10 * POINTS).astype(dtype)[3:, 1:]
    found = offered(Lender(rows), "vectors")
    assert found.dtype == rows.dtype
    assert np.shares_memory(found, rows)
    np.testing.assert_array_equal(found, rows)


def test_an_index_owns_what_dlpack_lent():
    rows = POINTS.copy()
    index = quiver.Index.build(Lender(rows), backend=QUICK_BACKEND)
    rows[:] = 0
    np.testing.assert_array_equal(index.vectors, POINTS)


@pytest.mark.parametrize("device", [2, 8, 10])
def test_another_device_is_named_with_the_remedy(device):
    with pytest.raises(InvalidTypeError, match=rf"\({device}, 0\).*\.get\(\)"):
        quiver.Index.build(Lender(POINTS, device))


def test_what_cannot_be_exported_says_why():
    with pytest.raises(InvalidTypeError, match=r"Lender.*require gradient"):
        quiver.Index.build(Lender(POINTS.astype(object)))


def test_a_query_that_cannot_even_tell_its_shape_is_refused():
    class Pending:
        @property
        def shape(self) -> Any:
            msg = "the connection is closed"
            raise RuntimeError(msg)

    with pytest.raises(InvalidTypeError, match="got Pending"):
        quiver.Index.build(Pending())


class Dataset:
    """As much of a dataset of Hugging Face's as a conversion meets."""

    def __init__(self, content: dict[str, Any], form: str = "python") -> None:
        self.content, self.form = content, form

    def with_format(self, form: str) -> Dataset:
        return Dataset(self.content, form)

    def __getitem__(self, name: str) -> Any:
        assert self.form == "arrow"
        return self.content[name]


class Column:
    """A column of it; to be read by no other way than its source."""

    def __init__(self, source: Dataset, column_name: str) -> None:
        self.source, self.column_name = source, column_name


def test_a_column_of_a_dataset_is_read_as_arrow_has_it(monkeypatch):
    monkeypatch.setattr(Column, "__module__", "datasets.arrow_dataset")
    column = Column(Dataset({"vector": POINTS}), "vector")
    assert offered(column, "vectors") is POINTS
