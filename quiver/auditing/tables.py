"""Tables: the published figures beside the measured ones, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quiver.auditing import footprint
from quiver.auditing.cells import Cell, Row, Table
from quiver.auditing.coding import HAMMING, WALKS, WEIGHTS
from quiver.auditing.data import Data
from quiver.auditing.kinds import Kind
from quiver.auditing.measuring import Line, Measured
from quiver.auditing.published import (
    BY_ALPHA,
    BY_CODE,
    BY_EF,
    BY_EF_C,
    BY_M,
    DATA_SETS,
    EF,
    HOT_MB,
    ONE_BIT,
    OVERLAP,
    TWO_BITS,
    UNIFORM,
    DataSet,
    Grid,
    K,
    M,
    data_set,
)
from quiver.recall.intervals import CONFIDENCE, share_interval

L = TypeVar("L", str, int, float)

PUBLISHED_ONLY = "nothing: published only"
ARITHMETIC = "no data: arithmetic"


def all_tables(measured: Measured, data: Data) -> tuple[Table, ...]:
    """Return every table that was rebuilt."""
    where = str(data)
    tables = [
        _by_ef(measured, where),
        _swept(
            BY_M,
            measured.by_m,
            where,
            "The bound of a list is 2m. Bytes of a list: as wide as while building, by "
            "the published formula, and as it is here.",
            list_bytes=_list_bytes,
            edges=_edges,
        ),
        _swept(BY_EF_C, measured.by_ef_c, where, "Width of the beam while building."),
        _swept(
            BY_ALPHA,
            measured.by_alpha,
            where,
            "The published rule fills lists with what it rejected, whatever alpha.",
            edges=_edges,
        ),
        _by_code(measured, where),
    ]
    if measured.kinds:
        tables.append(_by_kind(measured, where))
    return (*tables, _hot(measured, data))


def _recall(hits: NDArray[np.int64] | None, published: float | None) -> Cell:
    if hits is None:
        return Cell(published)
    return Cell(published, *(100 * one for one in share_interval(hits / K, CONFIDENCE)))


def _by_ef(measured: Measured, where: str) -> Table:
    sets = tuple(BY_EF.lines)
    rows = [
        Row(
            str(ef),
            (
                *(Cell(BY_EF.at(name, ef)) for name in sets),
                *(
                    _recall(by_ef.get(ef), None)
                    for by_ef in measured.base.hits.values()
                ),
            ),
            where,
        )
        for ef in BY_EF.efs
    ]
    return Table(
        "5",
        "Recall by beam width",
        "The last two columns are of the data at hand: one graph walked by Hamming, as "
        "the published program does, and by the printed distance, as quiver does.",
        "ef",
        (*sets, *(f"here, by {walk}" for walk in measured.base.hits)),
        tuple(rows),
    )


def _swept(
    grid: Grid[L],
    lines: dict[L, Line],
    where: str,
    note: str,
    **further: Callable[[L, Line], Cell],
) -> Table:
    """Return a table that varies one parameter, with columns beside the recalls.

    Each of its lines is walked in every way.
    """

    def cells(label: L, line: Line, walk: str) -> tuple[Cell, ...]:
        recalls: list[Cell] = [
            _recall(line.hits[walk].get(ef), grid.at(label, ef)) for ef in grid.efs
        ]
        return (*recalls, *(cell(label, line) for cell in further.values()))

    rows = [
        Row(f"{label}, {walk}", cells(label, line, walk), where)
        for label, line in lines.items()
        for walk in line.hits
    ]
    others: list[str] = [name.replace("_", " ") for name in further]
    columns = (*(f"ef={ef}" for ef in grid.efs), *others)
    title = f"Recall by {grid.label}"
    return Table(str(grid.table), title, note, grid.label, columns, tuple(rows))


def _edges(_: object, line: Line) -> Cell:
    return Cell(measured=line.mean_degree)


def _list_bytes(m: int, _: Line) -> Cell:
    return Cell(footprint.list_bytes(m), 4 * 2 * m)


def _by_code(measured: Measured, where: str) -> Table:
    def row(label: str, name: str, walk: str) -> Row:
        hits = measured.by_code[name].hits[walk]
        recalls = [_recall(hits.get(ef), BY_CODE.at(name, ef)) for ef in BY_CODE.efs]
        overlap = _recall(measured.overlaps[name], OVERLAP[name])
        return Row(label, (overlap, *recalls), where)

    rows = [
        row(ONE_BIT, ONE_BIT, WEIGHTS),
        *(row(f"{TWO_BITS}, {walk}", TWO_BITS, walk) for walk in WALKS),
        row(UNIFORM, UNIFORM, WEIGHTS),
    ]
    return Table(
        "10",
        "Recall by code",
        "Overlap: the true 10 among the code's own first 10 of all rows. For the "
        "paper's 2-bit SQ stand quiver's values -3, -1, 1, 3, not centred, not "
        "rotated; where the steps of the paper's lie is not known.",
        "code",
        ("overlap", *(f"ef={ef}" for ef in BY_CODE.efs)),
        tuple(rows),
    )


def _by_kind(measured: Measured, where: str) -> Table:
    drawn = {kind.published.name: kind for kind in measured.kinds}
    rows = [_kind(one, drawn.get(one.name)) for one in DATA_SETS]
    here = Row("here", (_recall(measured.base.hits[HAMMING][EF], None), Cell()), where)
    return Table(
        "11",
        f"Where it works: recall at ef={EF}",
        "Drawn data stand in for the published; their rows are few, so every figure is "
        "better than of a million. What eight bits find in a graph of the same shape "
        "tells a loss by the code from a task that no graph would do.",
        "data set",
        ("recall", "8 bits"),
        (*rows, here),
    )


def _kind(one: DataSet, kind: Kind | None) -> Row:
    if kind is None:
        return Row(one.name, (Cell(one.recall), Cell()), PUBLISHED_ONLY)
    cells = _recall(kind.hits, one.recall), _recall(kind.wide_hits, None)
    return Row(one.name, cells, f"{kind.stand_in}, drawn, {kind.rows:,} x {one.dim}")


def _hot(measured: Measured, data: Data) -> Table:
    rows = []
    for name, printed in HOT_MB.items():
        one = data_set(name)
        each = footprint.hot_bytes(one.dim)
        total = Cell(printed, one.rows * each / footprint.MIB)
        rows.append(Row(name, (total, Cell(each)), ARITHMETIC))
    memory = measured.memory
    here = Cell(footprint.hot_bytes(data.dim), memory.hot_per_vector)
    total = Cell(measured=memory.hot / footprint.MIB)
    rows.append(Row("here", (total, here), str(data)))
    return Table(
        "2, 5",
        f"Hot memory, m={M}",
        "In MiB, and in bytes a vector, which are exact: two bits a coordinate and "
        "4m + 1 words. Here a list is 2m words, a code whole cache lines, an id 8 "
        "bytes.",
        "data set",
        ("MiB", "bytes a vector"),
        tuple(rows),
    )
