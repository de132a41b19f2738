"""Generation: one manifest and the shards that it names, opened and asked.

A change makes another generation; who asks one reads it to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from quiver._typing import AnyArray, Lanes, UserIds, Vectors
from quiver.check import CheckReport
from quiver.errors import ShardError
from quiver.memory import MemoryReport
from quiver.params import SearchParams
from quiver.sharding.asked import AllRows, cut_filters
from quiver.sharding.checking import checked
from quiver.sharding.engines import Engine, Policy
from quiver.sharding.manifest import Manifest
from quiver.sharding.merging import (
    Gathered,
    ShardedRadiusResult,
    ShardedResult,
    gathered,
    merged,
    merged_within,
)
from quiver.sharding.messages import Message


class Generation:
    """Shards that do not change.

    Parameters
    ----------
    manifest : Manifest
        Which they are.
    engine : Engine
        Where they live.
    policy : {'strict', 'partial'}
        What becomes of a search if one is lost.
    """

    def __init__(self, manifest: Manifest, engine: Engine, policy: Policy) -> None:
        self.manifest, self.engine, self.policy = manifest, engine, policy

    @cached_property
    def parts(self) -> list[UserIds]:
        """The ids of each shard."""
        return [one.arrays[0] for one in self._strict("ids")]

    @cached_property
    def rows(self) -> AllRows:
        """The vectors of all shards."""
        return AllRows(self.parts)

    def get(self, ids: UserIds) -> Vectors:
        """Return the vectors of ids, shape (m, dim)."""
        owner = self.rows.shards_of(self.rows.rows_by_id.rows(ids))
        places = [np.flatnonzero(owner == number) for number in range(len(self.parts))]
        told = self.engine.ask(
            [Message("get", {}, (ids[own],)) if len(own) else None for own in places]
        )
        found = np.empty((len(ids), self.manifest.dim), dtype=np.float32)
        for own, one in zip(places, told, strict=True):
            if isinstance(one, ShardError):
                raise one
            if one is not None:
                found[own] = one.arrays[0]
        return found

    def search(
        self,
        queries: Vectors,
        effort: SearchParams,
        filter: Any,
        threads: int | None,
        is_single: bool,
    ) -> ShardedResult:
        """Return the nearest of checked queries; see `quiver.ShardedIndex.search`."""
        asked = [
            Message("search", effort._asdict(), arrays)
            for arrays in self._sent(queries, filter)
        ]
        told = self._gathered(asked, threads, len(queries) * effort.ef)
        found = merged(told.answers, len(queries), effort.k)
        return ShardedResult(found, told.version, is_single, *told[1:])

    def search_radius(
        self,
        queries: Vectors,
        radii: Lanes,
        options: dict[str, Any],
        filter: Any,
        threads: int | None,
    ) -> ShardedRadiusResult:
        """Return all within the radius of each checked query."""
        asked = [
            Message("within", options, (radii, *arrays))
            for arrays in self._sent(queries, filter)
        ]
        told = self._gathered(asked, threads, len(queries) * options["ef"])
        return merged_within(told, len(queries), options["max_results"])

    def memory_report(self) -> MemoryReport:
        """Return the bytes of all shards by part."""
        told = self._strict("weigh")
        names = MemoryReport.__dataclass_fields__
        return MemoryReport(*(sum(o.options[name] for o in told) for name in names))

    def missing(self) -> tuple[str, ...]:
        """Return the files of the shards that give no answer."""
        told = self.engine.ask([Message("weigh")] * len(self.manifest.shards))
        each = zip(self.manifest.shards, told, strict=True)
        return tuple(s.file for s, one in each if isinstance(one, ShardError))

    def check(self, *, full: bool) -> CheckReport:
        """Return what the check of every shard found, and of all together."""
        return checked(self.manifest, self._strict("check", {"full": full}), self.parts)

    def _sent(self, queries: Vectors, filter: Any) -> list[tuple[AnyArray, ...]]:
        """Return the arrays that each shard is sent."""
        if filter is None:
            return [(queries,)] * len(self.manifest.shards)
        cut = cut_filters(self.rows, filter, len(queries))
        return [(queries, *own) for own in cut]

    def _strict(
        self, word: str, options: dict[str, Any] | None = None
    ) -> list[Message]:
        asked = [Message(word, options or {})] * len(self.manifest.shards)
        return gathered(self.manifest, self.engine.ask(asked), "strict").answers

    def _gathered(
        self, asked: Sequence[Message], threads: int | None, n_beams: int
    ) -> Gathered:
        work = float(n_beams * self.manifest.params.max_degree)
        told = self.engine.ask(asked, threads, work)
        return gathered(self.manifest, told, self.policy)
