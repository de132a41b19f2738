"""Kinds: where the published code works and where it does not, on data drawn for it.

Table 11 has twelve data sets; eleven have a stand-in in `quiver.datasets.generators`,
with the statistics that are known of each. All are asked by cosine, as the paper does.
Beside the published code stands a graph of the same shape over codes of eight bits: it
tells what the code loses from what any graph would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver.auditing.coding import HAMMING, PUBLISHED, WALKS, WIDE, Recode, Way
from quiver.auditing.judging import Estimate, Region
from quiver.auditing.published import DATA_SETS, EF, DataSet, K
from quiver.auditing.rebuilding import Shape, Task, build_graph, walk_graph
from quiver.backends.protocol import Backend
from quiver.datasets.generators import REGIMES, Regime, generate
from quiver.diagnosis.sample import Sample
from quiver.parallel.progress import ProgressMeter
from quiver.recall.intervals import CONFIDENCE, share_interval

QUERIES = 200

APART = 10.0
"""Points between published recalls that make two kinds differ."""

IN_ORDER = Region(0.9)
"""Share of the differing pairs that must stand in the published order."""


class Kind(NamedTuple):
    """A row of Table 11 beside its stand-in.

    Attributes
    ----------
    published : DataSet
        As printed.
    stand_in : str
        Name of the regime.
    hits, wide_hits : ndarray of shape (q,), int64
        True neighbours of each query in a beam of ``EF``, by the published code and
        by eight bits.
    rows : int
        Of the stand-in.
    """

    published: DataSet
    stand_in: str
    hits: NDArray[np.int64]
    wide_hits: NDArray[np.int64]
    rows: int


def stand_ins() -> list[tuple[DataSet, Regime]]:
    """Return the rows of Table 11 that can be drawn, with how."""
    regimes = {regime.published: regime for regime in REGIMES}
    return [(one, regimes[one.name]) for one in DATA_SETS if one.name in regimes]


def rebuild_kinds(
    rows: int, seed: int, backend: Backend, threads: int, meter: ProgressMeter
) -> tuple[Kind, ...]:
    """Draw every kind, build both graphs of each and walk them."""
    found = []
    for published, regime in stand_ins():
        vectors, queries = generate(regime, rows, QUERIES, seed)
        sample = Sample(vectors, queries, rows, "cosine", backend, queries_given=True)
        task = Task.of(sample, K, threads, seed)
        hits = _hits(task, PUBLISHED, WALKS[HAMMING], meter)
        wide_hits = _hits(task, WIDE, None, meter)
        found.append(Kind(published, regime.name, hits, wide_hits, rows))
    return tuple(found)


def _hits(
    task: Task, way: Way, recode: Recode | None, meter: ProgressMeter
) -> NDArray[np.int64]:
    built = build_graph(task, way, Shape(), lambda *_: meter.poll())
    meter.advance(1)
    return walk_graph(task, built.walked_by(recode), EF).hits


def in_order(kinds: tuple[Kind, ...]) -> tuple[Estimate, str]:
    """Return the share of pairs, published as differing, in the published order.

    A pair whose intervals overlap is in no order: it counts as wrong in the low end
    and as right in the high end. Returned as well is which kind is oftenest wrong.
    """
    spans = {kind.stand_in: share_interval(kind.hits / K, CONFIDENCE) for kind in kinds}
    misplaced: Counter[str] = Counter()
    right = value = total = wrong = 0
    for worse, better in _differing(kinds):
        low, high = spans[worse.stand_in], spans[better.stand_in]
        total += 1
        value += low.mean < high.mean
        right += low.high < high.low
        if low.low > high.high:
            wrong += 1
            misplaced.update((worse.stand_in, better.stand_in))
    found = Estimate(value / total, right / total, 1 - wrong / total)
    # Equal counts stand in the order in which they were met.
    return found, "".join(name for name, _ in misplaced.most_common(1))


def _differing(kinds: tuple[Kind, ...]) -> Iterator[tuple[Kind, Kind]]:
    """Yield the pairs that are published as differing, the worse kind first."""
    for one, other in combinations(kinds, 2):
        worse, better = sorted((one, other), key=lambda kind: kind.published.recall)
        if better.published.recall - worse.published.recall >= APART:
            yield worse, better
