"""Check: a certificate that an index is sound, line by line.

What a kernel relies on, what the build promises (every row reachable), and what a
user feels (a stored vector finds itself). The verdict names what was not read. See
docs/algorithm/build.md, step 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Vectors
from quiver.encoding import drop_norms
from quiver.graph.reachability import degrees, reachable
from quiver.index import Index
from quiver.params import DEFAULT_EF
from quiver.reference.codes import Codes
from quiver.reference.rerank import exact_distance
from quiver.storage.cold import ColdVectors
from quiver.storage.invariants import (
    Fault,
    codes_fault,
    ids_fault,
    neighbors_fault,
    transform_fault,
    vectors_fault,
)

SAMPLE_ROWS = 200
_BLOCK_ROWS = 1 << 14


@dataclass(frozen=True)
class CheckLine:
    """One check and its outcome.

    Attributes
    ----------
    name : str
        What was checked.
    passed : bool
        Whether it holds.
    detail : str
        What was measured, or the first fault.
    """

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class CheckReport:
    """Outcome of `check`.

    Attributes
    ----------
    lines : tuple of CheckLine
        In the order they were checked.
    left_out : tuple of str
        What the checks did not cover; empty if they covered everything.
    """

    lines: tuple[CheckLine, ...]
    left_out: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(line.passed for line in self.lines)

    def __str__(self) -> str:
        """Return one line per check and a last one that says it all."""
        rows = [
            f"{'ok  ' if line.passed else 'FAIL'}  {line.name:<13} {line.detail}"
            for line in self.lines
        ]
        failed = sum(not line.passed for line in self.lines)
        total = len(self.lines)
        verdict = f"sound: {total} of {total} checks passed"
        if failed:
            verdict = f"NOT SOUND: {failed} of {total} checks failed"
        return "\n".join([*rows, "; ".join([verdict, *self.left_out])])


def check(index: Index, *, full: bool = False) -> CheckReport:
    """Certify an index: see `quiver.Index.check`."""
    lines = [*_sound_parts(index)]
    # Walking a graph that points outside itself would read outside its arrays.
    if all(line.passed for line in lines):
        lines.append(_reachability(index))
        if not _is_rounded(index):
            lines.append(_codes_again(index, full=full))
        lines.append(_self_search(index))
    if full:
        lines.append(_cold_vectors(index))
    return CheckReport(tuple(lines), tuple(_left_out(index, full=full)))


def _left_out(index: Index, *, full: bool) -> Iterator[str]:
    unread = []
    if n_unread := index.n - len(_sample_rows(index.n)):
        unread.append(f"{n_unread} of {index.n} vectors")
    if isinstance(index.vectors, ColdVectors) and index.vectors.origin is not None:
        unread.append("the vectors' checksum")
    if unread and not full:
        yield f"not read: {', '.join(unread)} (full=True or --full reads all)"
    if _is_rounded(index):
        yield "codes not compared: the vectors were rounded to float16 after coding"


def _is_rounded(index: Index) -> bool:
    """Whether the vectors are no longer those that were coded."""
    stored = index.vectors
    return isinstance(stored, ColdVectors) and stored.cold_dtype == "float16"


def _sound_parts(index: Index) -> Iterator[CheckLine]:
    n, dim = index.n, len(index.transform.mean)
    sizes = {len(index.neighbors), len(index.ids), len(index.vectors)}
    yield CheckLine("sizes", sizes == {n}, f"{n} codes, {sorted(sizes)} other rows")
    yield _line(
        "codes", codes_fault(index.codes, index.metric), f"{n} rows of {dim} dimensions"
    )
    degree = degrees(index.neighbors)
    spread = f"{degree.min()} … {degree.max()} edges a row, mean {degree.mean():.1f}"
    yield _line("graph", neighbors_fault(index.neighbors), spread)
    inside = 0 <= index.entry_point < n
    yield CheckLine("entry point", inside, f"row {index.entry_point} of {n}")
    yield _line("ids", ids_fault(index.ids), "unique, none of them -1")
    mean_fault = transform_fault(index.transform, index.encoding)
    yield _line(
        "transform", mean_fault, f"{len(index.transform.signs)} rotation rounds"
    )


def _reachability(index: Index) -> CheckLine:
    unreached = np.flatnonzero(~reachable(index.neighbors, index.entry_point))
    detail = f"all {index.n} rows from the entry point"
    if unreached.size:
        detail = f"{unreached.size} rows cannot be reached, first row {unreached[0]}"
    return CheckLine("reachability", not unreached.size, detail)


def _self_search(index: Index) -> CheckLine:
    """Search a sample of stored vectors; equals and nearer rows count as itself.

    How many are found depends on data and parameters: sound indexes of hard data
    find few. None at all is not plausible.
    """
    rows = _sample_rows(index.n)
    vectors = index.vectors[rows]
    if fault := vectors_fault(vectors, index.metric):
        fault = fault._replace(row=int(rows[fault.row]))
        return _line("self-search", fault, "")
    found = index.search(vectors, k=1).distances[:, 0]
    share = float(np.mean(found <= _own_distances(index, vectors)))
    detail = f"{share:.1%} of {len(rows)} sampled vectors find themselves"
    return CheckLine("self-search", share > 0, f"{detail} at ef={DEFAULT_EF}")


def _sample_rows(n: int) -> NDArray[np.intp]:
    """Return rows spread evenly over the index, all of them if there are few."""
    return np.unique(np.linspace(0, n - 1, min(n, SAMPLE_ROWS)).astype(np.intp))


def _own_distances(index: Index, vectors: Vectors) -> Distances:
    own = [exact_distance(row[None], row, index.metric)[0] for row in vectors]
    return np.array(own, dtype=np.float32)


def _cold_vectors(index: Index) -> CheckLine:
    if isinstance(index.vectors, ColdVectors) and not index.vectors.is_intact():
        return CheckLine(
            "cold vectors", passed=False, detail="CRC-32 is not the file's"
        )
    for rows, block in _vector_blocks(index):
        if fault := vectors_fault(block, index.metric):
            fault = fault._replace(row=int(rows[fault.row]))
            return _line("cold vectors", fault, "")
    return CheckLine("cold vectors", passed=True, detail="all finite and as saved")


def _codes_again(index: Index, *, full: bool) -> CheckLine:
    """Code stored vectors again: the codes must be those of the vectors."""
    name = "codes again"
    sample = _sample_rows(index.n)
    blocks = _vector_blocks(index) if full else [(sample, index.vectors[sample])]
    n_rows = 0
    for rows, block in blocks:
        coded = _encode(index, block)
        differs = np.flatnonzero((coded.rows != index.codes.rows[rows]).any(axis=1))
        if differs.size:
            detail = f"row {rows[differs[0]]} is not the code of its vector"
            return CheckLine(name, passed=False, detail=detail)
        n_rows += len(rows)
    return CheckLine(name, passed=True, detail=f"{n_rows} rows equal in every bit")


def _encode(index: Index, vectors: Vectors) -> Codes:
    codes = index.backend.encode(vectors, index.transform, index.codes.strong)
    if index.metric == "inner_product":
        drop_norms(codes)
    return codes


def _vector_blocks(index: Index) -> Iterator[tuple[NDArray[np.intp], Vectors]]:
    """Yield all vectors with their row numbers, a block at a time."""
    for start in range(0, index.n, _BLOCK_ROWS):
        block = index.vectors[start : start + _BLOCK_ROWS]
        yield np.arange(start, start + len(block)), block


def _line(name: str, fault: Fault | None, detail: str) -> CheckLine:
    if fault is None:
        return CheckLine(name, passed=True, detail=detail)
    place = f"row {fault.row}, column {fault.column}"
    detail = f"{place}: found {fault.found}, expected {fault.expected}"
    return CheckLine(name, passed=False, detail=detail)
