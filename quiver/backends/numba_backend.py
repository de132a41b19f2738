"""The Numba backend: the five words, compiled by LLVM for the processor at hand.

This class only brings arrays into the form the kernels of ``_numba`` take; the
kernels hold the arithmetic.
"""

from __future__ import annotations

import numpy as np

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
from quiver.backends._numba import answer as _answer
from quiver.backends._numba import distance as _distance
from quiver.backends._numba import encode as _encode
from quiver.backends._numba import merge as _merge
from quiver.backends._numba import prune as _prune
from quiver.backends._numba import rerank as _rerank
from quiver.backends._numba import search as _search
from quiver.backends._numba import walk as _walk
from quiver.backends._numba.arguments import (
    METRIC_CODES,
    kind_of,
    prepare,
    queries_of,
    side_of,
    unpacked,
)
from quiver.reference.answer import Answers, Searched
from quiver.reference.codes import (
    CACHE_LINE,
    Codes,
    Queries,
    Transform,
    aligned_zeros,
    least_lines,
)
from quiver.reference.horizon import Horizon
from quiver.reference.prune import first_slack
from quiver.reference.rerank import Ranking, unbounded
from quiver.reference.search import Balls, Beams, scan_counters


class NumbaBackend:
    """See `quiver.backends.protocol.Backend` for every method."""

    name = "numba"
    target = "llvm"

    def encode(
        self, vectors: Vectors, transform: Transform, bits: Bits, weights: Weights
    ) -> Codes:
        """See `Backend.encode`."""
        dim = transform.coded_dim
        lines = least_lines(dim, bits)
        rows = aligned_zeros((len(vectors), CACHE_LINE * lines), np.uint8)
        codes = Codes(rows, dim, bits, weights)
        corrections = np.zeros((len(vectors), 2), dtype=np.float32)
        published = weights == "published"
        _encode.encode_rows(
            vectors, *unpacked(transform), bits, published, rows, corrections
        )
        codes.corrections[:] = corrections
        return codes

    def quantize(self, queries: Vectors, transform: Transform, bits: Bits) -> Queries:
        """See `Backend.quantize`."""
        lines = least_lines(transform.coded_dim, bits)
        values = np.zeros((len(queries), 8 // bits, CACHE_LINE * lines), np.int8)
        corrections = np.zeros((len(queries), 2), dtype=np.float32)
        _encode.quantize_rows(queries, *unpacked(transform), values, corrections)
        return Queries(values, corrections)

    def distance(
        self, codes: Codes, queries: Codes | Queries, candidates: Ids | None = None
    ) -> Distances:
        """See `Backend.distance`."""
        if candidates is None:
            candidates = np.arange(codes.n_rows, dtype=np.uint32)[None]
        out = np.empty((len(queries[0]), candidates.shape[1]), dtype=np.float32)
        _distance.distances(
            kind_of(codes, queries),
            side_of(codes.rows),
            *queries_of(codes, queries),
            candidates,
            out,
        )
        return out

    def prune(
        self,
        codes: Codes,
        candidates: Keys,
        max_degree: int,
        alpha: float,
        beta: float,
        rule: PruneRule,
    ) -> Neighbors:
        """See `Backend.prune`."""
        neighbors = np.empty((len(candidates), max_degree), dtype=np.uint32)
        scratch = np.zeros((1, 8 // codes.bits, codes.rows.shape[1]), dtype=np.int8)
        _prune.prune_rows(
            kind_of(codes, codes),
            side_of(codes.rows),
            codes.rows,
            candidates,
            *_choice(alpha, beta, rule),
            scratch,
            neighbors,
        )
        return neighbors

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
        """See `Backend.merge`."""
        most = min(stop - start, edges.size)
        targets = np.empty(most, dtype=np.uint32)
        merged = np.empty((most, neighbors.shape[1]), dtype=np.uint32)
        masks = np.empty((0, 0), dtype=np.uint64) if allowed is None else allowed
        scratch = np.zeros((1, 8 // codes.bits, codes.rows.shape[1]), dtype=np.int8)
        count = _merge.merge_lists(
            *(kind_of(codes, codes), side_of(codes.rows), codes.rows),
            *(neighbors, sources, edges, start, stop, masks, max_degree),
            *_choice(alpha, beta, rule),
            *(scratch, targets, merged),
        )
        return targets[:count], merged[:count]

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
        """See `Backend.search`."""
        screened = screened and isinstance(queries, Queries)
        if allowed is not None or budget is not None:
            rules = allowed, budget, None, screened
            walked = codes, neighbors, queries, entry_points
            beams, _ = _walk_by_rules(*walked, ef, *rules, horizon)
            return beams
        n_queries = len(queries[0])
        keys = np.empty((n_queries, ef), dtype=np.uint64)
        hops, computed, lines = np.empty((3, n_queries), dtype=np.int64)
        _search.search_rows(
            kind_of(codes, queries),
            side_of(codes.rows),
            *queries_of(codes, queries),
            neighbors,
            entry_points,
            keys,
            *(hops, computed, lines),
            *(screened, _horizon(horizon)),
        )
        return Beams(keys, hops, computed, lines, np.ones(n_queries, dtype=np.bool_))

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
        """See `Backend.search_radius`."""
        rules = allowed, budget, limits, False
        walked = codes, neighbors, queries, entry_points
        beams, ball = _walk_by_rules(*walked, ef, *rules)
        _, hops, computed, lines, complete = beams
        return Balls(*ball, hops, computed, lines, complete)

    def scan(self, codes: Codes, queries: Codes | Queries, rows: Ids, ef: int) -> Beams:
        """See `Backend.scan`."""
        n_queries = len(queries[0])
        keys = np.empty((n_queries, ef), dtype=np.uint64)
        kind, asked = kind_of(codes, queries), queries_of(codes, queries)
        _walk.scan_rows(kind, side_of(codes.rows), *asked, rows, keys)
        return Beams(keys, *scan_counters(codes, n_queries, len(rows)))

    def rerank(
        self,
        vectors: KeptVectors,
        queries: Vectors,
        candidates: Ids,
        k: int,
        metric: Metric,
        bounds: Distances | None = None,
    ) -> Ranking:
        """See `Backend.rerank`."""
        ranking = Ranking.empty(len(queries), k)
        least = unbounded(candidates) if bounds is None else bounds
        which = METRIC_CODES[metric]
        _rerank.rerank_rows(vectors, queries, candidates, least, which, *ranking)
        return ranking

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
        """See `Backend.answer`."""
        arguments = searched.kept.get(self.name) or prepare(searched, self.name)
        answers = Answers.empty(len(queries), k)
        effort = ef, depth, bounded, _horizon(horizon)
        _answer.answer_rows(*arguments, queries, *effort, *answers)
        return answers


def _choice(
    alpha: float, beta: float, rule: PruneRule
) -> tuple[np.float32, np.float32, np.float32, bool]:
    """Return what kernels know of a rule: slack of either round, beta, and the fill."""
    slacks = np.float32(first_slack(alpha, rule)), np.float32(alpha)
    return *slacks, np.float32(beta), rule == "published"


def _horizon(horizon: Horizon | None) -> tuple[int, np.float32]:
    """Return what kernels know of a horizon: a rank of 0 where there is none."""
    if horizon is None:
        return 0, np.float32(0)
    return horizon.rank, np.float32(horizon.factor)


def _walk_by_rules(
    codes: Codes,
    neighbors: Neighbors,
    queries: Codes | Queries,
    entry_points: Ids,
    ef: int,
    allowed: Mask | None,
    budget: Counts | None,
    limits: Distances | None,
    screened: bool,
    horizon: Horizon | None = None,
) -> tuple[Beams, tuple[Counts, Keys]]:
    """Return beams and, with limits, the offsets and keys of balls."""
    n_queries = len(queries[0])
    if allowed is None:
        allowed = np.empty((0, 0), dtype=np.uint64)
    if budget is None:
        budget = np.full(n_queries, np.iinfo(np.int64).max)
    if limits is None:
        limits = np.empty(0, dtype=np.float32)
    keys = np.empty((n_queries, ef), dtype=np.uint64)
    hops, computed, lines = np.empty((3, n_queries), dtype=np.int64)
    complete = np.empty(n_queries, dtype=np.bool_)
    offsets = np.empty(n_queries + 1, dtype=np.int64)
    found = _walk.walk_by_rules(
        *(kind_of(codes, queries), side_of(codes.rows), *queries_of(codes, queries)),
        *(neighbors, entry_points, allowed, budget, limits),
        *(keys, hops, computed, lines, complete, offsets),
        *(screened, _horizon(horizon)),
    )
    return Beams(keys, hops, computed, lines, complete), (offsets, found)
