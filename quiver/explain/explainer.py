"""Explain one search: walk it again with the reference and keep every step.

Everything is computed by `quiver.reference` on the state's own codes and graph, so an
explanation is the same whatever backend an index uses. Reading order: ``walked`` (the
walk, by row number), ``fates`` (what became of a row), and this module, which puts the
answer and the true neighbours beside them under the caller's ids.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quiver._typing import Vectors
from quiver.backends.registry import get_backend
from quiver.errors import InvalidArgumentError
from quiver.explain.explanation import Explanation, Found, TrueNeighbor, meaning_of
from quiver.explain.fates import Fate, fate_of
from quiver.explain.plane import project
from quiver.explain.walked import Walked
from quiver.filters.given import as_filter
from quiver.params import SearchParams
from quiver.recall.exact import exact_knn
from quiver.reference.keys import NO_ID, NO_RESULT
from quiver.results import SearchResult
from quiver.search import least_scan_ef, search
from quiver.state import State
from quiver.storage.pieced import live_vectors
from quiver.validation.arrays import as_vectors
from quiver.validation.foreign import as_real_array


def explain(
    state: State, query: Any, effort: SearchParams, filter: Any = None
) -> Explanation:
    """Explain one search; see `quiver.Index.explain`."""
    vector = as_real_array(query, "query")
    if vector.ndim != 1:
        msg = f"query must be one vector of shape (dim,), got shape {vector.shape}"
        raise InvalidArgumentError(msg)
    if effort.ef >= (limit := least_scan_ef(state.n)):
        msg = (
            f"ef must be below {limit} to be explained, got {effort.ef}: from there on "
            f"a search of {state.n} rows scans all codes and takes no walk"
        )
        raise InvalidArgumentError(msg)
    checked = as_vectors(vector[None], "query", metric=state.metric, dim=state.dim)
    own = None if filter is None else as_filter(state, filter)
    return _explained(Walked(state, checked, effort, own), checked)


def _explained(walked: Walked, query: Vectors) -> Explanation:
    """Return a walk with the answer and the true neighbours beside it."""
    state, effort = walked.state, walked.effort
    own = None if walked.own is None else [walked.own]
    result = search(state, get_backend("reference"), query, effort, 1, own).first()
    true_rows, distances = _true_rows(walked, query)
    points, query_point = project(state, query, [*walked.seen_in, *true_rows])
    return Explanation(
        k=effort.k,
        ef=effort.ef,
        n_rerank=effort.n_rerank,
        horizon=effort.horizon,
        metric=state.metric,
        code_distance=meaning_of(state.metric, state.encoding.weights),
        entry_point=walked.id(walked.steps[0].node),
        entry_points=walked.ids(state.entry_points.tolist()),
        distance_computations=len(walked.seen_in),
        hops=walked.hops,
        found=_found(walked, result),
        true_neighbours=tuple(
            _true_neighbor(walked, row, distance, result)
            for row, distance in zip(true_rows, distances, strict=True)
        ),
        points=tuple((walked.id(row), x, y) for row, x, y in points),
        query_point=query_point,
    )


def _true_rows(walked: Walked, query: Vectors) -> tuple[list[int], list[float]]:
    """Return the exact nearest of the rows that may answer."""
    state, own = walked.state, walked.own
    rows = state.live_rows if own is None else own.rows
    base = live_vectors(state) if own is None else state.vectors[rows]
    k = min(walked.effort.k, len(rows))
    places, distances = exact_knn(base, query, k, metric=state.metric)
    return rows[places[0]].tolist(), distances[0].tolist()


def _found(walked: Walked, result: SearchResult) -> tuple[Found, ...]:
    is_row = result.ids != NO_RESULT
    # A row that was removed may have had the id of another.
    rows = walked.state.rows_by_id.rows(result.ids[is_row]).tolist()
    distances = result.distances[is_row].tolist()
    pairs = zip(rows, distances, strict=True)
    return tuple(_found_row(walked, row, distance) for row, distance in pairs)


def _found_row(walked: Walked, row: int, distance: float) -> Found:
    node = walked.node(row)
    if node == NO_ID:
        return Found(walked.id(row), distance, None, None, None)
    hop = walked.seen_in[node]
    origin = walked.hops[hop - 1].node if hop else None
    equal_to = None if node == row else walked.id(node)
    place = walked.places.get(node)
    return Found(walked.id(row), distance, hop, origin, place, equal_to)


def _true_neighbor(
    walked: Walked, row: int, distance: float, result: SearchResult
) -> TrueNeighbor:
    fate, id_ = fate_of(walked, row), walked.id(row)
    # Only a row outside the answer keeps the fate that its history gives it.
    if id_ in result.ids:
        fate = Fate("found", None, f"in the answer; {fate.reason}")
    elif np.float32(distance) == result.distances[-1]:
        reason = f"a row at the same distance won; {fate.reason}"
        fate = Fate("tied", None, reason)
    return TrueNeighbor(id_, distance, fate.outcome, fate.reason, fate.stage)
