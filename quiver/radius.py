"""Radius: every row within a distance, as far as codes can tell which may be.

The walk goes on while codes say that rows within reach are left, where reach is the
radius and a margin: an estimate has a known error. All that is within reach is measured
exactly and cut at the radius.

Source: quiver's own; see docs/filters.md.
"""

from __future__ import annotations

from functools import partial
from reprlib import repr as brief
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import Counts, Distances, Ids, Lanes, Metric, Vectors
from quiver.backends.protocol import Backend
from quiver.encoding import encode_queries
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.filters.filter import BUDGET_SHARE
from quiver.filters.given import of_live_rows
from quiver.filters.walk import stack_masks
from quiver.parallel.workers import map_chunks
from quiver.ranking import ranked_with_others
from quiver.reference.bounds import ROUNDING
from quiver.reference.codes import CACHE_LINE, Queries
from quiver.reference.keys import key_distances, key_ids
from quiver.reference.lanes import lane_sum
from quiver.results import RadiusResult, SearchStats
from quiver.search import SEARCH_CHUNK, Filters
from quiver.state import State
from quiver.validation.foreign import as_array

FARTHEST = float(np.finfo(np.float32).max)
"""No finite code distance is larger."""

_REMEDY = "give the largest distance of an answer, as search returns distances"


class Reach(NamedTuple):
    """How far to go.

    Attributes
    ----------
    radius : ndarray of shape (q,), float64
        The largest distance of an answer, of each query.
    confidence : float
        The margin, in standard errors of an estimate.
    ef : int
        Beam width: a walk goes at least as far as a search would.
    max_results : int or None
        Most answers of a query.
    """

    radius: Lanes
    confidence: float
    ef: int
    max_results: int | None


class Within(NamedTuple):
    """Linked rows within the limit of each query, and what it took to find them."""

    rows: list[Ids]
    hops: Counts
    distance_computations: Counts
    lines_read: Counts


def as_radii(radius: Any, n_queries: int, metric: Metric) -> Lanes:
    """Return the radius of every query as float64.

    Raises
    ------
    InvalidTypeError
        If it is no number nor numbers.
    InvalidArgumentError
        If it is not finite, negative where no distance is, or of a wrong shape.
    """
    array = as_array(radius, "radius")
    if array.dtype.kind not in "iuf":
        msg = (
            f"radius must be a number, or one per query, got {brief(radius)} of dtype "
            f"{array.dtype}; {_REMEDY}"
        )
        raise InvalidTypeError(msg)
    array = array.astype(np.float64)
    if array.shape not in ((), (n_queries,)):
        msg = (
            f"radius must be one number or one per query, shape ({n_queries},), "
            f"got shape {array.shape}; {_REMEDY}"
        )
        raise InvalidArgumentError(msg)
    least = -np.inf if metric == "inner_product" else 0.0
    is_wrong = ~(np.isfinite(array) & (array >= least))
    if is_wrong.any():
        rule = "finite" if metric == "inner_product" else "finite and at least 0"
        where = f" for query {np.argmax(is_wrong)}" if array.ndim else ""
        got = f"{array[is_wrong].flat[0]}{where}"
        msg = f"radius must be {rule}, got {got}; {_REMEDY}"
        raise InvalidArgumentError(msg)
    return np.broadcast_to(array, n_queries)


def search_radius(
    state: State,
    backend: Backend,
    queries: Vectors,
    reach: Reach,
    threads: int = 1,
    filters: Filters = None,
) -> RadiusResult:
    """Return all answers of checked queries; see `quiver.Index.search_radius`."""
    if state.encoding.query == "symmetric":
        msg = (
            "encoding must compare int8 queries with codes, for the error of symmetric "
            f"distances is not known, got {state.encoding!r}"
        )
        raise InvalidArgumentError(msg)

    live = of_live_rows(state)
    if filters is None and live is not None:
        filters = [live] * len(queries)

    def search_chunk(start: int, stop: int) -> RadiusResult:
        part = slice(start, stop)
        own = None if filters is None else filters[part]
        asked = reach._replace(radius=reach.radius[part])
        return _search_chunk(state, backend, queries[part], asked, own)

    chunks = map_chunks(
        search_chunk,
        len(queries),
        chunk_rows=SEARCH_CHUNK,
        threads=threads,
        row_work=reach.ef * state.params.max_degree,
    )
    return RadiusResult.concatenate(chunks or [search_chunk(0, 0)])


def limits_of(
    state: State, coded: Queries, queries: Vectors, reach: Reach
) -> Distances:
    """Return up to which code distance a row may be an answer.

    Any, where there is no graph: then every row is looked at, as `quiver.search` does.
    """
    if not (state.has_graph and state.n_live):
        return np.full(len(queries), np.inf, dtype=np.float32)
    step, norm2 = coded.corrections.astype(np.float64).T
    squared = _squared(state, norm2, queries, reach.radius)
    scale, length = state.error_scale, np.sqrt(norm2)
    if state.metric == "inner_product":
        # The longest rows answer, and their errors are the largest.
        reached = np.full_like(length, scale.most)
    else:
        # Rows about as far from the middle as the query is, but no nearer to it than a
        # row at the radius can be.
        least = np.sqrt(squared) - length
        reached = np.maximum(scale.usual, np.maximum(length, least))
    error = reached * scale.of_queries(length, step)
    with np.errstate(over="ignore"):
        return (squared + reach.confidence * error).astype(np.float32)


def _squared(state: State, norm2: Lanes, queries: Vectors, radius: Lanes) -> Lanes:
    """Return radii as code distances, large enough for all that float32 rounds."""
    # The codes for inner product are of x - mean, and hold no constant of the row.
    shift = lane_sum(queries.astype(np.float64) * state.transform.mean)
    with np.errstate(over="ignore"):
        squared, added = {
            "cosine": (2 * radius, norm2),
            "euclidean": (radius * radius, norm2),
            "inner_product": (norm2 + 2 * (radius + shift), norm2 + np.abs(shift)),
        }[state.metric]
        # Where codes have no error, a row at the radius itself would be lost else.
        squared += ROUNDING * (added + np.abs(squared))
    return np.minimum(squared, FARTHEST)


def _search_chunk(
    state: State, backend: Backend, queries: Vectors, reach: Reach, filters: Filters
) -> RadiusResult:
    coded = encode_queries(state, backend, queries)
    assert isinstance(coded, Queries)
    limits = limits_of(state, coded, queries, reach)
    within = _within(state, backend, coded, limits, min(reach.ef, state.n), filters)
    ranked = partial(ranked_with_others, state, backend)
    kept, complete = [], np.ones(len(queries), dtype=np.bool_)
    for number, rows in enumerate(within.rows):
        own = None if filters is None else filters[number]
        keys = ranked(queries[number], rows, own)
        keys = keys[key_distances(keys) <= reach.radius[number]]
        if reach.max_results is not None:
            complete[number] = len(keys) <= reach.max_results
            keys = keys[: reach.max_results]
        kept.append(keys)
    keys = np.concatenate([np.empty(0, dtype=np.uint64), *kept])
    reranked = np.array([len(rows) for rows in within.rows], dtype=np.int64)
    return RadiusResult(
        offsets=np.cumsum([0, *map(len, kept)], dtype=np.int64),
        ids=state.ids[key_ids(keys)],
        distances=key_distances(keys),
        complete=complete,
        stats=SearchStats(*within[1:3], reranked, within.lines_read),
        version=state.version,
    )


def _within(
    state: State,
    backend: Backend,
    coded: Queries,
    limits: Distances,
    ef: int,
    filters: Filters,
) -> Within:
    """Walk to all rows within the limits, or measure all where that is cheaper."""
    hops, computed, lines = np.zeros((3, len(limits)), dtype=np.int64)
    found: list[Ids] = [np.empty(0, dtype=np.uint32)] * len(limits)
    is_scanned = np.zeros(len(limits), dtype=np.bool_)
    budget = np.full(len(limits), (state.n - len(state.unlinked)) // BUDGET_SHARE)
    if filters is not None:
        is_scanned[:] = [one.is_scanned(ef) for one in filters]
        budget[:] = [one.budget for one in filters]
    walked = np.flatnonzero(~is_scanned)
    if len(walked):
        allowed = None
        if filters is not None:
            allowed = stack_masks([filters[number] for number in walked.tolist()])
        balls = backend.search_radius(
            *(state.codes, state.neighbors, coded.take(walked), state.entry_points),
            *(ef, limits[walked]),
            allowed=allowed,
            budget=budget[walked],
        )
        parts = np.split(balls.keys, balls.offsets[1:-1])
        for number, keys in zip(walked.tolist(), parts, strict=True):
            found[number] = key_ids(keys)
        hops[walked], computed[walked] = balls.hops, balls.distance_computations
        lines[walked] = balls.lines_read
        is_scanned[walked] = ~balls.complete
    for number in np.flatnonzero(is_scanned).tolist():
        rows = filters[number].nodes if filters else state.nodes
        asked = coded.take(np.array([number]))
        distances = backend.distance(state.codes, asked, rows[None])
        found[number] = rows[distances[0] <= limits[number]]
        computed[number] += len(rows)
        lines[number] += len(rows) * (state.codes.rows.shape[1] // CACHE_LINE)
    return Within(found, hops, computed, lines)
