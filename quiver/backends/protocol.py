"""The kernel contract: the only full statement of what every backend computes.

The five words of the spine are ``encode`` (with ``quantize``, its query side),
``distance``, ``prune``, ``search`` and ``rerank``; ``answer`` is those of a search in
one call. Everything else (threads, batches, validation, files) is written once above
them.

Rules for every method
----------------------
- The result equals `quiver.reference` in every bit: values, order, counters, dtype,
  shape. Integer arithmetic is exact. Each float operation is rounded on its own, as
  written in the reference: no fused multiply-add, no fast-math. Sums over dimensions
  follow the lane rule of `quiver.reference.lanes`. The calling thread rounds to nearest
  and keeps subnormals: the public words see to that, by `quiver.arithmetic`.
- Inputs are already validated, C-contiguous and of the stated dtype; they are never
  written to. Outputs are freshly allocated and C-contiguous.
- A method is single-threaded, holds no state between calls and may be called from
  several threads at once; compiled ones release the GIL. What ``answer`` prepares of
  one version of an index it keeps there.
- Order is by (distance, id), total; see `quiver.reference.keys`.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from quiver._typing import (
    Bits,
    Counts,
    Distances,
    Ids,
    KeptVectors,
    Keys,
    Mask,
    Metric,
    Neighbors,
    PruneRule,
    Vectors,
    Weights,
)
from quiver.reference.answer import Answers, Searched
from quiver.reference.codes import Codes, Queries, Transform
from quiver.reference.horizon import Horizon
from quiver.reference.rerank import Ranking
from quiver.reference.search import Balls, Beams


@runtime_checkable
class Backend(Protocol):
    """Kernels for one target. Implementations do not inherit from this class."""

    @property
    def name(self) -> str:
        """Registered name, such as ``numba`` or ``cython-avx2``."""

    @property
    def target(self) -> str:
        """What the kernels are compiled for, such as ``numpy``, ``llvm``, ``avx2``."""

    def encode(
        self, vectors: Vectors, transform: Transform, bits: Bits, weights: Weights
    ) -> Codes:
        """Transform and code base vectors.

        Parameters
        ----------
        vectors : ndarray of shape (n, dim), float32
            Finite vectors, as the caller gave them.
        transform : Transform
            The map T.
        bits : {2, 4, 8}
            Bits per coordinate.
        weights : {'corrected', 'published'}
            ``corrected``: 2 bits of constant weight, or 4 or 8 bits in steps, and
            corrections. ``published``: 2 bits by the paper's strong rule; the
            corrections are zero.

        Returns
        -------
        Codes
            Rows start at a multiple of 64 bytes; padding bits and bytes are zero.

        Notes
        -----
        See docs/algorithm/encode.md and docs/algorithm/transform.md:
        ``T(x) = Q·S(prepare(x) - mean)``.
        """

    def quantize(self, queries: Vectors, transform: Transform, bits: Bits) -> Queries:
        """Transform queries and round them to 8 bits per coordinate.

        Parameters
        ----------
        queries : ndarray of shape (q, dim), float32
            Finite vectors.
        transform : Transform
            The map T of the index searched.
        bits : {2, 4, 8}
            Of the codes searched: decides where a coordinate lies.

        Returns
        -------
        Queries
            ``v = rint(r · inv)``, ``inv = float32(127) / peak``, halves to even;
            ``step = peak / float32(127)``. Where ``inv`` is not finite (peak zero or
            subnormal) every v and step is 0.

        Notes
        -----
        See docs/algorithm/encode.md.
        """

    def distance(
        self, codes: Codes, queries: Codes | Queries, candidates: Ids | None = None
    ) -> Distances:
        """Measure queries against coded rows.

        Parameters
        ----------
        codes : Codes
            The base, n rows.
        queries : Codes or Queries
            q queries: codes are compared symmetrically, int8 ones asymmetrically.
        candidates : ndarray of shape (q, m), uint32, optional
            Row numbers to measure for each query; ``NO_ID`` anywhere is skipped.
            Without it every query is measured against every row.

        Returns
        -------
        ndarray of shape (q, m) or (q, n), float32
            Squared distance (corrected weights; asymmetric estimates may be
            negative) or ``4·dim - ⟨w_a, w_b⟩`` (published ones, 0 … 8·dim);
            +inf at ``NO_ID``.

        Notes
        -----
        See docs/algorithm/distance.md; Table 1 of the paper.
        """

    def prune(
        self,
        codes: Codes,
        candidates: Keys,
        max_degree: int,
        alpha: float,
        beta: float,
        rule: PruneRule,
    ) -> Neighbors:
        """Choose diverse out-edges for many targets.

        Parameters
        ----------
        codes : Codes
            The base.
        candidates : ndarray of shape (m, width), uint64
            Per target the keys (distance to the target, id), ascending, ended by
            ``NO_KEY``; ids within a row are distinct and never the target's own.
        max_degree : int
            Most edges kept per target.
        alpha : float
            Pruning slack, >= 1, rounded to float32; distances are squared.
        beta : float
            Rounded to float32. How far out a row must lie to cover another.
        rule : {'vamana', 'strict_first', 'published'}
            ``vamana`` rejects c when some kept s has
            ``alpha · d(c, s) <= d(target, c)`` and ``bias_s >= beta · bias_c``;
            ``strict_first`` does so with an alpha of 1, and then, in what room is
            left, goes through the rejected once more with ``alpha``;
            ``published`` rejects when
            ``d(c, s) < alpha · d(target, c)``, then fills with the nearest rejected.

        Returns
        -------
        ndarray of shape (m, max_degree), uint32
            Kept ids in the order they were kept, then ``NO_ID``.

        Notes
        -----
        See docs/algorithm/prune.md. Distances among candidates are symmetric
        (``distance`` of two codes); one float32 product each, compared in float32.
        """

    def merge(
        self,
        codes: Codes,
        neighbors: Neighbors,
        sources: Ids,
        edges: Neighbors,
        start: int,
        stop: int,
        max_degree: int,
        alpha: float,
        beta: float,
        rule: PruneRule,
        *,
        allowed: Mask | None = None,
    ) -> tuple[Ids, Neighbors]:
        """Give the targets of new edges the reverse ones, within a range of rows.

        Parameters
        ----------
        codes : Codes
            The base, n rows.
        neighbors : ndarray of shape (n, width), uint32
            Out-edges of every row, ended by ``NO_ID``; ``width >= max_degree``.
        sources : ndarray of shape (m,), uint32
            Rows that chose new edges; ascending, each once.
        edges : ndarray of shape (m, any), uint32
            The edges of each, in any order, none twice and none to itself; ``NO_ID``
            anywhere is skipped.
        start, stop : int
            Only targets in ``start <= target < stop`` are served, and only their rows
            of ``neighbors`` are read; ``0 <= start <= stop <= n``.
        max_degree, alpha, beta, rule
            As for `prune`.
        allowed : ndarray of shape (1, ceil(n / 64)), uint64, optional
            The rows that may stay in a list that is pruned, as in `search`.

        Returns
        -------
        targets : ndarray of shape (t,), uint32
            Targets of any edge in the range, ascending.
        lists : ndarray of shape (t, width), uint32
            The list of each as it becomes, ended by ``NO_ID``.

        Notes
        -----
        See docs/algorithm/build.md. The sources that chose a target and are not in its
        list go behind it, ascending. Where all do not fit into ``width``, the allowed
        ones of the list and the sources are pruned, sorted by (distance to the target,
        id); distances are symmetric.
        """

    def search(
        self,
        codes: Codes,
        neighbors: Neighbors,
        queries: Codes | Queries,
        entry_points: Ids,
        ef: int,
        *,
        allowed: Mask | None = None,
        budget: Counts | None = None,
        screened: bool = False,
        horizon: Horizon | None = None,
    ) -> Beams:
        """Walk the graph best-first, once per query.

        Parameters
        ----------
        codes : Codes
            The base, n rows.
        neighbors : ndarray of shape (n, width), uint32
            Out-edges of every row, ended by ``NO_ID``; no id twice in a row.
        queries : Codes or Queries
            q queries, as in `distance`.
        entry_points : ndarray of shape (e,), uint32
            Rows that are measured first; every walk starts at the nearest.
        ef : int
            Beam width, >= 1.
        allowed : ndarray of shape (1 or q, ceil(n / 64)), uint64, optional
            The rows that may answer, for all queries or for each: row r is bit
            ``r % 64`` of word ``r // 64``, and bits past the last row are zero.
            Default: all. Other rows are measured, expanded and counted all the same.
        budget : ndarray of shape (q,), int64, optional
            No row is expanded once so many distances are computed; with ``allowed``,
            nor once ``budget // 15`` are and fewer than ``ef`` allowed rows were seen.
            Default: no end.
        screened : bool, default False
            Whether a row is dropped, seen but neither in the beam nor ever expanded,
            where its first 2, 4, 8 … cache lines tell that it is likely beyond the
            bound; see `quiver.reference.screen`. The bound is the ``ef``-th smallest
            allowed key seen before this hop, and there is none for fewer. For int8
            queries only; coded ones are measured whole.
        horizon : Horizon, optional
            A second end of every walk, see below. Default: none.

        Returns
        -------
        Beams
            Sorted keys of allowed rows, the counters, and whether the budget lasted. A
            node's distance is computed at most once (``seen`` is exact); those of the
            entry points count. A hop is an expansion.

        Notes
        -----
        See docs/algorithm/search.md. Repeatedly the nearest row seen and not expanded
        is expanded, by key. The walk is complete when there is none, or when it is
        beyond the ``ef``-th smallest allowed key seen, or when its distance is greater
        than ``factor * max(0, d)``, one float32 product, with d that of the ``rank``-th
        such key; it is incomplete when that is not so and the budget says stop. A
        query's beam is the ``ef`` smallest allowed keys seen, without those whose
        distance is, in the end, greater than that product. With every row allowed,
        that is: the first unexpanded entry of the beam is expanded; a neighbour not yet
        seen is inserted if the beam is not full or it beats the last entry.
        """

    def search_radius(
        self,
        codes: Codes,
        neighbors: Neighbors,
        queries: Codes | Queries,
        entry_points: Ids,
        ef: int,
        limits: Distances,
        *,
        allowed: Mask | None = None,
        budget: Counts | None = None,
    ) -> Balls:
        """Walk as `search` does, to all that lies within a code distance.

        Parameters
        ----------
        codes, neighbors, queries, entry_points, ef, allowed, budget
            As for `search`.
        limits : ndarray of shape (q,), float32
            The distance of each query, no NaN.

        Returns
        -------
        Balls
            Keys of the allowed rows seen at a distance <= the limit, and the counters.

        Notes
        -----
        See docs/algorithm/search.md. The walk of `search`, but complete only when the
        nearest row not expanded is also beyond the limit.
        """

    def scan(self, codes: Codes, queries: Codes | Queries, rows: Ids, ef: int) -> Beams:
        """Measure some rows and keep the nearest, without a graph.

        Parameters
        ----------
        codes : Codes
            The base, n rows.
        queries : Codes or Queries
            q queries, as in `distance`.
        rows : ndarray of shape (m,), uint32
            Ascending, each once.
        ef : int
            How many keys to keep, >= 1.

        Returns
        -------
        Beams
            The ``ef`` smallest keys of the rows, sorted; 0 hops and m distance
            computations for every query, complete.

        Notes
        -----
        See docs/algorithm/search.md.
        """

    def rerank(
        self,
        vectors: KeptVectors,
        queries: Vectors,
        candidates: Ids,
        k: int,
        metric: Metric,
        bounds: Distances | None = None,
    ) -> Ranking:
        """Order candidates by the exact metric, reading those that can matter.

        Parameters
        ----------
        vectors : ndarray of shape (n, dim), float32, uint8 or int8
            Stored vectors: a byte counts as the float32 that it equals. They need be
            aligned to one element only.
        queries : ndarray of shape (q, dim), float32
            Queries as the caller gave them.
        candidates : ndarray of shape (q, m), uint32
            Row numbers per query; ``NO_ID`` anywhere is skipped.
        k : int
            How many to return.
        metric : {'cosine', 'euclidean', 'inner_product'}
            ``max(0, 1 - ⟨q, x⟩ / (sqrt(⟨q, q⟩)·sqrt(⟨x, x⟩)))``, 1 where a norm is
            zero; ``sqrt(Σ (x - q)²)``; ``-⟨q, x⟩``.
        bounds : ndarray of shape (q, m), float32, optional
            What the distance of each candidate is at least. Without it all are read.

        Returns
        -------
        Ranking
            The k best of those read, and how many were.

        Notes
        -----
        See docs/algorithm/rerank.md: float64 lane sums, one rounding to float32 at
        the end. Candidates are taken in their order. One is passed over, neither read
        nor counted, if k are held and its bound is greater than the distance of the
        last of these; so an equal bound is read. Rows may be asked for ahead of that.
        """

    def answer(
        self,
        searched: Searched,
        queries: Vectors,
        k: int,
        ef: int,
        depth: int,
        *,
        bounded: bool = False,
        horizon: Horizon | None = None,
    ) -> Answers:
        """Answer queries from the codes, the graph and the vectors of one index.

        Parameters
        ----------
        searched : Searched
            All that is read of the index; an object is never written to, but for
            ``kept``.
        queries : ndarray of shape (q, dim), float32
            Finite vectors, as the caller gave them.
        k : int
            How many answers to return.
        ef : int
            Beam width, >= 1.
        depth : int
            How many of each beam are candidates, 1 … ef.
        bounded : bool, default False
            Whether candidates that cannot be among the k best, by what their codes
            say, are passed over. Those beside the beam never are.
        horizon : Horizon, optional
            As for `search`.

        Returns
        -------
        Answers

        Notes
        -----
        Exactly what `quiver.reference.answer.by_words` makes of ``quantize``,
        ``search`` and ``rerank``; a backend may take that function as its method.
        """
