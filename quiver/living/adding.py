"""Adding: new rows are coded by the transform there is, and join the graph.

In the order given, in batches as large as a build's would be by then, searching among
live rows only: newcomers whose beams dead rows fill would get hardly an edge.

Source: quiver's own, after FreshDiskANN (arXiv 2105.09613); see
docs/algorithm/change.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quiver._typing import Ids, Mask, Neighbors, Unlinked, UserIds, Vectors
from quiver.graph.insertion import insert
from quiver.graph.order import growing_batches, renewed_entry_points
from quiver.graph.unlinked import sorted_pairs
from quiver.graph.vamana import connect
from quiver.living.copies import unlinked_among_new, without_linked_zeros
from quiver.living.fresh import is_ripe, rebuilt
from quiver.living.links import (
    encoded,
    encoded_links,
    growing_graph,
    links,
    with_build_mean,
)
from quiver.living.writer import Tools
from quiver.params import BuildParams, wider
from quiver.reference.codes import Codes, aligned_zeros
from quiver.reference.keys import NO_ID
from quiver.reference.masks import make_mask, mark
from quiver.state import State

CONNECT_ROWS, CONNECT_SHARE = 4096, 64
"""Every row is proven to be reached after an addition to an index of up to 4 096 rows,
or of a 64th of its rows and more: that takes less time than the addition. Smaller ones
leave it to `consolidate`: of 20 000 rows added, 0 … 2 were out of reach."""

LEAST_LIVE = 4, 5
"""Share of live rows below which a beam gets no narrower: no more need be dead, for
then an operation consolidates by itself."""


def added(state: State, vectors: Vectors, ids: UserIds, tools: Tools) -> State:
    """Return the state with more rows.

    Parameters
    ----------
    state : State
        Before.
    vectors : ndarray of shape (m, dim), float32, m >= 1
        Checked; they are copied.
    ids : ndarray of shape (m,), int64
        Distinct, and none of a live row.
    tools : Tools
        What to work with.
    """
    before = without_linked_zeros(with_build_mean(state))
    codes, linked = _with_codes(before, vectors, tools)
    unlinked = unlinked_among_new(before, vectors, tools.writer.hashes_of(codes))
    state = replace(
        before,
        codes=codes,
        neighbors=_widened(before, codes.n_rows),
        ids=tools.writer.with_ids(before.ids, ids),
        vectors=tools.writer.with_vectors(before.vectors, vectors),
        unlinked=_joined(before.unlinked, unlinked),
        live=_with_live(before, codes.n_rows),
    )
    if is_ripe(state):
        return rebuilt(state, tools)
    if not state.has_graph:
        return state
    new = np.arange(before.n, state.n, dtype=np.uint32)
    nodes = new[~np.isin(new, unlinked[:, 1])]
    return _linked(state, before, nodes, linked, tools)


def _with_codes(state: State, vectors: Vectors, tools: Tools) -> tuple[Codes, Codes]:
    """Return the codes of old and new rows, as stored and as linked by."""
    writer = tools.writer
    codes = writer.with_codes(state.codes, encoded(state, vectors, tools))
    if state.metric != "inner_product" or not state.has_graph:
        return codes, codes
    more = encoded_links(state, vectors, tools)
    linked = writer.with_links(links(state, tools), more)
    writer.keep_links(codes, linked)
    return codes, linked


def _widened(state: State, n: int) -> Neighbors:
    """Return a copy of the lists with room for reverse edges, and empty ones."""
    width = wider(state.params.max_degree) if state.has_graph else 0
    shape = n, max(width, state.neighbors.shape[1])
    neighbors = aligned_zeros(shape, np.uint32)
    neighbors[:] = NO_ID
    neighbors[: state.n, : state.neighbors.shape[1]] = state.neighbors
    return neighbors


def _joined(unlinked: Unlinked, more: Unlinked) -> Unlinked:
    return sorted_pairs(*np.concatenate([unlinked, more]).T) if len(more) else unlinked


def _with_live(state: State, n: int) -> Mask | None:
    if state.live is None:
        return None
    return make_mask(np.append(state.is_live, np.ones(n - state.n, dtype=bool)))


def _linked(
    state: State, before: State, nodes: Ids, codes: Codes, tools: Tools
) -> State:
    """Return the state with edges to and from its new nodes."""
    if not len(nodes):
        return state
    n_before = before.n_nodes
    if n_before == 0:
        # All that is left of the graph is dead: the first newcomer starts another.
        state = replace(state, entry_points=nodes[:1])
    graph = growing_graph(state, codes, state.neighbors, tools)
    graph = graph._replace(params=_narrowed(before))
    if graph.allowed is not None:
        mark(graph.allowed[0], nodes, marked=False)
        mark(graph.allowed[0], nodes[: n_before == 0])
    rest = nodes[n_before == 0 :]
    batches = growing_batches(rest, max(1, n_before))
    insert(graph, batches, tools.workers, tools.meter.advance)
    if state.n <= max(CONNECT_ROWS, CONNECT_SHARE * len(nodes)):
        exempt = np.flatnonzero(~state.is_node).astype(np.uint32)
        connect(graph, exempt, tools.workers)
    entry_points = renewed_entry_points(
        *(state.entry_points, state.vectors, rest, state.n_nodes),
        *(state.metric, state.encoding.weights),
    )
    return replace(state, entry_points=entry_points)


def _narrowed(state: State) -> BuildParams:
    """Return the shape with a beam that is narrower where rows are dead.

    Only live rows have a place in it, so it reaches farther than a build's: by the
    share of dead rows near it, of which half that among all makes up.
    """
    n_all = max(1, state.n - len(state.unlinked))
    n_live = max(state.n_nodes, n_all * LEAST_LIVE[0] // LEAST_LIVE[1])
    ef = -(-state.params.ef_construction * (n_all + n_live) // (2 * n_all))
    return replace(state.params, ef_construction=ef)
