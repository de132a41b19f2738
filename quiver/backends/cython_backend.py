"""The compiled backends: one class, one instance per target of the C kernels.

The targets are listed in `quiver.backends.targets`. Kernels live in ``_simd``: one C
source compiled once per target, chosen at run time.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
from quiver.backends.sources import check_made_of_these_sources
from quiver.reference.answer import Answers, Searched
from quiver.reference.bounds import LEAST_DIM
from quiver.reference.codes import (
    CACHE_LINE,
    Codes,
    Queries,
    Transform,
    aligned_zeros,
    least_lines,
)
from quiver.reference.horizon import Horizon
from quiver.reference.rerank import Ranking, unbounded
from quiver.reference.search import Balls, Beams, scan_counters

QueryArrays: TypeAlias = tuple[
    "NDArray[np.uint8] | None", "NDArray[np.int8] | None", "Distances | None"
]


@cache
def load_bindings() -> ModuleType:
    """Return the extension; raise ImportError if it is missing or out of date."""
    try:
        from quiver.backends._simd import bindings
    except ModuleNotFoundError as error:
        msg = "the compiled kernels are not installed: build with a C compiler"
        raise ImportError(msg) from error
    check_made_of_these_sources(getattr(bindings, "SOURCES", ""))
    return bindings


class CythonBackend:
    """Kernels of one target; methods are stated in `quiver.backends.protocol`.

    Parameters
    ----------
    target : str
        Name of one of `quiver.backends.targets.TARGETS`.

    Raises
    ------
    ImportError
        If the extension is not installed, was compiled of other sources than lie
        beside it or without the target, or if this processor lacks an instruction set
        of it, which is named.
    """

    def __init__(self, target: str) -> None:
        bindings = load_bindings()
        self.name = f"cython-{target}"
        self.target = target
        self._kernels = bindings.Kernels(target)
        self._searched = bindings.Searched

    def __reduce__(self) -> tuple[type[CythonBackend], tuple[str]]:
        """Pickle the name of the target: kernels are found again, not copied."""
        return CythonBackend, (self.target,)

    def encode(
        self, vectors: Vectors, transform: Transform, bits: Bits, weights: Weights
    ) -> Codes:
        """See `Backend.encode`."""
        dim = transform.coded_dim
        shape = len(vectors), CACHE_LINE * least_lines(dim, bits)
        rows = aligned_zeros(shape, np.uint8)
        self._kernels.encode(vectors, *transform, bits, weights, rows)
        return Codes(rows, dim, bits, weights)

    def quantize(self, queries: Vectors, transform: Transform, bits: Bits) -> Queries:
        """See `Backend.quantize`."""
        row_bytes = CACHE_LINE * least_lines(transform.coded_dim, bits)
        values = np.zeros((len(queries), 8 // bits, row_bytes), np.int8)
        corrections = np.empty((len(queries), 2), np.float32)
        self._kernels.quantize(queries, *transform, bits, values, corrections)
        return Queries(values, corrections)

    def distance(
        self, codes: Codes, queries: Codes | Queries, candidates: Ids | None = None
    ) -> Distances:
        """See `Backend.distance`."""
        width = len(codes.rows) if candidates is None else candidates.shape[1]
        distances = np.empty((len(queries[0]), width), np.float32)
        parts = _query_arrays(queries)
        self._kernels.distance(*codes, *parts, candidates, distances)
        return distances

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
        neighbors = np.empty((len(candidates), max_degree), np.uint32)
        self._kernels.prune(*codes, candidates, alpha, beta, rule, neighbors)
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
        targets = np.empty(most, np.uint32)
        merged = np.empty((most, neighbors.shape[1]), np.uint32)
        links = *codes, neighbors, sources, edges
        choice = start, stop, max_degree, alpha, beta, rule
        count = self._kernels.merge(*links, *choice, allowed, targets, merged)
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
        n_queries = len(queries[0])
        keys, counters = np.empty((n_queries, ef), np.uint64), _counters(n_queries)
        graph = *codes, neighbors, *_query_arrays(queries), entry_points
        rules = allowed, budget, None, screened, horizon
        self._kernels.search(*graph, ef, *rules, keys, *counters)
        return Beams(keys, *counters)

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
        counters = _counters(len(limits))
        graph = *codes, neighbors, *_query_arrays(queries), entry_points
        rules = allowed, budget, limits, False, None
        found = self._kernels.search(*graph, ef, *rules, None, *counters)
        offsets = np.cumsum([0, *map(len, found)], dtype=np.int64) // 8
        keys = np.frombuffer(bytearray().join(found), np.uint64)
        return Balls(offsets, keys, *counters)

    def scan(self, codes: Codes, queries: Codes | Queries, rows: Ids, ef: int) -> Beams:
        """See `Backend.scan`."""
        n_queries = len(queries[0])
        keys = np.empty((n_queries, ef), np.uint64)
        self._kernels.scan(*codes, *_query_arrays(queries), rows, ef, keys)
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
        self._kernels.rerank(vectors, queries, candidates, least, metric, *ranking)
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
        borrowed = searched.kept.get(self.name) or self._borrow(searched)
        answers = Answers.empty(len(queries), k)
        borrowed.answer(queries, ef, depth, bounded, horizon, *answers)
        return answers

    def _borrow(self, searched: Searched) -> Any:
        """Return the kernels' own view of what is searched, and keep it there."""
        borrowed = self._searched(
            self._kernels,
            **searched.parts(),
            terms=searched.terms,
            least_dim=LEAST_DIM,
        )
        searched.kept[self.name] = borrowed
        return borrowed


def _counters(n_queries: int) -> tuple[Counts, Counts, Counts, NDArray[np.bool_]]:
    """Return room for three counters and whether each walk is complete."""
    hops, computed, lines = np.empty((3, n_queries), np.int64)
    return hops, computed, lines, np.empty(n_queries, np.bool_)


def _query_arrays(queries: Codes | Queries) -> QueryArrays:
    if isinstance(queries, Codes):
        return queries.rows, None, None
    return None, queries.values, queries.corrections
