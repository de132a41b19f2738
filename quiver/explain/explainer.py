"""Explain one search: walk it again with the reference and keep every step.

Everything is computed by `quiver.reference` on the state's own codes and graph, so an
explanation is the same whatever backend an index uses. Source: the terms *seen* and
*expanded* are those of `quiver.reference.search`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from quiver._typing import Vectors
from quiver.backends.registry import get_backend
from quiver.encoding import encode_queries
from quiver.errors import InvalidArgumentError
from quiver.explain.explanation import (
    Explanation,
    Found,
    Hop,
    Outcome,
    TrueNeighbor,
    meaning_of,
)
from quiver.explain.plane import project
from quiver.filters.filter import Filter
from quiver.filters.given import as_filter
from quiver.params import SearchParams
from quiver.recall.exact import exact_knn
from quiver.reference.distance import distance_to_rows
from quiver.reference.horizon import is_beyond, within
from quiver.reference.keys import NO_ID, NO_RESULT, key_distances, key_ids, make_keys
from quiver.reference.masks import marked_rows
from quiver.reference.walk import Step, follow, walk
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
    return _Explainer(state, checked, effort, own).explanation()


class _Explainer:
    """One walk, its marks by row number, and the questions asked of them."""

    def __init__(
        self, state: State, query: Vectors, effort: SearchParams, own: Filter | None
    ) -> None:
        self.own = own
        self.state, self.backend = state, get_backend("reference")
        self.query, self.effort = query, effort
        self.coded = encode_queries(state, self.backend, query)
        self.ef, self.horizon = min(effort.ef, state.n), effort.walk_horizon
        if not state.has_graph:
            msg = (
                f"an index of {state.n_live} vectors without a graph has no walk to "
                "explain: a search looks at each of them"
            )
            raise InvalidArgumentError(msg)
        self.steps = self._walked()
        self.seen_in = dict.fromkeys(state.entry_points.tolist(), 0)
        self.always_read = {*self._in_beam(state.long_entry_points.tolist())}
        self.dropped_in: dict[int, int] = {}
        self.hops = tuple(self._hops())
        # A walk has at least one hop: the nearest entry point is always expanded.
        self.final_beam = self.steps[-1].beam
        kept = key_ids(within(self.horizon, self.final_beam)).tolist()
        self.places = {row: place for place, row in enumerate(kept, 1)}

    def _walked(self) -> list[Step]:
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
            node=self._id(step.node),
            distance=self._code_distance(step.node),
            newly_seen=self._ids(step.newly_seen.tolist()),
            dropped=self._ids(dropped),
            beam=self._ids(key_ids(step.beam).tolist()),
            beam_distances=tuple(key_distances(step.beam).tolist()),
        )

    def explanation(self) -> Explanation:
        """Return the walk with the answer and the true neighbours beside it."""
        state, effort = self.state, self.effort
        own = None if self.own is None else [self.own]
        result = search(state, self.backend, self.query, effort, 1, own).first()
        true_rows, distances = self._true_rows()
        points, query_point = project(state, self.query, [*self.seen_in, *true_rows])
        return Explanation(
            k=effort.k,
            ef=effort.ef,
            n_rerank=effort.n_rerank,
            horizon=effort.horizon,
            metric=state.metric,
            code_distance=meaning_of(state.metric, state.encoding.weights),
            entry_point=self._id(self.steps[0].node),
            entry_points=self._ids(state.entry_points.tolist()),
            distance_computations=len(self.seen_in),
            hops=self.hops,
            found=self._found(result),
            true_neighbours=tuple(
                self._true_neighbor(row, distance, result)
                for row, distance in zip(true_rows, distances, strict=True)
            ),
            points=tuple((self._id(row), x, y) for row, x, y in points),
            query_point=query_point,
        )

    def _true_rows(self) -> tuple[list[int], list[float]]:
        """Return the exact nearest of the rows that may answer."""
        state = self.state
        rows = state.live_rows if self.own is None else self.own.rows
        base = live_vectors(state) if self.own is None else state.vectors[rows]
        k = min(self.effort.k, len(rows))
        places, distances = exact_knn(base, self.query, k, metric=state.metric)
        return rows[places[0]].tolist(), distances[0].tolist()

    def _found(self, result: SearchResult) -> tuple[Found, ...]:
        is_row = result.ids != NO_RESULT
        # A row that was removed may have had the id of another.
        rows = self.state.rows_by_id.rows(result.ids[is_row]).tolist()
        distances = result.distances[is_row].tolist()
        return tuple(map(self._found_row, rows, distances))

    def _found_row(self, row: int, distance: float) -> Found:
        node = self._node(row)
        if node == NO_ID:
            return Found(self._id(row), distance, None, None, None)
        hop = self.seen_in[node]
        origin = self.hops[hop - 1].node if hop else None
        equal_to = None if node == row else self._id(node)
        place = self.places.get(node)
        return Found(self._id(row), distance, hop, origin, place, equal_to)

    def _node(self, row: int) -> int:
        """Return the row that a walk meets for this one; ``NO_ID`` for zero vectors."""
        hosts, rows = self.state.unlinked.T
        host = hosts[rows == row]
        return int(host[0]) if len(host) else row

    def _true_neighbor(
        self, row: int, distance: float, result: SearchResult
    ) -> TrueNeighbor:
        fate, reason = self._fate(row)
        id_ = self._id(row)
        # Only a row outside the answer keeps the fate that its history gives it.
        if id_ in result.ids:
            fate, reason = "found", f"in the answer; {reason}"
        elif np.float32(distance) == result.distances[-1]:
            fate, reason = "tied", f"a row at the same distance won; {reason}"
        return TrueNeighbor(id_, distance, fate, reason)

    def _fate(self, row: int) -> tuple[Outcome, str]:
        """Return what would keep a row out of the answer, and its history."""
        node = self._node(row)
        if node == NO_ID:
            return "tied", "a zero vector: no walk meets it and every search adds it"
        if node != row:
            fate, reason = self._fate(node)
            return fate, f"equal to {self._id(node)}: {reason}"
        if row not in self.seen_in:
            return "never seen", self._unseen_reason(row)
        seen = f"first seen in hop {self.seen_in[row]}"
        if row in self.dropped_in:
            dropped = f"{seen}, out of the beam in hop {self.dropped_in[row]}"
            if row in self.always_read:
                return "lost in re-rank", f"{dropped}, but re-ranked for its length"
            return (
                "dropped from the beam",
                f"{dropped}: {self.ef} rows seen had smaller code distances than its "
                f"{self._code_distance(row):.4g}",
            )
        if row not in self.places:
            beyond = f"{seen}, in the beam, but its code distance"
            distance = f"{self._code_distance(row):.4g}"
            return "beyond the horizon", f"{beyond} {distance} is too far to be kept"
        rank, n_rerank = self.places[row], self.effort.n_rerank
        read = "those that can matter" if n_rerank is None else f"the first {n_rerank}"
        also = " and the longest rows" if self.always_read else ""
        return (
            "lost in re-rank",
            f"{seen}, place {rank} of the final beam, of which {read}{also} are "
            "re-ranked",
        )

    def _unseen_reason(self, row: int) -> str:
        distance = self._code_distance(row)
        last = float(key_distances(self.final_beam)[-1])
        linked = "no node expanded links to it; its code distance "
        key = make_keys(np.array([distance], np.float32), np.array([row]))[0]
        if is_beyond(self.horizon, key, self.final_beam):
            return f"{linked}{distance:.4g} is beyond the horizon anyway"
        # A beam that is not full has room for anything.
        if distance < last or len(self.final_beam) < self.ef:
            return f"{linked}{distance:.4g} would have had a place in the beam"
        return f"{linked}{distance:.4g} is beyond the beam's last {last:.4g} anyway"

    def _code_distance(self, row: int) -> float:
        rows = np.array([row], dtype=np.uint32)
        return float(distance_to_rows(self.state.codes, self.coded, rows)[0])

    def _id(self, row: int) -> int:
        return int(self.state.ids[row])

    def _ids(self, rows: list[int]) -> tuple[int, ...]:
        return tuple(self._id(row) for row in rows)
