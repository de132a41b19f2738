"""Fresh: an index that starts empty, and when it gets its graph.

A mean of few rows would be no mean, and a walk over few rows no gain. So an index
without a graph answers by looking at every row, and is built, mean, codes and graph,
once it holds ``ENOUGH`` rows that could be linked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from quiver.build import Plan, build
from quiver.encoding import fit
from quiver.errors import InvalidArgumentError
from quiver.living.writer import Tools
from quiver.params import (
    BuildParams,
    Encoding,
    as_encoding,
    check_goes_together,
    narrowest,
)
from quiver.reference.codes import CACHE_LINE, Codes, aligned_zeros
from quiver.reference.transform import searched_metric
from quiver.state import State
from quiver.storage.pieced import select
from quiver.validation.checks import MAX_DIM, check_int, check_metric

ENOUGH = 1000
"""Rows from which on there is a graph. Their mean is then off by 3 % of the usual
distance from it, and to look at all of them takes as long as a walk."""


def created(
    dim: int,
    metric: Any,
    encoding: Encoding | str | None,
    params: BuildParams,
) -> State:
    """Return the state of an index without rows; see `quiver.Index.create`."""
    dim, metric = check_int("dim", dim, 1, MAX_DIM), check_metric(metric)
    if encoding == "auto":
        msg = "encoding must not be 'auto' for an index without rows to look at"
        raise InvalidArgumentError(msg)
    encoding = narrowest(dim) if encoding is None else as_encoding(encoding)
    check_goes_together(metric, encoding)
    none = np.empty((0, dim), dtype=np.float32)
    transform = fit(none, searched_metric(metric), encoding, params.seed)
    shape = 0, CACHE_LINE * encoding.row_lines(dim)
    rows = aligned_zeros(shape, np.uint8)
    return State(
        metric=metric,
        encoding=encoding,
        params=params.settled(encoding, metric),
        transform=transform,
        codes=Codes(rows, transform.coded_dim, encoding.bits, encoding.weights),
        neighbors=np.empty((0, params.max_degree), dtype=np.uint32),
        entry_points=np.empty(0, dtype=np.uint32),
        ids=np.empty(0, dtype=np.int64),
        vectors=none,
        unlinked=np.empty((0, 2), dtype=np.uint32),
    )


def is_ripe(state: State) -> bool:
    """Return whether a state without a graph has rows enough for one."""
    return not state.has_graph and state.n_nodes >= ENOUGH


def rebuilt(state: State, tools: Tools) -> State:
    """Return the state built anew from its live rows, whatever it was before."""
    rows = state.live_rows
    kept = state.vectors if len(rows) == state.n else select(state.vectors, rows)
    how = state.metric, state.encoding, state.params, tools.backend
    plan = Plan(*how, tools.threads, tools.progress, state.notes)
    new = build(kept, state.ids[rows], plan)
    return replace(new, vectors=kept, version=state.version)
