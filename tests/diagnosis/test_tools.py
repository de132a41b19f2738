"""Tools: the note of an index is short enough for a file, and true of its rows."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows
from scipy.spatial import cKDTree

import quiver
from quiver.conformance.hazards import METRICS
from quiver.diagnosis.tools import FEW_ROWS, better_tool, tree_for


@pytest.mark.parametrize("metric", METRICS)
def test_every_note_fits_a_file(metric: str) -> None:
    for n in (1, FEW_ROWS - 1, 10**6):
        for dim in (1, 3, 4):
            note = better_tool(n, dim, metric).get("advice", "-")
            assert 1 <= len(note) <= 64


def test_many_rows_of_many_dimensions_get_none() -> None:
    assert better_tool(FEW_ROWS, 4, "cosine") == {}


def test_no_tree_is_named_for_the_inner_product() -> None:
    assert tree_for(2, "inner_product") == ""


def test_a_tree_over_unit_rows_finds_the_nearest_by_cosine() -> None:
    rows, queries = normal_rows(500, 3), normal_rows(20, 3, seed=9)
    units = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, queries)]
    _, found = cKDTree(units[0]).query(units[1], 10)
    expected, _ = quiver.exact_knn(rows, queries, 10)
    assert np.array_equal(found, expected)
