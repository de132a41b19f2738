"""Sharded index: the verbs of an `Index` over all shards of a folder."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from quiver._typing import Metric, UserIds, Vectors
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.check import CheckReport
from quiver.errors import QuiverError
from quiver.memory import MemoryReport
from quiver.params import DEFAULT_EF, Encoding, SearchParams
from quiver.radius import as_radii
from quiver.sharding.engines import Policy
from quiver.sharding.folder import as_folder
from quiver.sharding.generation import Generation
from quiver.sharding.manifest import Manifest
from quiver.sharding.merging import ShardedRadiusResult, ShardedResult
from quiver.sharding.moving import Moving
from quiver.sharding.starting import EngineName, How, started
from quiver.storage import Place, Verify
from quiver.validation.arrays import as_int64, as_queries
from quiver.validation.checks import MAX_ROWS, check_choice, check_int, check_real

MOST_SECONDS = 1e6


class ShardedIndex(Moving):
    """An index in several files, searched as one.

    Make one with `quiver.build_shards`, open it with `ShardedIndex.open`. It answers as
    an `Index` does; what `search` returns is the k nearest of what every shard finds,
    by (distance, id).

    Parameters
    ----------
    folder : Path
        Where the shards are.
    generation : Generation
        Which they are, opened.
    how : How
        In which way.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import quiver
    >>> points = np.random.default_rng(0).normal(size=(500, 8))
    >>> folder = tempfile.mkdtemp()
    >>> manifest = quiver.build_shards(points, folder, shards=2)
    >>> with quiver.ShardedIndex.open(folder) as index:
    ...     index.search(points[[7, 400]], k=1).ids
    array([[  7],
           [400]])
    """

    def __init__(self, folder: Path, generation: Generation, how: How) -> None:
        self.folder, self._now, self._how = folder, generation, how

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        engine: EngineName = "local",
        *,
        hot: Place = "memory",
        verify: Verify = "fast",
        backend: str | Backend = "auto",
        workers: int | None = None,
        deadline: float | None = None,
        policy: Policy = "strict",
    ) -> ShardedIndex:
        """Open a folder of shards; all are proven before anything is answered.

        Parameters
        ----------
        folder : str or path-like
            What `quiver.build_shards` wrote.
        engine : {'local', 'processes'}, default 'local'
            ``local`` opens the shards in this process and asks them by its threads.
            ``processes`` starts workers that map them, and share one copy in memory.
        hot, verify, backend : optional
            As for `quiver.open`. ``verify="full"`` also proves the SHA-256 of every
            file. Workers map their shards whatever ``hot`` is, and find the backend by
            its name.
        workers : int, optional
            Processes, at most one for each shard, which is the default.
        deadline : float, optional
            Seconds after which a worker that has not answered is given up; default
            none.
        policy : {'strict', 'partial'}, default 'strict'
            A worker that dies is started anew and asked again, once. If it dies again,
            ``strict`` raises; ``partial`` answers from the others, and the result has
            ``coverage`` and ``missing``.

        Returns
        -------
        ShardedIndex
            Close it, or use it in a ``with`` block, to end its workers. A script that
            uses workers needs ``if __name__ == "__main__":``, as all do that start
            processes.

        Raises
        ------
        FileAccessError
            If the manifest or a shard is missing or cannot be read.
        FileFormatError
            If the manifest breaks a rule, or a shard is damaged or not the one that it
            names; the message says which.
        ShardError
            If a worker does not start.
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule.
        """
        check_choice("engine", engine, get_args(EngineName))
        check_choice("policy", policy, get_args(Policy))
        if deadline is not None:
            deadline = check_real("deadline", deadline, 1e-3, MOST_SECONDS)
        place = as_folder(folder)
        how = How(engine, hot, verify, get_backend(backend), workers, deadline)
        manifest, opened = started(place, how)
        return cls(place, Generation(manifest, opened, policy), how)

    @property
    def manifest(self) -> Manifest:
        """Which shards there are."""
        return self._now.manifest

    @property
    def metric(self) -> Metric:
        """The metric of the distances returned."""
        return self.manifest.metric

    @property
    def encoding(self) -> Encoding:
        """What the codes of all shards were made with."""
        return self.manifest.encoding

    @property
    def dim(self) -> int:
        """Number of columns of the stored vectors."""
        return self.manifest.dim

    @property
    def n(self) -> int:
        """Number of vectors in all shards."""
        return self.manifest.n

    @property
    def ids(self) -> UserIds:
        """The caller's ids, one shard after the other, shape (n,), int64."""
        return self._now.rows.live_ids

    def __len__(self) -> int:
        """Return the number of vectors."""
        return self.n

    def __repr__(self) -> str:
        """Return size, metric and number of shards."""
        return (
            f"ShardedIndex(n={self.n}, dim={self.dim}, metric={self.metric!r}, "
            f"shards={len(self.manifest.shards)})"
        )

    def __contains__(self, id: Any) -> bool:
        """Return whether a vector has this id."""
        try:
            return int(as_int64(id, "id")) in self._now.rows.rows_by_id
        except (QuiverError, TypeError):
            return False

    def get(self, ids: Any) -> Vectors:
        """Return stored vectors by id; see `Index.get`.

        Raises
        ------
        ShardError
            If a shard that has one of them is lost, whatever the policy.
        """
        asked = as_int64(ids, "ids")
        found = self._now.get(asked.reshape(-1))
        return found.reshape(*asked.shape, self.dim)

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
        ef: int | None = None,
        n_rerank: int | None = None,
        filter: Any = None,
        threads: int | None = None,
    ) -> ShardedResult:
        """Find the nearest stored vectors; see `Index.search`.

        Parameters
        ----------
        queries, k, filter
            As there. Bools are one for each row of ``self.ids``; a `Filter` of one
            shard is refused.
        ef, n_rerank : int, optional
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
        effort = SearchParams.resolve(k, ef, n_rerank)
        queries, is_single = as_queries(queries, metric=self.metric, dim=self.dim)
        return self._now.search(queries, effort, filter, threads, is_single)

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
        queries, _ = as_queries(queries, metric=self.metric, dim=self.dim)
        radii = as_radii(radius, len(queries), self.metric)
        return self._now.search_radius(queries, radii, options, filter, threads)

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

    def close(self) -> None:
        """End the workers, or let the shards go; nothing can be asked afterwards."""
        self._now.engine.close()

    def __enter__(self) -> ShardedIndex:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
