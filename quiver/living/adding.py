"""Adding: new rows are coded by the transform there is, and join the graph.

In the order given, in batches as large as a build's would be by then, searching among
live rows only: newcomers whose beams dead rows fill would get hardly an edge.

Source: quiver's own, after FreshDiskANN (arXiv 2105.09613); see
docs/algorithm/change.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Ids, Neighbors, UserIds, Vectors
from quiver.graph.insertion import GrowingGraph, insert, wider
from quiver.graph.order import growing_batches, renewed_entry_points
from quiver.graph.unlinked import hash_rows, sorted_pairs
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
from quiver.reference.codes import aligned_zeros
from quiver.reference.keys import NO_ID
from quiver.reference.masks import make_mask
from quiver.state import State

CONNECT_ROWS, CONNECT_SHARE = 4096, 64
"""Every row is proven to be reached after an addition to an index of up to 4 096 rows,
or of a 64th of its rows and more; to do so takes as long as to add a 100th of them.
Smaller additions leave it to `consolidate`: of 20 000 rows added, 0 … 2 were lost."""


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
    before = without_linked_zeros(state)
    state = _with_rows(with_build_mean(before), vectors, ids, tools)
    if is_ripe(state):
        return rebuilt(state, tools)
    if not state.has_graph:
        return state
    new = np.arange(before.n, state.n, dtype=np.uint32)
    return _with_nodes(state, np.setdiff1d(new, state.unlinked[:, 1]), tools)


def _with_rows(state: State, vectors: Vectors, ids: UserIds, tools: Tools) -> State:
    """Return the state with rows that nothing links to yet."""
    writer, n = tools.writer, state.n
    more = encoded(state, vectors, tools)
    if state.has_graph and state.metric == "inner_product":
        linked = writer.with_links(
            links(state, tools), encoded_links(state, vectors, tools)
        )
    else:
        linked = None
    codes = writer.with_codes(state.codes, more)
    if linked is not None:
        writer.keep_links(codes, linked)
    return replace(
        state,
        codes=codes,
        neighbors=_widened(state, n + len(vectors)),
        ids=writer.with_ids(state.ids, ids),
        vectors=writer.with_vectors(state.vectors, vectors),
        live=_with_live(state, len(vectors)),
        unlinked=_with_unlinked(state, vectors, codes.rows),
    )
