"""The demo: two encodings of one set of sentences, built and measured side by side.

Only measures; ``quiver demo`` shows it. The published parameters are those of QuIVer
(arXiv 2605.02171), Table 5: m = 32, so a degree of 64.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from quiver._typing import AnyArray, Distances, Progress
from quiver.evaluation.timing import fastest
from quiver.index import Index
from quiver.params import BuildParams, Encoding
from quiver.recall.recall import recall_at_k

BEAM_WIDTHS = (16, 24, 32, 48, 64, 96, 128)

_WARM_ROWS = 64


class Contender(NamedTuple):
    """An encoding with its parameters and the name the demo shows."""

    name: str
    encoding: Encoding
    params: BuildParams


CONTENDERS = (
    Contender(
        "default",
        Encoding(),
        BuildParams(max_degree=32, ef_construction=96, alpha=1.1),
    ),
    Contender(
        "paper",
        Encoding.paper(),
        BuildParams(max_degree=64, ef_construction=128, alpha=1.2),
    ),
)


@dataclass(frozen=True)
class Built:
    """An index and the seconds its build took."""

    name: str
    index: Index
    seconds: float


class Point(NamedTuple):
    """What a batch of queries found and cost at one beam width.

    Attributes
    ----------
    ef : int
        Beam width.
    recall : float
        Share of the true 10 found, ties counted as hits.
    queries_per_second : float
        Of the fastest repetition.
    distance_computations : float
        Code distances per query, mean.
    """

    ef: int
    recall: float
    queries_per_second: float
    distance_computations: float


def build_contender(
    contender: Contender,
    vectors: AnyArray,
    *,
    backend: str,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Built:
    """Build one index after a tiny one, so that no first call is timed."""
    build = partial(
        Index.build,
        metric="cosine",
        params=contender.params,
        encoding=contender.encoding,
        backend=backend,
        threads=threads,
    )
    build(vectors[:_WARM_ROWS]).search(vectors[:2], k=1)
    start = time.perf_counter()
    index = build(vectors, progress=progress)
    return Built(contender.name, index, time.perf_counter() - start)


def measure(
    index: Index,
    queries: AnyArray,
    true: Distances,
    *,
    threads: int | None = None,
    beam_widths: tuple[int, ...] = BEAM_WIDTHS,
) -> Iterator[Point]:
    """Yield recall and cost for every beam width, the whole beam re-ranked."""
    for ef in beam_widths:
        search = partial(
            index.search, queries, k=true.shape[1], ef=ef, n_rerank=ef, threads=threads
        )
        result, seconds = fastest(search)
        yield Point(
            ef=ef,
            recall=recall_at_k(result.distances, true),
            queries_per_second=len(queries) / seconds,
            distance_computations=float(result.stats.distance_computations.mean()),
        )
