"""Walked: one search taken again by the reference, with every step kept by row number.

Source: the terms *seen* and *expanded* are those of `quiver.reference.search`.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from quiver._typing import Vectors
from quiver.backends.registry import get_backend
from quiver.encoding import encode_queries
from quiver.errors import InvalidArgumentError
from quiver.explain.explanation import Hop
from quiver.filters.filter import Filter
from quiver.params import SearchParams
from quiver.reference.distance import distance_to_rows
from quiver.reference.horizon import is_beyond, within
from quiver.reference.keys import key_distances, key_ids, make_keys
from quiver.reference.masks import marked_rows
from quiver.reference.walk import Step, follow, walk
from quiver.state import State


class Walked:
    """One walk and its marks by row number.

    Parameters
    ----------
    state : State
        What is searched.
    query : ndarray of shape (1, dim), float32
        Checked.
    effort : SearchParams
        Below the ``ef`` from which on all codes are scanned.
    own : Filter, optional
        The rows that may answer.

    Raises
    ------
    InvalidArgumentError
        If such a search takes no walk.
    """

    def __init__(
        self, state: State, query: Vectors, effort: SearchParams, own: Filter | None
    ) -> None:
        self.own, self.state, self.effort = own, state, effort
        self.coded = encode_queries(state, get_backend("reference"), query)
        self.ef, self.horizon = min(effort.ef, state.n), effort.walk_horizon
        if not state.has_graph:
            msg = (
                f"an index of {state.n_live} vectors without a graph has no walk to "
                "explain: a search looks at each of them"
            )
            raise InvalidArgumentError(msg)
        self.steps = self._steps()
        self.seen_in = dict.fromkeys(state.entry_points.tolist(), 0)
        self.always_read = {*self._in_beam(state.long_entry_points.tolist())}
        self.dropped_in: dict[int, int] = {}
        self.hops = tuple(self._hops())
        # A walk has at least one hop: the nearest entry point is always expanded.
        self.final_beam = self.steps[-1].beam
        kept = key_ids(within(self.horizon, self.final_beam)).tolist()
        self.places = {row: place for place, row in enumerate(kept, 1)}

    def _steps(self) -> list[Step]:
        """Return all steps but the first, which expands nothing."""
        state, own = self.state, self.own
        graph = state.codes, state.neighbors, self.coded, state.entry_points
        allowed = None if state.live is None else state.is_node
        if own is not None:
            allowed = marked_rows(own.mask, state.n)
        walked = partial(walk, *graph, self.ef, horizon=self.horizon)
        steps = list(walked(allowed=allowed, is_screened=state.is_screened))
        if own is not None and (
            own.is_scanned(self.ef) or not follow(steps, own.budget, self.ef).complete
        ):
            msg = (
                "filter must let so many rows answer that a search walks to them; it "
                f"measures all of these {len(own)}, which leaves nothing to explain"
            )
            raise InvalidArgumentError(msg)
        return steps[1:]

    def _hops(self) -> list[Hop]:
        in_beam = set(self._in_beam(self.state.entry_points.tolist()))
        hops = []
        for number, step in enumerate(self.steps, 1):
            newly_seen = step.newly_seen.tolist()
            self.seen_in.update(dict.fromkeys(newly_seen, number))
            after = set(key_ids(step.beam).tolist())
            # A row leaves the beam for good: what pushed it out stays or is pushed out
            # by something nearer. So one hop number per row says it all.
            dropped = sorted(in_beam.union(self._in_beam(newly_seen)) - after)
            self.dropped_in.update(dict.fromkeys(dropped, number))
            in_beam = after
            hops.append(self._hop(number, step, dropped))
        return hops

    def _in_beam(self, rows: list[int]) -> list[int]:
        """Return those of the rows that may have a place in the beam."""
        if self.own is None:
            return [row for row in rows if self.state.is_node[row]]
        return np.intersect1d(rows, self.own.nodes).tolist()

    def _hop(self, number: int, step: Step, dropped: list[int]) -> Hop:
        return Hop(
            number=number,
            node=self.id(step.node),
            distance=self.code_distance(step.node),
            newly_seen=self.ids(step.newly_seen.tolist()),
            dropped=self.ids(dropped),
            beam=self.ids(key_ids(step.beam).tolist()),
            beam_distances=tuple(key_distances(step.beam).tolist()),
        )

    def node(self, row: int) -> int:
        """Return the row that a walk meets for this one; ``NO_ID`` for zero vectors."""
        hosts, rows = self.state.unlinked.T
        host = hosts[rows == row]
        return int(host[0]) if len(host) else row

    def is_beyond(self, distance: float) -> bool:
        """Return whether a code distance lies beyond the horizon of the final beam."""
        key = make_keys(np.array([distance], np.float32), np.zeros(1, np.int64))[0]
        return is_beyond(self.horizon, key, self.final_beam)

    def links_seen(self, row: int) -> int:
        """Return how many of the rows seen have an edge to a row."""
        seen = np.fromiter(self.seen_in, np.int64, len(self.seen_in))
        return int((self.state.neighbors[seen] == row).any(axis=1).sum())

    def code_distance(self, row: int) -> float:
        """Return the distance of the query to a row's code."""
        rows = np.array([row], dtype=np.uint32)
        return float(distance_to_rows(self.state.codes, self.coded, rows)[0])

    def id(self, row: int) -> int:
        """Return the caller's id of a row."""
        return int(self.state.ids[row])

    def ids(self, rows: list[int]) -> tuple[int, ...]:
        """Return the caller's ids of rows."""
        return tuple(self.state.ids[np.array(rows, dtype=np.int64)].tolist())
