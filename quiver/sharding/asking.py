"""Asking: verbs that read a sharded index, which `quiver.ShardedIndex` inherits."""

from __future__ import annotations

from typing import Any

from quiver._typing import Vectors
from quiver.arithmetic import with_standard_arithmetic
from quiver.check import CheckReport
from quiver.memory import MemoryReport
from quiver.params import DEFAULT_EF, SearchParams
from quiver.radius import as_radii
from quiver.sharding.generation import Generation
from quiver.sharding.merging import ShardedRadiusResult, ShardedResult
from quiver.validation.arrays import as_int64, as_queries
from quiver.validation.checks import MAX_ROWS, check_int, check_real


@with_standard_arithmetic
class Asking:
    """A sharded index that answers: each verb reads one generation to the end."""

    _now: Generation

    def get(self, ids: Any) -> Vectors:
        """Return stored vectors by id; see `Index.get`.

        Raises
        ------
        ShardError
            If a shard that has one of them is lost, whatever the policy.
        """
        asked = as_int64(ids, "ids")
        found = self._now.get(asked.reshape(-1))
        return found.reshape(*asked.shape, found.shape[1])

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
        ef: int | None = None,
        n_rerank: int | None = None,
        horizon: float | None = None,
        filter: Any = None,
        threads: int | None = None,
    ) -> ShardedResult:
        """Find the nearest stored vectors; see `Index.search`.

        Parameters
        ----------
        queries, k, filter
            As there. Bools are one for each row of ``self.ids``; a `Filter` of one
            shard is refused.
        ef, n_rerank, horizon : optional
            As there, of every shard.
        threads : int, optional
            Of all shards together. The answer does not depend on it.

        Returns
        -------
        ShardedResult
            A `SearchResult` with ``coverage`` and ``missing``; its counters are those
            of all shards added up.

        Raises
        ------
        ShardError
            If a shard is lost, or with ``policy="partial"`` if all are.
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule.
        """
        now = self._now
        about = now.manifest
        effort = SearchParams.resolve(k, ef, n_rerank, horizon, about.metric)
        queries, is_single = as_queries(queries, metric=about.metric, dim=about.dim)
        return now.search(queries, effort, filter, threads, is_single)

    def search_radius(
        self,
        queries: Any,
        radius: Any,
        *,
        confidence: float = 2.0,
        ef: int = DEFAULT_EF,
        filter: Any = None,
        max_results: int | None = None,
        threads: int | None = None,
    ) -> ShardedRadiusResult:
        """Find every stored vector within a distance; see `Index.search_radius`.

        Parameters, result and errors are those of `Index.search_radius`, with what
        `search` says of shards.
        """
        if max_results is not None:
            max_results = check_int("max_results", max_results, 1, MAX_ROWS)
        options = {
            "confidence": check_real("confidence", confidence, 0.0, 10.0),
            "ef": check_int("ef", ef, 1, MAX_ROWS),
            "max_results": max_results,
        }
        now = self._now
        about = now.manifest
        queries, _ = as_queries(queries, metric=about.metric, dim=about.dim)
        radii = as_radii(radius, len(queries), about.metric)
        return now.search_radius(queries, radii, options, filter, threads)

    def memory_report(self) -> MemoryReport:
        """Return the bytes of all shards by part.

        Of shards in worker processes, ``mapped`` bytes are in memory once.
        """
        return self._now.memory_report()

    def missing(self) -> tuple[str, ...]:
        """Return the files of the shards that give no answer now.

        A worker that was lost is started anew by being asked.
        """
        return self._now.missing()

    def check(self, *, full: bool = False) -> CheckReport:
        """Certify that all shards are sound, each as `Index.check` does.

        Also that no id is in two shards, and that all are where the manifest says.
        """
        return self._now.check(full=full)
