"""The facts: every table has its cells, and those printed twice agree."""

from __future__ import annotations

import pytest

from quiver.auditing import published
from quiver.auditing.published import (
    BY_ALPHA,
    BY_CODE,
    BY_EF,
    BY_EF_C,
    BY_M,
    DATA_SETS,
    EF,
    OVERLAP,
    SWEPT,
    Grid,
    data_set,
)
from quiver.datasets.generators import REGIMES

GRIDS = (BY_EF, BY_M, BY_EF_C, BY_ALPHA, BY_CODE)


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: f"table {grid.table}")
def test_every_line_has_a_recall_for_every_beam_and_they_grow_with_it(
    grid: Grid[str],
) -> None:
    for cells in grid.lines.values():
        assert len(cells) == len(grid.efs)
        assert list(cells) == sorted(cells)
        assert all(0 < cell <= 100 for cell in cells)


def test_the_tables_are_numbered_as_in_the_paper() -> None:
    assert [(grid.table, grid.label) for grid in GRIDS] == [
        (5, "data set"),
        (7, "m"),
        (8, "ef_c"),
        (9, "alpha"),
        (10, "code"),
    ]


def test_what_is_printed_in_several_tables_agrees_to_a_tenth() -> None:
    for ef in (64, 128, 256, 1024):
        cells = [
            BY_EF.at(SWEPT, ef),
            BY_M.at(32, ef),
            BY_EF_C.at(128, ef),
            BY_ALPHA.at(1.2, ef),
        ]
        assert max(cells) - min(cells) == pytest.approx(0, abs=0.11)
    for name in BY_EF.lines:
        assert BY_EF.at(name) == pytest.approx(data_set(name).recall, abs=0.06)


def test_the_kinds_of_the_generators_have_the_recalls_of_table_11() -> None:
    printed = {one.name: one for one in DATA_SETS}
    assert len(printed) == 12
    stand_ins = [regime for regime in REGIMES if regime.published != "none"]
    assert len(stand_ins) == 11
    for regime in stand_ins:
        one = printed[regime.published]
        assert one.recall == pytest.approx(100 * regime.published_recall)
        assert one.dim == regime.dim


def test_memory_seconds_and_speeds_are_of_the_lines_that_recalls_are_of() -> None:
    assert published.HOT_MB.keys() == BY_EF.lines.keys()
    assert published.QUERIES_PER_SECOND.keys() == BY_EF.lines.keys()
    assert {len(v) for v in published.QUERIES_PER_SECOND.values()} == {5}
    assert published.HOT_MB_BY_M.keys() == BY_M.lines.keys()
    assert published.HOT_MB_BY_M[32] == published.HOT_MB[SWEPT]
    assert published.BUILD_SECONDS_BY_M.keys() == BY_M.lines.keys()
    assert published.BUILD_SECONDS_BY_EF_C.keys() == BY_EF_C.lines.keys()
    assert published.BUILD_SECONDS_BY_ALPHA.keys() == BY_ALPHA.lines.keys()
    assert OVERLAP.keys() == BY_CODE.lines.keys()
    assert published.ADJACENCY_MB.keys() == published.CODE_MB.keys()


def test_a_ratio_of_misses_is_that_of_two_cells() -> None:
    assert BY_M.missed_times(8, 32) == pytest.approx(30.8 / 4.9)
    assert BY_CODE.missed_times("1-bit sign", "2-bit SM", 256) == pytest.approx(
        3.9 / 0.7
    )
    assert EF == 64
