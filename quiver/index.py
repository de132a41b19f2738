"""Index: validate, encode, build, search, rerank. Owns the arrays, has no kernel."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from quiver import storage
from quiver._typing import Metric, Neighbors, Progress, Vectors
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.build import GraphBuilder
from quiver.codes import Codes, Queries, Transform
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.keys import NO_ID, key_ids
from quiver.memory import MemoryReport, predict_memory
from quiver.parallel import ProgressMeter, map_chunks, resolve_threads
from quiver.params import (
    BuildParams,
    Encoding,
    SearchParams,
    check_goes_together,
    check_metric,
)
from quiver.results import SearchResult, SearchStats
from quiver.storage.cold import ColdVectors, rerank_stored
from quiver.storage.header import ColdDtype
from quiver.transform import (
    choose_entry_point,
    drop_norms,
    encode_rows,
    fit_transform,
    query_transform,
    searched_metric,
)
from quiver.validation import as_ids, as_queries, as_vectors, own_vectors

if TYPE_CHECKING:
    from quiver.check import CheckReport
    from quiver.explain import Explanation

SEARCH_CHUNK = 64
"""Queries per kernel call; a smaller batch is not worth a thread."""


class Index:
    """A graph index over 2-bit codes, re-ranked by the stored vectors.

    Make one with `Index.build` or `quiver.open`; the constructor only assembles
    parts that are already consistent.

    Attributes
    ----------
    metric : {'cosine', 'euclidean', 'inner_product'}
        The metric of the distances returned.
    codes : Codes
        Coded rows (hot). For inner product their bias is 0.
    transform : Transform
        The map from vectors to coded coordinates.
    neighbors : ndarray of shape (n, max_degree), uint32
        Graph (hot).
    entry_point : int
        Row where every walk starts.
    ids : ndarray of shape (n,), int64
        The caller's ids.
    vectors : ndarray of shape (n, dim), float32, or ColdVectors
        Stored vectors (cold), read by the re-rank only.
    params : BuildParams
        What the graph was built with.
    encoding : Encoding
        What the codes were made with.
    backend : Backend
        The kernels in use.
    diagnosis : dict of str to str, or None
        What ``encoding="auto"`` found before the build.
    """

    def __init__(
        self,
        *,
        metric: Metric,
        codes: Codes,
        transform: Transform,
        neighbors: Neighbors,
        entry_point: int,
        ids: NDArray[np.int64],
        vectors: Vectors | ColdVectors,
        params: BuildParams,
        encoding: Encoding,
        backend: Backend,
        diagnosis: dict[str, str] | None = None,
    ) -> None:
        self.metric = metric
        self.codes = codes
        self.transform = transform
        self.neighbors = neighbors
        self.entry_point = entry_point
        self.ids = ids
        self.vectors = vectors
        self.params = params
        self.encoding = encoding
        self.backend = backend
        self.diagnosis = diagnosis

    @classmethod
    def build(
        cls,
        vectors: Any,
        *,
        metric: Metric = "cosine",
        ids: Any = None,
        params: BuildParams | None = None,
        encoding: Encoding | Literal["auto"] | None = None,
        backend: str = "auto",
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Index:
        """Build an index over the rows of a matrix.

        Parameters
        ----------
        vectors : array_like of shape (n, dim), n >= 1
            Real floats or integers, any layout; kept as float32. A writeable
            float32 array is copied, a read-only one (such as
            ``np.load(path, mmap_mode="r")``) is used where it is.
        metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
            Cosine gives a zero vector the distance 1 to everything.
        ids : array_like of shape (n,), optional
            Unique non-negative integers to return; default 0 … n - 1.
        params : BuildParams, optional
            Shape of the graph.
        encoding : Encoding or 'auto', optional
            Default `Encoding()`; `Encoding.paper()` audits the published system.
            ``auto`` asks `quiver.diagnose`, warns where no search will do, and keeps
            the numbers in ``index.diagnosis``.
        backend : str, default "auto"
            See `get_backend`.
        threads : int, optional
            Default: all this process may use. The result does not depend on it.
        progress : callable, optional
            ``progress(done, total)`` in rows; return False to cancel.

        Returns
        -------
        Index

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule; nothing is built.
        BackendUnavailableError
            If a named backend cannot run here.
        CancelledError
            If ``progress`` returned False.

        Examples
        --------
        >>> import numpy as np
        >>> import quiver
        >>> points = np.random.default_rng(0).normal(size=(500, 32))
        >>> index = quiver.Index.build(points, metric="euclidean")
        >>> index.search(points[7], k=1).ids
        array([7])
        """
        metric = check_metric(metric)
        params = _instance("params", params, BuildParams)
        is_auto = isinstance(encoding, str) and encoding == "auto"
        chosen = _instance("encoding", None if is_auto else encoding, Encoding)
        check_goes_together(metric, chosen)
        n_threads = resolve_threads(threads)
        kernels = get_backend(backend)
        stored = own_vectors(as_vectors(vectors, "vectors", metric=metric), vectors)
        if not len(stored):
            msg = f"vectors must have at least 1 row, got shape {stored.shape}"
            raise InvalidArgumentError(msg)
        own_ids = as_ids(ids, len(stored))
        diagnosis = None
        if is_auto:
            # Not at the top: diagnosing builds small indexes with this class.
            from quiver.diagnosis.auto import choose_encoding

            chosen, diagnosis = choose_encoding(
                stored,
                metric=metric,
                params=params,
                backend=backend,
                threads=n_threads,
                progress=progress,
            )

        def encode(scaling: Metric) -> tuple[Transform, Codes]:
            transform = fit_transform(stored, scaling, chosen, params.seed)
            strong = chosen.strong
            return transform, encode_rows(kernels, stored, transform, strong, n_threads)

        transform, codes = encode(metric)
        entry_point = choose_entry_point(stored, codes, transform)
        builder = GraphBuilder(
            backend=kernels,
            codes=codes,
            params=params,
            rule=params.rule_for(chosen),
            threads=n_threads,
            meter=ProgressMeter(progress, len(stored)),
        )
        neighbors = builder.build(entry_point)
        if metric == "inner_product":
            transform, codes = encode(searched_metric(metric))
            drop_norms(codes)
        return cls(
            metric=metric,
            codes=codes,
            transform=transform,
            neighbors=neighbors,
            entry_point=entry_point,
            ids=own_ids,
            vectors=stored,
            params=params,
            encoding=chosen,
            backend=kernels,
            diagnosis=diagnosis,
        )

    @property
    def n(self) -> int:
        """Number of vectors."""
        return self.codes.n_rows

    @property
    def dim(self) -> int:
        """Number of columns of the stored vectors."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        """Return the number of vectors."""
        return self.n

    def __repr__(self) -> str:
        """Return size, metric and backend."""
        return (
            f"Index(n={self.n}, dim={self.dim}, metric={self.metric!r}, "
            f"max_degree={self.params.max_degree}, backend={self.backend.name!r})"
        )

    def search(
        self,
        queries: Any,
        *,
        k: int = 10,
        ef: int | None = None,
        n_rerank: int | None = None,
        threads: int | None = None,
    ) -> SearchResult:
        """Find the nearest stored vectors of one query or a batch.

        Parameters
        ----------
        queries : array_like of shape (dim,) or (q, dim)
            One vector or several.
        k : int, default 10
            Neighbours wanted. Where fewer exist, the rest is id -1 at distance +inf.
        ef : int, optional
            Beam width, >= k; larger finds more and takes longer. Default 64, or 2k
            if that is more.
        n_rerank : int, optional
            How many of the beam are ordered exactly, k … ef. Default: all of the
            beam up to 64, then ``max(64, ef / 2, 3k)``.
        threads : int, optional
            For batches; default all this process may use. The answer does not
            depend on it.

        Returns
        -------
        SearchResult
            ``ids``, ``distances``, ``counts``, ``stats``. Distances ascend:
            ``1 - cos`` (never negative), the Euclidean distance, or ``-⟨q, x⟩``.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule.
        """
        effort = SearchParams.resolve(k, ef, n_rerank)
        n_threads = resolve_threads(threads)
        wanted, is_single = as_queries(queries, metric=self.metric, dim=self.dim)
        chunks = map_chunks(
            lambda start, stop: self._search_chunk(wanted[start:stop], effort),
            len(wanted),
            chunk_rows=SEARCH_CHUNK,
            threads=n_threads,
        )
        if not chunks:
            chunks = [self._search_chunk(wanted, effort)]
        if len(chunks) > 1:
            parts = [np.concatenate(part) for part in zip(*chunks, strict=True)]
        else:
            parts = list(chunks[0])
        if is_single:
            parts = [part[0] for part in parts]
        ids, distances, counts, *stats = parts
        return SearchResult(ids, distances, counts, SearchStats(*stats))

    def _search_chunk(
        self, queries: Vectors, effort: SearchParams
    ) -> tuple[NDArray[Any], ...]:
        """Return ids, distances, counts and the counters of a few queries."""
        beams = self.backend.search(
            self.codes,
            self.neighbors,
            self.code_queries(queries),
            self.entry_point,
            min(effort.ef, self.n),
        )
        candidates = key_ids(beams.keys[:, : effort.n_rerank])
        rows, distances = rerank_stored(
            self.backend, self.vectors, queries, candidates, effort.k, self.metric
        )
        found = rows != NO_ID
        ids = np.where(found, self.ids[np.where(found, rows, 0)], -1)
        reranked = np.count_nonzero(candidates != NO_ID, axis=1)
        counts = np.count_nonzero(found, axis=1)
        return (
            ids,
            distances,
            counts,
            beams.hops,
            beams.distance_computations,
            reranked,
        )

    def code_queries(self, queries: Vectors) -> Codes | Queries:
        """Return checked queries in the form the kernels compare with the codes."""
        transform = query_transform(self.transform, self.metric)
        if self.encoding.query == "asymmetric":
            return self.backend.quantise(queries, transform)
        return self.backend.encode(queries, transform, self.encoding.strong)

    def memory_report(self) -> MemoryReport:
        """Return the bytes of the index by part."""
        report = predict_memory(self.n, self.dim, self.params)
        return replace(report, vectors=self.vectors.nbytes)

    def explain(
        self,
        query: Any,
        *,
        k: int = 10,
        ef: int | None = None,
        n_rerank: int | None = None,
    ) -> Explanation:
        """Explain one search hop by hop, the same from every backend.

        Parameters
        ----------
        query : array_like of shape (dim,)
            One vector.
        k, ef, n_rerank : int, optional
            As for `search`.

        Returns
        -------
        Explanation
            The walk, the answer, and the fate of each of the exact k nearest rows,
            which are computed here and take a pass over all vectors. ``str()``,
            ``to_dict()`` and ``to_html()`` show it.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule.
        """
        from quiver.explain import explain

        return explain(self, query, k=k, ef=ef, n_rerank=n_rerank)

    def check(self, *, full: bool = False) -> CheckReport:
        """Certify that the index is sound.

        Parameters
        ----------
        full : bool, default False
            Also read every vector (finite, and as saved if mapped) and code it
            again.

        Returns
        -------
        CheckReport
            ``ok``, ``exit_code``, ``lines``; ``str()`` gives a table whose last
            line is the verdict. Checked are the arrays (ranges, degrees, padding),
            that every row is reachable, that codes are those of sampled vectors, and
            that these find themselves.
        """
        # Not at the top: the checks are written on top of this class.
        from quiver.check import check

        return check(self, full=full)

    def save(
        self, path: str | os.PathLike[str], *, cold_dtype: ColdDtype | None = None
    ) -> None:
        """Write the index to one file, atomically; `quiver.open` reads it.

        Parameters
        ----------
        path : str or path-like
            Its old content, if any, stays until the new is complete on the disk.
        cold_dtype : {'float32', 'float16'}, optional
            How to store the vectors; default as the index holds them. float16
            halves the cold bytes, and distances are then those of the rounded
            vectors.

        Raises
        ------
        LockError
            If another writer is saving to the same path.
        FileAccessError
            If the operating system fails; the old file is untouched.
        InvalidArgumentError, InvalidTypeError
            If an argument is wrong or a vector does not fit float16.
        """
        storage.save(self, path, cold_dtype=cold_dtype)


def _instance(name: str, value: Any, kind: type[Any]) -> Any:
    if value is None:
        return kind()
    if not isinstance(value, kind):
        msg = f"{name} must be a {kind.__name__}, got {value!r}"
        raise InvalidTypeError(msg)
    return value
