"""Measured audits whose figures are planted: the published ones, or none of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from quiver.auditing.coding import WALKS
from quiver.auditing.data import Data
from quiver.auditing.kinds import Kind, stand_ins
from quiver.auditing.measuring import Line, Measured
from quiver.auditing.published import (
    BY_ALPHA,
    BY_CODE,
    BY_EF,
    BY_EF_C,
    BY_M,
    OVERLAP,
    SWEPT,
    Grid,
    K,
)
from quiver.memory import MemoryReport

Change = Callable[[float], float]

DATA = Data("planted", 1_000_000, 1_000_000, 768, "cosine", 2000, True, 0)


def hits_of(percent: float, n_queries: int, seed: int = 0) -> NDArray[np.int64]:
    """Return hits of so many of K neighbours in all, and some queries harder."""
    total = round(min(max(percent, 0), 100) / 100 * K * n_queries)
    misses = K * n_queries - total
    hard = np.random.default_rng(seed).permutation(n_queries)
    taken = np.bincount(np.arange(misses) % n_queries, minlength=n_queries)
    return K - taken[hard]


def planted(
    n_queries: int = 2000, change: Change = lambda percent: percent
) -> Measured:
    """Return what would be measured if every published recall, changed, were found."""

    def line(grid: Grid, label: object) -> Line:
        hits = {ef: hits_of(change(grid.at(label, ef)), n_queries) for ef in grid.efs}
        counts = dict.fromkeys(grid.efs, 1000.0)
        walks = dict.fromkeys(WALKS, hits), dict.fromkeys(WALKS, counts)
        return Line(*walks, 64.0)

    base = line(BY_EF, SWEPT)
    kinds = [
        Kind(
            one,
            regime.name,
            hits_of(change(one.recall), n_queries),
            hits_of(99, n_queries),
            1000,
        )
        for one, regime in stand_ins()
    ]
    return Measured(
        base=base,
        alone=dict.fromkeys(WALKS, hits_of(100, n_queries)),
        by_m={label: line(BY_M, label) for label in BY_M.lines},
        by_ef_c={label: line(BY_EF_C, label) for label in BY_EF_C.lines},
        by_alpha={label: line(BY_ALPHA, label) for label in BY_ALPHA.lines},
        by_code={label: line(BY_CODE, label) for label in BY_CODE.lines},
        overlaps={code: hits_of(change(s), n_queries) for code, s in OVERLAP.items()},
        memory=MemoryReport(1000, 256_000, 256_000, 8000, 3_072_000),
        kinds=tuple(kinds),
    )
