"""Measuring: every graph that the tables ask for, built once, and walked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from quiver.auditing.coding import (
    HAMMING,
    PUBLISHED,
    SIGNS,
    UNIFORM_LEVELS,
    WALKS,
    WEIGHTS,
    Recode,
    Way,
)
from quiver.auditing.kinds import Kind, rebuild_kinds, stand_ins
from quiver.auditing.published import (
    BY_ALPHA,
    BY_CODE,
    BY_EF,
    BY_EF_C,
    BY_M,
    EF,
    ONE_BIT,
    TWO_BITS,
    UNIFORM,
    Grid,
    K,
)
from quiver.auditing.rebuilding import (
    Built,
    Shape,
    Task,
    Walked,
    build_graph,
    by_code_alone,
    walk_graph,
)
from quiver.memory import MemoryReport
from quiver.parallel.progress import ProgressMeter
from quiver.state import State

L = TypeVar("L", str, int, float)

CODES: dict[str, Way] = {ONE_BIT: SIGNS, UNIFORM: UNIFORM_LEVELS}
"""Those of Table 10 that are no line of another table."""


class Line(NamedTuple):
    """What one graph found.

    Attributes
    ----------
    hits : dict of str to dict of int to ndarray of shape (q,), int64
        True neighbours of each query in a beam, by walk and by width.
    distances : dict of str to dict of int to float
        Code distances of a query, on average, by walk and by width.
    mean_degree : float
        Edges of a row.
    """

    hits: dict[str, dict[int, NDArray[np.int64]]]
    distances: dict[str, dict[int, float]]
    mean_degree: float


@dataclass(frozen=True, eq=False)
class Measured:
    """All that claims are held against.

    Attributes
    ----------
    base : Line
        The graph of the published parameters.
    alone : dict of str to ndarray of shape (q,), int64
        True neighbours of each query among the first ``EF`` of all rows by code, as
        each walk compares: what a graph that loses nothing would find.
    by_m, by_ef_c, by_alpha, by_code : dict
        Lines of Tables 7-10, by label.
    overlaps : dict of str to ndarray of shape (q,), int64
        True neighbours of each query among as many of all rows by code, by code.
    memory : MemoryReport
        Of the base graph.
    kinds : tuple of Kind
        Rows of Table 11; empty where they were not asked for.
    """

    base: Line
    alone: dict[str, NDArray[np.int64]]
    by_m: dict[int, Line]
    by_ef_c: dict[int, Line]
    by_alpha: dict[float, Line]
    by_code: dict[str, Line]
    overlaps: dict[str, NDArray[np.int64]]
    memory: MemoryReport
    kinds: tuple[Kind, ...]

    @property
    def efs(self) -> tuple[int, ...]:
        """Beam widths of Table 5 that were walked."""
        return tuple(ef for ef in BY_EF.efs if ef in self.base.hits[HAMMING])


def count_steps(kind_rows: int) -> int:
    """Return how many graphs are built."""
    swept = (len(grid.lines) - 1 for grid in (BY_M, BY_EF_C, BY_ALPHA))
    return 1 + sum(swept) + len(CODES) + 2 * len(stand_ins()) * (kind_rows > 0)


def measure(task: Task, kind_rows: int, meter: ProgressMeter) -> Measured:
    """Build and walk everything; ``kind_rows`` of each kind of Table 11, or none."""
    built = _build(task, PUBLISHED, Shape(), meter)
    base = _walked(task, built, sorted({*BY_EF.efs, *BY_EF_C.efs}))
    alone = {
        walk: by_code_alone(task, built.walked_by(recode), EF)
        for walk, recode in WALKS.items()
    }
    overlaps = {TWO_BITS: by_code_alone(task, built, K)}
    by_code = {TWO_BITS: base}
    for name, way in CODES.items():
        other = _build(task, way, Shape(), meter)
        # Of these codes there is one distance, so both walks are the same.
        hits, distances, degree = _walked(task, other, BY_CODE.efs, {WEIGHTS: None})
        by_code[name] = Line(
            dict.fromkeys(WALKS, hits[WEIGHTS]),
            dict.fromkeys(WALKS, distances[WEIGHTS]),
            degree,
        )
        overlaps[name] = by_code_alone(task, other, K)

    def swept(shapes: dict[L, Shape], grid: Grid[L]) -> dict[L, Line]:
        return {
            label: base
            if shape == Shape()
            else _walked(task, _build(task, PUBLISHED, shape, meter), grid.efs)
            for label, shape in shapes.items()
        }

    return Measured(
        base=base,
        alone=alone,
        by_m=swept({m: Shape(m=m) for m in BY_M.lines}, BY_M),
        by_ef_c=swept({e: Shape(ef_c=e) for e in BY_EF_C.lines}, BY_EF_C),
        by_alpha=swept({a: Shape(alpha=a) for a in BY_ALPHA.lines}, BY_ALPHA),
        by_code=by_code,
        overlaps=overlaps,
        memory=_memory(built.state),
        kinds=_kinds(task, kind_rows, meter),
    )


def _build(task: Task, way: Way, shape: Shape, meter: ProgressMeter) -> Built:
    built = build_graph(task, way, shape, lambda *_: meter.poll())
    meter.advance(1)
    return built


def _walked(
    task: Task,
    built: Built,
    efs: Iterable[int],
    walks: Mapping[str, Recode | None] = WALKS,
) -> Line:
    n = len(task.sample.vectors)
    # A beam of all rows is a look at every one.
    usable = [ef for ef in efs if ef < n]
    found: dict[str, dict[int, Walked]] = {}
    for walk, recode in walks.items():
        graph = built.walked_by(recode)
        found[walk] = {ef: walk_graph(task, graph, ef) for ef in usable}
    return Line(
        {walk: {ef: one.hits for ef, one in of.items()} for walk, of in found.items()},
        {
            walk: {ef: one.distance_computations for ef, one in of.items()}
            for walk, of in found.items()
        },
        built.mean_degree,
    )


def _memory(state: State) -> MemoryReport:
    return MemoryReport(
        n_vectors=state.n,
        codes=state.codes.rows.nbytes,
        graph=state.neighbors.nbytes,
        ids=state.ids.nbytes,
        vectors=state.vectors.nbytes,
    )


def _kinds(task: Task, rows: int, meter: ProgressMeter) -> tuple[Kind, ...]:
    if not rows:
        return ()
    return rebuild_kinds(rows, task.seed, task.sample.backend, task.threads, meter)
