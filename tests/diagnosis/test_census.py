"""Census: rows of every kind are found among all, wherever they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rows import normal_rows

from quiver.conformance.hazards import METRICS
from quiver.diagnosis.census import Census, take_census
from quiver.errors import CancelledError
from quiver.parallel.progress import ProgressMeter
from quiver.reference.transform import far_rows


def census(matrix: np.ndarray, metric: str = "euclidean") -> Census:
    return take_census(matrix, metric, ProgressMeter(None, 1))


def spoiled_rows() -> np.ndarray:
    """Return 2 000 rows with one or two of every kind."""
    rows = normal_rows(2000, 24)
    rows[3] = np.nan
    rows[1999, 23] = np.inf
    rows[[600, 1700]] = 0
    rows[700] = 7
    rows[1300] = rows[20]
    rows[512] = -999
    rows[900] *= 1e4
    rows[1000] = 1e-3 * rows[1001]
    return rows


def test_one_row_of_every_kind_is_found_among_all() -> None:
    found = census(spoiled_rows())
    assert found.n == 2000
    assert found.unusable.tolist() == [3, 1999]
    assert found.zero.tolist() == [600, 1700]
    assert found.constant.tolist() == [512, 700]
    assert found.copies.tolist() == [1300, 1700]
    assert found.far.tolist() == [512, 900]
    assert found.central.tolist() == [600, 1000, 1700]
    assert found.usable().tolist() == [row for row in range(1999) if row != 3]


def test_zero_vectors_under_cosine_are_neither_copies_nor_points() -> None:
    found = census(spoiled_rows(), "cosine")
    assert found.zero.tolist() == [600, 1700]
    assert found.copies.tolist() == [1300]
    assert not found.far.size, "no direction is far"
    assert not found.central.size


@pytest.mark.parametrize("metric", METRICS)
def test_ordinary_rows_are_of_no_kind(metric: str) -> None:
    _, *kinds = census(normal_rows(1500, 24), metric)
    assert [len(kind) for kind in kinds] == [0] * 6


def test_far_rows_are_those_that_do_not_move_the_mean() -> None:
    rows = normal_rows(1500, 24)
    rows[::50] *= np.linspace(1, 40, 30, dtype=np.float32)[:, None]
    expected = np.flatnonzero(far_rows(rows, "euclidean"))
    assert 0 < len(expected) < 30
    assert np.array_equal(census(rows).far, expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, ">f4"])
def test_a_mapped_file_of_any_kind_is_read_as_the_array(
    tmp_path: Path, dtype: str
) -> None:
    rows = (100 * normal_rows(1100, 6)).astype(dtype)
    rows[[5, 1099]] = 0
    np.save(tmp_path / "rows.npy", rows)
    mapped = census(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    for kind, expected in zip(mapped, census(rows.astype(np.float32)), strict=True):
        assert np.array_equal(kind, expected)
    assert mapped.zero.tolist() == [5, 1099]


def test_what_the_metric_cannot_take_is_unusable() -> None:
    rows = normal_rows(300, 8)
    rows[8] *= 1e20
    assert census(rows).unusable.tolist() == [8]
    assert not census(rows, "cosine").unusable.size


def test_nothing_but_unusable_rows_is_no_error() -> None:
    found = census(np.full((40, 3), np.nan))
    assert len(found.unusable) == 40
    assert not found.copies.size


def test_a_census_can_be_cancelled() -> None:
    meter = ProgressMeter(lambda *_: False, 1)
    with pytest.raises(CancelledError):
        take_census(normal_rows(600, 4), "euclidean", meter)
