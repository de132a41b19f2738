"""Index: validate, encode, build, search, rerank. Owns the arrays, has no kernel."""

from __future__ import annotations

import os
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from quiver import storage
from quiver._typing import Metric, Neighbors, Progress, Vectors
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.encoding import drop_norms, encode_rows, fit_transform
from quiver.errors import InvalidArgumentError, QuiverError
from quiver.graph.order import choose_entry_point
from quiver.graph.vamana import build_graph
from quiver.lookup import RowsById
from quiver.memory import MemoryReport, predict_memory
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import Workers, map_chunks, resolve_threads
from quiver.params import (
    BuildParams,
    Encoding,
    SearchParams,
    as_encoding,
    as_params,
    check_goes_together,
)
from quiver.reference.codes import Codes, Queries, Transform
from quiver.reference.keys import NO_ID, NO_RESULT, key_ids
from quiver.reference.transform import searched_metric
from quiver.results import SearchResult, SearchStats
from quiver.storage.cold import ColdVectors, rerank_stored
from quiver.storage.header import ColdDtype
from quiver.validation.arrays import (
    as_ids,
    as_int64,
    as_queries,
    as_vectors,
    keep_or_copy,
)
from quiver.validation.checks import check_metric
from quiver.validation.foreign import as_real_array

if TYPE_CHECKING:
    from quiver.check import CheckReport
    from quiver.explain import Explanation

SEARCH_CHUNK = 64
"""Queries per kernel call at most."""


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
        self.rows_by_id = RowsById(ids)

    @classmethod
    @tells_progress("building")
    def build(
        cls,
        vectors: Any,
        *,
        metric: Metric = "cosine",
        ids: Any = None,
        params: BuildParams | None = None,
        encoding: Encoding | Literal["default", "paper", "auto"] | None = None,
        backend: str = "auto",
        threads: int | None = None,
        progress: Progress | bool | None = None,
        **shape: Any,
    ) -> Index:
        """Build an index over the rows of a matrix.

        Parameters
        ----------
        vectors : array_like of shape (n, dim), n >= 1
            Real floats or integers, any layout; kept as float32. Also a data frame
            of numbers, a CPU tensor, or a column of lists or arrays. Copied unless
            nobody can write to it: an array opened by
            ``np.load(path, mmap_mode="r")``, or a float32 one that is read-only
            together with every array it is a view of, is used where it is.
        metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
            Or a word that means one of them, such as ``l2``, ``ip`` or ``angular``.
            Cosine gives a zero vector the distance 1 to everything.
        ids : array_like of shape (n,), optional
            Unique 64-bit integers to return, any but -1; default 0 … n - 1. Unsigned
            ones are kept as the int64 of the same bits.
        params : BuildParams, optional
            Shape of the graph.
        encoding : Encoding, 'default', 'paper' or 'auto', optional
            Default `Encoding()`; `Encoding.paper()` audits the published system.
            ``auto`` asks `quiver.diagnose`, warns where no search will do, and keeps
            the numbers in ``index.diagnosis``.
        backend : str, default "auto"
            See `get_backend`.
        threads : int, optional
            Default: all this process may use. The result does not depend on it.
        progress : callable or bool, optional
            ``progress(done, total)`` in rows; return False to cancel. At most one
            call per hundredth of the rows or per second, and one when all is done.
            True shows a bar.
        **shape
            Fields of `BuildParams` by name, such as ``max_degree=16``, instead of
            ``params``.

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
        params = as_params(params, shape, signature(cls.build).parameters)
        chosen = as_encoding(encoding)
        check_goes_together(metric, chosen)
        n_threads = resolve_threads(threads)
        kernels = get_backend(backend)
        given = as_real_array(vectors, "vectors")
        stored = keep_or_copy(as_vectors(given, "vectors", metric=metric), given)
        if not len(stored):
            msg = f"vectors must have at least 1 row, got shape {stored.shape}"
            raise InvalidArgumentError(msg)
        own_ids = as_ids(ids, len(stored))
        diagnosis = None
        if encoding == "auto":
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

        meter = ProgressMeter(progress, len(stored))
        with Workers(n_threads, between=meter.poll) as workers:

            def encode(scaling: Metric) -> tuple[Transform, Codes]:
                transform = fit_transform(stored, scaling, chosen, params.seed)
                strong = chosen.strong
                codes = encode_rows(kernels, stored, transform, strong, workers)
                return transform, codes

            transform, codes = encode(metric)
            entry_point = choose_entry_point(stored, codes, transform)
            neighbors = build_graph(
                kernels,
                codes,
                entry_point,
                params=params,
                rule=params.rule_for(chosen),
                workers=workers,
                on_rows=meter.advance,
            )
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

    def __contains__(self, id: Any) -> bool:
        """Return whether a vector has this id."""
        try:
            return int(as_int64(id, "id")) in self.rows_by_id
        except (QuiverError, TypeError):
            return False

    def get(self, ids: Any) -> Vectors:
        """Return stored vectors by id.

        Parameters
        ----------
        ids : int or array_like of int
            One id or several, such as ``result.ids``.

        Returns
        -------
        ndarray of shape (dim,) or (m, dim), float32
            A copy of the vectors as stored: those given, rounded if the index was
            saved as float16. For m × k ids of shape (m, k, dim).

        Raises
        ------
        InvalidArgumentError
            If an id is unknown; the message names it.
        InvalidTypeError
            If the ids are not integers.

        Examples
        --------
        >>> import numpy as np
        >>> import quiver
        >>> index = quiver.Index.build(np.eye(3), ids=[7, 8, 9], backend="reference")
        >>> index.get(8)
        array([0., 1., 0.], dtype=float32)
        >>> index.get([9, 7]).shape, 7 in index, 0 in index
        ((2, 3), True, False)
        """
        rows = self.rows_by_id.rows(as_int64(ids, "ids"))
        return self.vectors[rows.reshape(-1)].reshape(*rows.shape, self.dim)

    def search(
        self,
        queries: Any,
        k: int = 10,
        *,
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
            ``ids``, ``distances``, ``counts``, ``stats``; unpacks into the first two.
            Distances ascend: ``1 - cos`` (never negative), the Euclidean distance
            (not squared), or ``-⟨q, x⟩``.

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
            row_work=effort.ef * self.params.max_degree,
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
        ids = np.where(found, self.ids[np.where(found, rows, 0)], NO_RESULT)
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
        transform = self.transform
        if self.metric == "inner_product":
            # ⟨q, x - mean⟩ ranks like ⟨q, x⟩, but (q - mean) would not.
            transform = transform._replace(mean=np.zeros_like(transform.mean))
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
            ``ok``, ``lines``, ``left_out``; ``str()`` gives a table whose last line
            is the verdict and names what was not read. Checked are the arrays
            (ranges, degrees, padding), that every row is reachable, that codes are
            those of 200 sampled vectors, and that these find themselves.
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

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """Pickle an index with mapped vectors by its file, any other by its arrays."""
        return storage.reduce_mapped(self) or super().__reduce_ex__(protocol)

    def __copy__(self) -> Index:
        """Return an index that shares every part, whatever pickling would do."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin
