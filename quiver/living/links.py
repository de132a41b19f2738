"""Links: the codes by which a graph is linked, and the graph as one that grows.

They are those that a search reads, but for inner product: its graph is linked by codes
of the scaled vectors. These are not stored; the mean they were centered by is, and the
length that outsize rows were cut to, so that coding the base once more gives the same
bytes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quiver._typing import AnyVectors, Mask, Neighbors
from quiver.encoding import (
    encode_rows,
    encode_searched,
    outsize_length,
    shorten_outsize,
)
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
    mean = np.zeros(state.dim, dtype=np.float32)
    if state.encoding.center:
        mean = prepared_mean(state.vectors, state.metric)
    return replace(state, build_mean=np.append(mean, outsize_length(state.vectors)))


def link_transform(state: State) -> Transform:
    """Return the transform of the codes that the graph is linked by."""
    if state.metric != "inner_product":
        return state.transform
    assert state.build_mean is not None
    return Transform(state.metric, state.build_mean[:-1], state.transform.signs)


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
    backend, transform, workers = tools.backend, link_transform(state), tools.workers
    codes = encode_rows(backend, vectors, transform, state.encoding, workers)
    if state.build_mean is not None:
        length = state.build_mean[-1]
        shorten_outsize(codes, backend, vectors, transform, length, workers)
    return codes


def growing_graph(
    state: State, codes: Codes, neighbors: Neighbors, tools: Tools
) -> GrowingGraph:
    """Return the graph of a state over some codes, its lists to be changed."""
    rule = state.params.rule_for(state.encoding, state.metric)
    allowed: Mask | None = state.answering
    return GrowingGraph(
        *(tools.backend, codes, state.params, rule, state.entry_points, neighbors),
        None if allowed is None else allowed.copy(),
    )
