"""Check: a certificate that an index is sound, line by line.

What a kernel relies on, what the build promises (every row reachable), and what a
user feels (a stored vector finds itself). The verdict names what was not read. See
docs/algorithm/build.md, step 5.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Mask, Vectors
from quiver.backends.protocol import Backend
from quiver.check.report import CheckLine, CheckReport
from quiver.encoding import encode_searched
from quiver.graph.reachability import degrees, reachable
from quiver.parallel.workers import Workers
from quiver.params import DEFAULT_EF, SearchParams
from quiver.reference.codes import Codes
from quiver.reference.keys import NO_ID, key_distances
from quiver.reference.masks import count_marked, n_words
from quiver.reference.rerank import exact_distance
from quiver.reference.transform import evenly_taken
from quiver.search import scan, search, walk
from quiver.state import State
from quiver.storage.invariants import (
    Fault,
    codes_fault,
    entry_points_fault,
    ids_fault,
    mean_fault,
    neighbors_fault,
    unlinked_fault,
    vectors_fault,
)
from quiver.storage.pieced import cold_base

SAMPLE_ROWS = 200
PROBES = 50
LEAST_SHARE = 0.5
"""Of the nearest codes that walks must find. Isotropic noise, 10 000 x 384, where
nothing is near, still gives 0.84."""
LOST_SHARE = 1e-3
"""Of the rows that small additions may leave out of reach until they are linked."""
_BLOCK_ROWS = 1 << 14


def check(state: State, backend: Backend, *, full: bool = False) -> CheckReport:
    """Certify a state: see `quiver.Index.check`."""
    lines = [*_sound_parts(state)]
    # Walking a graph that points outside itself would read outside its arrays.
    if all(line.passed for line in lines):
        if state.has_graph:
            lines.append(_reachability(state))
        if not state.is_rounded:
            lines.append(_codes_again(state, backend, full=full))
        if state.n_live:
            lines.append(_self_search(state, backend))
        if state.has_graph and state.n_nodes:
            lines.append(_walk_against_scan(state, backend))
    if full:
        lines.append(_cold_vectors(state))
    return CheckReport(tuple(lines), tuple(_left_out(state, full=full)))


def _left_out(state: State, *, full: bool) -> Iterator[str]:
    unread = []
    if n_unread := state.n - len(_sample_rows(state.n)):
        unread.append(f"{n_unread} of {state.n} vectors")
    cold = cold_base(state.vectors)
    if cold is not None and cold.origin is not None:
        is_all = cold.origin.hot == "mmap"
        unread.append("the file's checksums" if is_all else "the vectors' checksum")
    if unread and not full:
        yield f"not read: {', '.join(unread)} (full=True or --full reads all)"
    if state.is_rounded:
        yield "codes not compared: the vectors were rounded to float16 after coding"


def _sound_parts(state: State) -> Iterator[CheckLine]:
    n, dim = state.n, len(state.transform.mean)
    sizes = {len(state.neighbors), len(state.ids), len(state.vectors)}
    yield CheckLine("sizes", sizes == {n}, f"{n} codes, {sorted(sizes)} other rows")
    yield _line(
        "codes", codes_fault(state.codes, state.metric), f"{n} rows of {dim} dimensions"
    )
    if state.live is not None:
        yield CheckLine("live rows", *_live_rows(state, state.live))
    graph_fault = neighbors_fault(state.neighbors)
    start_fault = entry_points_fault(state.entry_points, n)
    if not (graph_fault or start_fault):
        graph_fault = unlinked_fault(
            *(state.unlinked, state.neighbors, state.entry_points, state.metric)
        )
    yield _line("graph", graph_fault, _spread(state))
    starts = "none, so every row is looked at"
    if state.has_graph:
        starts = f"{len(state.entry_points)}, the first of them row {state.entry_point}"
    yield _line("entry points", start_fault, starts)
    yield _line("ids", ids_fault(state.live_ids), "unique, none of them -1")
    fault = mean_fault(state.transform.mean, state.encoding)
    yield _line("transform", fault, f"{len(state.transform.signs)} rotation rounds")


def _live_rows(state: State, live: Mask) -> tuple[bool, str]:
    n_marked = int(np.count_nonzero(state.is_live))
    is_sound = live.shape == (n_words(state.n),) and count_marked(live) == n_marked
    return is_sound, f"{n_marked} of {state.n}, the others were removed"


def _spread(state: State) -> str:
    if not state.n:
        return "no rows"
    degree, n = degrees(state.neighbors), state.n
    n_in = np.bincount(state.neighbors[state.neighbors < n], minlength=n)
    return (
        f"{degree.min()} … {degree.max()} edges a row, mean {degree.mean():.1f}; "
        f"{n_in.min()} … {n_in.max()} into a row"
    )


def _reachability(state: State) -> CheckLine:
    reached = reachable(state.neighbors, state.entry_point)
    lost = np.flatnonzero(state.is_node & ~reached)
    detail = f"all {state.n_nodes} rows from the entry point"
    if len(state.unlinked):
        detail += f"; {len(state.unlinked)} copies or zero vectors need no walk"
    if lost.size:
        detail = f"{lost.size} rows cannot be reached, first row {lost[0]}"
    is_sound = not lost.size
    if 0 < lost.size <= state.n_nodes * LOST_SHARE and not state.is_tidy:
        is_sound, detail = True, f"{detail}, until consolidate() links them"
    # Equal vectors have equal codes.
    copies = state.unlinked[state.unlinked[:, 0] != NO_ID]
    originals, rows = (state.codes.rows[ids] for ids in copies.T)
    wrong = np.flatnonzero((originals != rows).any(axis=1))
    if wrong.size:
        row, original = copies[wrong[0]][::-1]
        detail = f"row {row} is no copy of row {original}, which answers for it"
    return CheckLine("reachability", is_sound and not wrong.size, detail)


def _self_search(state: State, backend: Backend) -> CheckLine:
    """Search a sample of stored vectors; equals and nearer rows count as itself.

    How many are found depends on data and parameters: sound indexes of hard data
    find few. None at all is not plausible.
    """
    rows = state.live_rows[_sample_rows(state.n_live)]
    vectors = state.vectors[rows]
    if fault := vectors_fault(vectors, state.metric):
        fault = fault._replace(row=int(rows[fault.row]))
        return _line("self-search", fault, "")
    effort = SearchParams.resolve(1, None, None)
    found = search(state, backend, vectors, effort).distances[:, 0]
    share = float(np.mean(found <= _own_distances(state, vectors)))
    detail = f"{share:.1%} of {len(rows)} sampled vectors find themselves"
    return CheckLine("self-search", share > 0, f"{detail} at ef={DEFAULT_EF}")


def _walk_against_scan(state: State, backend: Backend) -> CheckLine:
    """Compare what walks find with the nearest of all codes: the graph's own loss.

    A graph whose lists have shrunk loses most of them, whatever the data; the
    hardest data leave a sound one more than ``LEAST_SHARE``.
    """
    sample = _sample_rows(state.n_live)[:: SAMPLE_ROWS // PROBES]
    rows = state.live_rows[sample]
    queries = state.vectors[rows]
    wanted = min(10, state.n_nodes)
    beams = walk(state, backend, queries, DEFAULT_EF)
    distances = scan(state, backend, queries)
    kth = np.partition(distances, wanted - 1, axis=1)[:, wanted - 1, None]
    found = key_distances(beams.keys[:, :wanted]) <= kth
    share = float(found.mean())
    detail = f"{share:.1%} of the {wanted} nearest codes at ef={DEFAULT_EF}"
    return CheckLine("walks", share >= LEAST_SHARE, f"{detail}, {len(rows)} probes")


def _sample_rows(n: int) -> NDArray[np.intp]:
    """Return rows spread evenly over the index, all of them if there are few."""
    return evenly_taken(n, SAMPLE_ROWS)


def _own_distances(state: State, vectors: Vectors) -> Distances:
    own = [exact_distance(row[None], row, state.metric)[0] for row in vectors]
    return np.array(own, dtype=np.float32)


def _cold_vectors(state: State) -> CheckLine:
    cold = cold_base(state.vectors)
    if cold is not None and (name := cold.first_damaged()) is not None:
        detail = f"CRC-32 of section {name!r} is not the file's"
        return CheckLine("cold vectors", passed=False, detail=detail)
    for rows, block in _vector_blocks(state):
        if fault := vectors_fault(block, state.metric):
            fault = fault._replace(row=int(rows[fault.row]))
            return _line("cold vectors", fault, "")
    return CheckLine("cold vectors", passed=True, detail="all finite and as saved")


def _codes_again(state: State, backend: Backend, *, full: bool) -> CheckLine:
    """Code stored vectors again: the codes must be those of the vectors."""
    name = "codes again"
    sample = _sample_rows(state.n)
    blocks = _vector_blocks(state) if full else [(sample, state.vectors[sample])]
    n_rows = 0
    for rows, block in blocks:
        coded = _encode(state, backend, block)
        differs = np.flatnonzero((coded.rows != state.codes.rows[rows]).any(axis=1))
        if differs.size:
            detail = f"row {rows[differs[0]]} is not the code of its vector"
            return CheckLine(name, passed=False, detail=detail)
        n_rows += len(rows)
    return CheckLine(name, passed=True, detail=f"{n_rows} rows equal in every bit")


def _encode(state: State, backend: Backend, vectors: Vectors) -> Codes:
    how = state.metric, state.transform, state.encoding
    with Workers(1) as workers:
        return encode_searched(backend, vectors, *how, workers)


def _vector_blocks(state: State) -> Iterator[tuple[NDArray[np.intp], Vectors]]:
    """Yield all vectors with their row numbers, a block at a time."""
    for start in range(0, state.n, _BLOCK_ROWS):
        block = state.vectors[start : start + _BLOCK_ROWS]
        yield np.arange(start, start + len(block)), block


def _line(name: str, fault: Fault | None, detail: str) -> CheckLine:
    if fault is None:
        return CheckLine(name, passed=True, detail=detail)
    place = f"row {fault.row}, column {fault.column}"
    detail = f"{place}: found {fault.found}, expected {fault.expected}"
    return CheckLine(name, passed=False, detail=detail)
