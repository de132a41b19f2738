"""Consolidating: removed rows go for good, and the graph is as tidy as a built one.

Their neighbours take over what lay behind them, the rows that are left move up, lists
are pruned to ``max_degree`` and every row is within reach again. Where most of the
graph is gone a repair has too little to go by: it is built anew on the codes there are.

Source: FreshDiskANN (arXiv 2105.09613); see docs/algorithm/change.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quiver._typing import Neighbors
from quiver.encoding import fit
from quiver.graph.order import (
    choose_entry_point,
    choose_entry_points,
    insertion_order,
)
from quiver.graph.repair import repair
from quiver.graph.unlinked import sorted_pairs
from quiver.graph.vamana import build_graph, connect, trim
from quiver.living.copies import promoted
from quiver.living.links import (
    encoded,
    growing_graph,
    link_transform,
    links,
    with_build_mean,
)
from quiver.living.writer import Tools
from quiver.reference.codes import Codes, aligned_zeros
from quiver.reference.keys import NO_ID
from quiver.reference.transform import (
    far_rows,
    prepared_mean,
    searched_metric,
    squared_distances_from,
)
from quiver.state import State
from quiver.storage.pieced import live_vectors, select

REPAIRED_SHARE = 2, 3
"""A repair replaces at most two removed nodes for three that are left. With half of
the rows gone from one region it was 0.7 points of recall below a build."""


def consolidated(state: State, tools: Tools, *, refit: bool = False) -> State:
    """Return the state without its removed rows.

    Parameters
    ----------
    state : State
        Before.
    tools : Tools
        What to work with.
    refit : bool, default False
        Also fit the transform to the rows that are left and code them anew.
    """
    n_nodes, n_dead = state.n_nodes, state.n - len(state.unlinked) - state.n_nodes
    if not (state.has_graph and n_nodes):
        return _without_graph(_moved_up(state))
    state = promoted(with_build_mean(state))
    codes = links(state, tools)
    is_repaired = REPAIRED_SHARE[1] * n_dead <= REPAIRED_SHARE[0] * n_nodes
    if n_dead and is_repaired:
        graph = growing_graph(state, codes, state.neighbors, tools)
        state = replace(state, neighbors=repair(graph, tools.workers))
    is_kept = is_repaired and not refit and bool(state.is_live[state.entry_point])
    state, codes = _moved_up(state), _of_live(codes, state)
    tools.writer.keep_links(state.codes, codes)
    if refit:
        state = _refitted(state, tools)
        codes = links(state, tools)
    state = _with_entry_points(state, codes, is_kept=is_kept)
    finish = _finished if is_repaired else _relinked
    return replace(state, neighbors=finish(state, codes, tools))


def _of_live(codes: Codes, state: State) -> Codes:
    """Return the codes of live rows, starting a cache line as kernels want them."""
    if state.live is None:
        return codes
    rows = aligned_zeros((len(state.live_rows), codes.rows.shape[1]), np.uint8)
    return codes._replace(rows=np.take(codes.rows, state.live_rows, axis=0, out=rows))


def _moved_up(state: State) -> State:
    """Return the state of live rows alone, numbered anew in their order."""
    if state.live is None:
        return state
    rows, n = state.live_rows, np.uint32(state.n)
    named = np.full(state.n + 1, NO_ID)
    named[rows] = np.arange(len(rows), dtype=np.uint32)
    entry_points = named[state.entry_points]
    return replace(
        state,
        codes=_of_live(state.codes, state),
        neighbors=named[np.minimum(state.neighbors[rows], n)],
        entry_points=entry_points[entry_points != NO_ID],
        ids=state.ids[rows],
        vectors=select(state.vectors, rows),
        unlinked=sorted_pairs(*named[np.minimum(state.live_unlinked, n)].T),
        live=None,
    )


def _without_graph(state: State) -> State:
    shape = state.n, state.params.max_degree
    neighbors = np.full(shape, NO_ID, dtype=np.uint32)
    none = state.entry_points[:0]
    return replace(state, neighbors=neighbors, entry_points=none, build_mean=None)


def _refitted(state: State, tools: Tools) -> State:
    """Return the state coded anew, by a transform fitted to the rows it has."""
    vectors, metric = state.vectors, state.metric
    transform = fit(vectors, searched_metric(metric), state.encoding, state.params.seed)
    state = with_build_mean(replace(state, transform=transform, build_mean=None))
    return replace(state, codes=encoded(state, vectors, tools))


def _with_entry_points(state: State, codes: Codes, *, is_kept: bool) -> State:
    """Return the state with entry points like a built one's; the first may be kept."""
    vectors, unlinked = state.vectors, state.unlinked[:, 1]
    first = state.entry_point if is_kept else None
    if first is None:
        first = choose_entry_point(vectors, codes, link_transform(state), unlinked)
    order = insertion_order(state.n, first, state.params.seed, unlinked)
    entry_points = choose_entry_points(
        vectors, order, unlinked, state.metric, state.encoding.weights
    )
    return replace(state, entry_points=entry_points)


def _finished(state: State, codes: Codes, tools: Tools) -> Neighbors:
    """Return the lists within their bound, and every row within reach."""
    graph = growing_graph(state, codes, state.neighbors.copy(), tools)
    graph = graph._replace(neighbors=trim(graph, tools.workers))
    connect(graph, state.unlinked[:, 1], tools.workers)
    return graph.neighbors


def _relinked(state: State, codes: Codes, tools: Tools) -> Neighbors:
    """Return the lists of a graph built from nothing on the codes there are."""
    unlinked = state.unlinked[:, 1]
    return build_graph(
        tools.backend,
        codes,
        insertion_order(state.n, state.entry_point, state.params.seed, unlinked),
        params=state.params,
        rule=state.params.rule_for(state.encoding, state.metric),
        workers=tools.workers,
        unlinked=unlinked,
        on_rows=tools.meter.advance,
    )


def drift(state: State) -> float:
    """Return how far the mean of the rows has moved; see `quiver.Index.drift`."""
    if not (state.has_graph and state.encoding.center and state.n_live):
        return 0.0
    scaling, vectors = state.transform.scaling, live_vectors(state)
    mean = prepared_mean(vectors, scaling)
    distances = squared_distances_from(mean, vectors, scaling)
    if scaling != "cosine":
        # What the mean leaves out must not make all others look near.
        distances = distances[~far_rows(vectors, scaling)]
    spread = float(np.sqrt(distances.mean()))
    moved = mean.astype(np.float64) - state.transform.mean
    return float(np.sqrt(np.square(moved).sum())) / spread if spread else 0.0
