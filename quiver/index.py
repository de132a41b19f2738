"""Index: one short method per verb; each checks its arguments and delegates."""

from __future__ import annotations

import os
import warnings
from inspect import signature
from typing import Any, Literal

from quiver import storage
from quiver._typing import (
    ColdDtype,
    Metric,
    Neighbors,
    Progress,
    StoredVectors,
    UserIds,
    Vectors,
)
from quiver._version import __version__
from quiver.arithmetic import in_standard_arithmetic, with_standard_arithmetic
from quiver.asking import Asking
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.build import Plan, build
from quiver.check import CheckReport, check
from quiver.diagnosis.auto import ready_to_build
from quiver.errors import QuiverError
from quiver.explain import Explanation, explain
from quiver.filters.given import as_filters
from quiver.living.journaled import open_journaled, saving
from quiver.living.verbs import Living
from quiver.memory import MemoryReport
from quiver.parallel.progress import tells_progress
from quiver.parallel.workers import resolve_threads
from quiver.params import BuildParams, Encoding, SearchParams, as_encoding, as_params
from quiver.reference.codes import Codes, Transform
from quiver.results import SearchResult
from quiver.search import answers
from quiver.storage.pieced import live_vectors
from quiver.validation.arrays import as_int64, as_queries
from quiver.validation.checks import check_flag, check_metric


@with_standard_arithmetic
class Index(Living, Asking):
    """A graph index over codes of few bits, re-ranked by the stored vectors.

    Make one with `Index.build`, `Index.create` or `quiver.open`; the constructor only
    puts a state under some kernels.

    Parameters
    ----------
    state : State
        Everything that is stored.
    backend : Backend
        The kernels that read it; the answers do not depend on them.
    """

    @classmethod
    @tells_progress("building")
    def build(
        cls,
        vectors: Any,
        *,
        metric: Metric = "cosine",
        ids: Any = None,
        params: BuildParams | None = None,
        recall: float | None = None,
        encoding: Encoding | Literal["default", "paper", "auto"] | None = None,
        backend: str | Backend = "auto",
        threads: int | None = None,
        progress: Progress | bool | None = None,
        **shape: Any,
    ) -> Index:
        """Build an index over the rows of a matrix.

        Parameters
        ----------
        vectors : array_like of shape (n, dim), n >= 1
            Real floats or integers, any layout; kept as float32, but uint8 and int8
            as bytes, with the same answers. Also an Arrow, Polars, DuckDB or datasets
            column, a data frame of numbers, a CPU tensor, whatever has DLPack, or a
            column of lists or arrays. Copied unless it is kept in its
            own dtype and nobody can write to it: an array opened by
            ``np.load(path, mmap_mode="r")``, or one that is read-only together with
            every array it is a view of, is used where it is.
        metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
            Or a word that means one of them, such as ``l2``, ``ip`` or ``angular``.
            Cosine gives a zero vector the distance 1 to everything.
        ids : array_like of shape (n,), optional
            Unique 64-bit integers to return, any but -1; default 0 … n - 1. Unsigned
            ones are kept as the int64 of the same bits.
        params : BuildParams, optional
            Shape of the graph. What it leaves open the data decide: ``index.params``
            has what was chosen, ``index.notes`` why.
        recall : float, optional
            The recall@10 to build for, instead of ``params``. Above 0.95 it takes more
            memory and longer, see `BuildParams.for_recall`; the beam width of a search
            stays 64 by default, and `quiver.tune` finds the one that it takes.
        encoding : Encoding, 'default', 'paper' or 'auto', optional
            Default: `Encoding()` with as many bits as a look at some rows says they
            need. `Encoding.paper()` audits the published system. ``auto`` asks
            `quiver.diagnose` for all of it. Both keep what they found in
            ``index.notes`` and warn where no code will do. An encoding that is given
            is obeyed, and warned about where a look at some rows finds it poor.
        backend : str or Backend, default "auto"
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

        Warns
        -----
        PrecisionWarning
            If float32 cannot tell rows apart as given; the message has the remedy.

        Examples
        --------
        >>> import numpy as np
        >>> import quiver
        >>> points = np.random.default_rng(0).normal(size=(500, 32))
        >>> index = quiver.Index.build(points, metric="euclidean")
        >>> index.search(points[7], k=1).ids
        array([7])
        """
        metric, chosen = check_metric(metric), as_encoding(encoding)
        params = as_params(params, shape, signature(cls.build).parameters, recall)
        backend, n_threads = get_backend(backend), resolve_threads(threads)
        plan = Plan(metric, chosen, params, backend, n_threads, progress)
        return cls(build(*ready_to_build(vectors, ids, plan, encoding)), backend)

    @property
    def metric(self) -> Metric:
        """The metric of the distances returned."""
        return self.state.metric

    @property
    def encoding(self) -> Encoding:
        """What the codes were made with."""
        return self.state.encoding

    @property
    def params(self) -> BuildParams:
        """What the graph was built with."""
        return self.state.params

    @property
    def notes(self) -> dict[str, str] | None:
        """What a look at the data found, and advice; None where there is nothing."""
        return self.state.notes

    @property
    def diagnosis(self) -> dict[str, str] | None:
        """Old name of `notes`, for one release."""
        msg = "Index.diagnosis is now Index.notes; this name goes with the next release"
        warnings.warn(msg, DeprecationWarning, stacklevel=2)
        return self.notes

    @property
    def transform(self) -> Transform:
        """The map from vectors to coded coordinates."""
        return self.state.transform

    @property
    def codes(self) -> Codes:
        """Coded rows (hot). For inner product their bias is 0."""
        return self.state.codes

    @property
    def neighbors(self) -> Neighbors:
        """Graph (hot), shape (n, max_degree), uint32."""
        return self.state.neighbors

    @property
    def entry_point(self) -> int:
        """The first of ``state.entry_points``: every other row is reached from it."""
        return self.state.entry_point

    @property
    def ids(self) -> UserIds:
        """The caller's ids (hot), shape (n,), int64."""
        return self.state.live_ids

    @property
    def vectors(self) -> Vectors | StoredVectors:
        """Stored vectors (cold), shape (n, dim), in the order of ``ids``.

        Where they are no array (bytes, halves, in a file), indexing and
        ``np.asarray`` give float32 all the same.
        """
        return live_vectors(self.state)

    @property
    def n(self) -> int:
        """Number of vectors, without those removed."""
        return self.state.n_live

    @property
    def dim(self) -> int:
        """Number of columns of the stored vectors."""
        return self.state.dim

    def __len__(self) -> int:
        """Return the number of vectors."""
        return self.n

    def __repr__(self) -> str:
        """Return size, metric and backend."""
        return (
            f"Index(n={self.n}, dim={self.dim}, metric={self.metric!r}, "
            f"max_degree={self.params.max_degree}, backend={self.backend.name!r})"
        )

    def __str__(self) -> str:
        """Return the same, and the notes, a line each."""
        notes = (self.notes or {}).items()
        return "\n".join([repr(self), *(f"- {name}: {note}" for name, note in notes)])

    def __contains__(self, id: Any) -> bool:
        """Return whether a vector has this id."""
        try:
            return int(as_int64(id, "id")) in self.state.rows_by_id
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
        state = self.state
        rows = state.rows_by_id.rows(as_int64(ids, "ids"))
        return state.vectors[rows.reshape(-1)].reshape(*rows.shape, state.dim)

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
            if that is more. From ``max(512, n // 30 + 1)`` on all codes are scanned,
            which is faster than a walk, and ``stats.hops`` is 0.
        n_rerank : int, optional
            How many of the beam are ordered exactly, k … ef; under inner product, very
            long rows besides. Default: all that can be among the k best, told by codes.
        horizon : float, optional
            Ends a walk earlier: where the nearest row not looked behind yet is so many
            times as far, by code, as the k-th found, such as 1.05. With a wide ``ef``
            it spares easy queries what hard ones need; `quiver.tune` finds both.
        filter : array_like, callable, Filter or sequence of these, optional
            The rows that may answer; see `filter`. A list of filters is one per query.
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
        # Once: another thread may be changing the index.
        state = self.state
        effort = SearchParams.resolve(k, ef, n_rerank, horizon, state.metric)
        queries, is_single = as_queries(queries, metric=state.metric, dim=state.dim)
        n_threads = resolve_threads(threads, len(queries))
        filters = as_filters(state, filter, len(queries))
        found = answers(state, self.backend, queries, effort, n_threads, filters)
        return SearchResult(found, state.version, is_single)

    def memory_report(self) -> MemoryReport:
        """Return the bytes of the index by part."""
        return MemoryReport(
            n_vectors=self.n,
            codes=self.codes.rows.nbytes,
            graph=self.neighbors.nbytes,
            ids=self.state.ids.nbytes,
            vectors=self.state.vectors.nbytes,
            mapped=storage.mapped_bytes(self.state),
        )

    def explain(
        self,
        query: Any,
        *,
        k: int = 10,
        ef: int | None = None,
        n_rerank: int | None = None,
        horizon: float | None = None,
        filter: Any = None,
    ) -> Explanation:
        """Explain one search hop by hop, the same from every backend.

        Parameters
        ----------
        query : array_like of shape (dim,)
            One vector.
        k, ef, n_rerank, horizon, filter : optional
            As for `search`. With a filter only if that walks: of few rows all are
            measured, which leaves nothing to explain.

        Returns
        -------
        Explanation
            The walk, the answer, and the fate of each of the exact k nearest rows, for
            which all vectors are read; ``str()``, ``to_dict()`` and ``to_html()``.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If an argument breaks a rule.
        """
        effort = SearchParams.resolve(k, ef, n_rerank, horizon, self.metric)
        return explain(self.state, query, effort, filter)

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
            those of 200 sampled vectors, that these find themselves, and that walks
            find what a scan of all codes does.
        """
        return check(self.state, self.backend, full=full)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        cold_dtype: ColdDtype | None = None,
    ) -> None:
        """Write the index to one file, atomically; `quiver.open` reads it.

        Parameters
        ----------
        path : str or path-like
            Its old content, if any, stays until the new is complete on the disk.
        cold_dtype : {'float32', 'float16', 'uint8', 'int8'}, optional
            How to store the vectors; default as the index holds them. float16
            halves the cold bytes, and distances are then those of the rounded
            vectors; uint8 and int8 need whole numbers in their range.

        Raises
        ------
        LockError
            If another writer is saving to the same path.
        FileAccessError
            If the operating system fails; the old file is untouched.
        InvalidArgumentError, InvalidTypeError
            If an argument is wrong or a vector does not fit ``cold_dtype``.
        """
        with saving(self, path) as announce:
            storage.save(self.state, path, __version__, cold_dtype, announce)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle an index left in a file by its path, any other by its arrays."""
        if (origin := storage.origin_of(self.state)) is not None:
            return _open_again, (origin, self.backend)
        return Index, (self.state, self.backend)

    def snapshot(self) -> Index:
        """Return an index that stays at this version, whatever happens to this one.

        Both share all memory until one is changed.
        """
        return Index(self.state, self.backend)

    __copy__ = snapshot


@in_standard_arithmetic
def open(
    path: str | os.PathLike[str],
    *,
    hot: storage.Place = "memory",
    cold: storage.Place | None = None,
    verify: storage.Verify = "fast",
    backend: str | Backend = "auto",
    journal: bool = False,
) -> Index:
    """Open a saved index.

    Parameters
    ----------
    path : str or path-like
        A file that `Index.save` wrote.
    hot : {'memory', 'mmap'}, default 'memory'
        ``mmap`` leaves codes, graph and ids in the file as well: all processes that
        open it share one copy. The file may be replaced meanwhile, but must not be
        written to or cut short by another program. See docs/limits.md.
    cold : {'memory', 'mmap'}, default as ``hot``
        ``mmap`` leaves the vectors in the file and reads rows as the re-rank needs
        them. The file may be replaced meanwhile, but must not be cut short. Such an
        index is pickled as path and checksum: another process opens the same file.
    verify : {'none', 'fast', 'full'}, default 'fast'
        ``fast`` proves every hot byte: all but the vectors under ``cold="mmap"``.
        ``full`` reads those too, and proves that all vectors are finite and have the
        hash in the header. ``none``, with ``hot="mmap"`` only, reads neither codes nor
        graph nor ids and so opens at once: for a file that was proven before. Damage
        there can then give wrong answers or end the process.
    backend : str or Backend, default "auto"
        See `get_backend`.
    journal : bool, default False
        Keep a journal beside the file: each operation is in it, and on the disk, before
        it counts. What it holds already is repeated first. Saving to the same path
        empties it. Without it the file is opened as it was saved.

    Returns
    -------
    Index

    Raises
    ------
    LockError
        If another index keeps the journal.
    FileFormatError
        If the file is foreign, damaged or of another format version; the message
        names file, section, byte, what was found and what was expected.
    FileAccessError
        If the operating system cannot open or read it.
    InvalidArgumentError, InvalidTypeError
        If an argument is not one of those listed, or does not go with another.
    """
    # Before the file, so that an unknown backend is told at once.
    backend = get_backend(backend)
    check_flag("journal", journal)

    def opened() -> Index:
        state = storage.load(path, hot=hot, cold=cold, verify=verify)
        return Index(state, backend)

    return open_journaled(path, opened) if journal else opened()


def _open_again(origin: storage.Origin, backend: Backend) -> Index:
    return Index(storage.load_again(origin), backend)
