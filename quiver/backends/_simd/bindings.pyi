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
    Unlinked,
    UserIds,
    Vectors,
    Weights,
)
from quiver.reference.bounds import Terms
from quiver.reference.codes import Codes, Transform
from quiver.reference.horizon import Horizon

SOURCES: str

class Kernels:
    def __init__(self, target: str) -> None: ...
    def encode(
        self,
        vectors: Vectors,
        scaling: Metric,
        mean: Distances,
        signs: Distances,
        bits: Bits,
        weights: Weights,
        rows: NDArray[np.uint8],
    ) -> None: ...
    def quantize(
        self,
        vectors: Vectors,
        scaling: Metric,
        mean: Distances,
        signs: Distances,
        bits: Bits,
        values: NDArray[np.int8],
        corrections: Distances,
    ) -> None: ...
    def distance(
        self,
        rows: NDArray[np.uint8],
        dim: int,
        bits: Bits,
        weights: Weights,
        query_rows: NDArray[np.uint8] | None,
        values: NDArray[np.int8] | None,
        corrections: Distances | None,
        candidates: Ids | None,
        distances: Distances,
    ) -> None: ...
    def prune(
        self,
        rows: NDArray[np.uint8],
        dim: int,
        bits: Bits,
        weights: Weights,
        candidates: Keys,
        alpha: float,
        beta: float,
        rule: PruneRule,
        neighbors: Neighbors,
    ) -> None: ...
    def merge(
        self,
        rows: NDArray[np.uint8],
        dim: int,
        bits: Bits,
        weights: Weights,
        neighbors: Neighbors,
        sources: Ids,
        edges: Neighbors,
        start: int,
        stop: int,
        max_degree: int,
        alpha: float,
        beta: float,
        rule: PruneRule,
        allowed: Mask | None,
        targets: Ids,
        merged: Neighbors,
    ) -> int: ...
    def search(
        self,
        rows: NDArray[np.uint8],
        dim: int,
        bits: Bits,
        weights: Weights,
        neighbors: Neighbors,
        query_rows: NDArray[np.uint8] | None,
        values: NDArray[np.int8] | None,
        corrections: Distances | None,
        entry_points: Ids,
        ef: int,
        allowed: Mask | None,
        budget: Counts | None,
        limits: Distances | None,
        screened: bool,
        horizon: Horizon | None,
        keys: Keys | None,
        hops: Counts,
        distance_computations: Counts,
        lines_read: Counts,
        complete: NDArray[np.bool_],
    ) -> list[bytes]: ...
    def scan(
        self,
        rows: NDArray[np.uint8],
        dim: int,
        bits: Bits,
        weights: Weights,
        query_rows: NDArray[np.uint8] | None,
        values: NDArray[np.int8] | None,
        corrections: Distances | None,
        scanned: Ids,
        ef: int,
        keys: Keys,
    ) -> None: ...
    def rerank(
        self,
        vectors: KeptVectors,
        queries: Vectors,
        candidates: Ids,
        bounds: Distances,
        metric: Metric,
        ids: Ids,
        distances: Distances,
        reranked: Counts,
    ) -> None: ...

class Searched:
    def __init__(
        self,
        kernels: Kernels,
        *,
        codes: Codes,
        neighbors: Neighbors,
        entry_points: Ids,
        vectors: KeptVectors,
        transform: Transform,
        metric: Metric,
        mean: Distances,
        ids: UserIds,
        allowed: Mask | None,
        beside: Ids,
        unlinked: Unlinked,
        terms: Terms,
        least_dim: int,
    ) -> None: ...
    def answer(
        self,
        queries: Vectors,
        ef: int,
        depth: int,
        is_bounded: bool,
        horizon: Horizon | None,
        ids: UserIds,
        distances: Distances,
        counters: Counts,
    ) -> None: ...
