"""Links: the codes by which a graph is linked, and the graph as one that grows.

They are those that a search reads, but for inner product: its graph is linked by codes
of the scaled vectors. These are not stored; the mean they were centered by is, so that
coding the base once more gives the same bytes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quiver._typing import AnyVectors, Distances, Mask, Neighbors
from quiver.encoding import encode_rows, encode_searched
from quiver.graph.insertion import GrowingGraph
from quiver.living.writer import Tools
from quiver.reference.codes import Codes, Transform
from quiver.reference.transform import prepared_mean
from quiver.state import State


def encoded(state: State, vectors: AnyVectors, tools: Tools) -> Codes:
    """Return the codes of vectors as the state stores them."""
    how = state.metric, state.transform, state.encoding, tools.workers
    return encode_searched(tools.backend, vectors, *how)


def with_build_mean(state: State) -> State:
    """Return the state with the mean of its links, before its vectors change."""
    if state.metric != "inner_product" or not state.has_graph:
        return state
    if state.build_mean is not None:
        return state
    return replace(state, build_mean=_mean(state))


def _mean(state: State) -> Distances:
    if not state.encoding.center:
        return np.zeros(state.dim, dtype=np.float32)
    return prepared_mean(state.vectors, state.metric)


def link_transform(state: State) -> Transform:
    """Return the transform of the codes that the graph is linked by."""
    if state.metric != "inner_product":
        return state.transform
    assert state.build_mean is not None
    return Transform(state.metric, state.build_mean, state.transform.signs)


def links(state: State, tools: Tools) -> Codes:
    """Return the codes that the graph is linked by, of every row."""
    if state.metric != "inner_product":
        return state.codes
    kept = tools.writer.links_of(state.codes)
    if kept is None:
        kept = encoded_links(state, state.vectors, tools)
        tools.writer.keep_links(state.codes, kept)
    return kept


def encoded_links(state: State, vectors: AnyVectors, tools: Tools) -> Codes:
    """Return the codes of vectors by which they would be linked."""
    transform = link_transform(state)
    return encode_rows(tools.backend, vectors, transform, state.encoding, tools.workers)


def growing_graph(
    state: State, codes: Codes, neighbors: Neighbors, tools: Tools
) -> GrowingGraph:
    """Return the graph of a state over some codes, its lists to be changed."""
    rule = state.params.rule_for(state.encoding)
    allowed: Mask | None = state.answering
    return GrowingGraph(
        *(tools.backend, codes, state.params, rule, state.entry_point, neighbors),
        None if allowed is None else allowed.copy(),
    )
