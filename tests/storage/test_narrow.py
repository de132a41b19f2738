"""Narrow: rows as a file stores them, and the row that does not fit by its number."""

from __future__ import annotations

import numpy as np
import pytest

from quiver.errors import InvalidArgumentError
from quiver.storage.narrow import LEAST_NORMAL, as_stored

ROWS = np.array([[1.5, 2.0], [LEAST_NORMAL, 0.0], [0.0, 0.0]], dtype=np.float32)


def test_what_fits_is_rounded_and_zeros_are_not_faint() -> None:
    stored = as_stored(ROWS, "float16", "euclidean")
    assert stored.dtype == np.float16
    np.testing.assert_array_equal(stored, ROWS.astype(np.float16))
    assert as_stored(ROWS, "float32", "euclidean") is ROWS


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (
            7e4,
            "float16",
            "finite .* as float16, got 70000.0 in row 41, column 1; scale",
        ),
        (1e-6, "float16", "got at most 1e-06 in row 41"),
        (3.5, "uint8", r"whole numbers in 0 … 255 as uint8, got 3\.5 in row 41"),
    ],
)
def test_the_row_that_does_not_fit_is_named_by_its_number(
    value: float, dtype: str, message: str
) -> None:
    rows = np.ones((3, 2), dtype=np.float32)
    rows[1] = [0, value]
    with pytest.raises(InvalidArgumentError, match=message):
        as_stored(rows, dtype, "euclidean", first_row=40)
