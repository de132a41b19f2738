"""Width: how many bits a coordinate needs, from a bounded look at the data.

Two bits rank well where neighbours differ by more than the estimate errs, which goes
with the spread of all rows; near-duplicates, pixels or one wide column need more. So a
few rows ask all rows looked at, by code, and the narrowest code that keeps their true
neighbours among the best is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple, get_args

from quiver._typing import (
    Bits,
    Vectors,
)
from quiver.build import Plan
from quiver.diagnosis.probe import K, Probe, Thinned, make_probe
from quiver.encoding import code_queries, encode_searched, fit
from quiver.parallel.workers import Workers
from quiver.params import Encoding, narrowest
from quiver.recall.hits import Hits, nearest_codes
from quiver.recall.marks import mark_hits
from quiver.reference.codes import Transform
from quiver.reference.transform import (
    query_transform,
    searched_metric,
)

DEPTH = 64
ENOUGH = 0.97
"""Share of the true ``K`` among the best ``DEPTH`` by code that makes a width do.
Ordinary embeddings keep 0.98 … 1 with two bits, tight clusters 0.1 … 0.6."""

ENOUGH_OF_CROWD = 0.9
"""The same among the rows of a crowd: those of SIFT and sentences keep 0.98 … 1."""

POOR = 0.8
"""Where a code keeps fewer, the caller is warned: a default search re-ranks the best
``DEPTH`` by code and can find hardly more, and less among more rows."""


class Measured(NamedTuple):
    """The mean share of the true ``K`` among the best ``DEPTH`` by one code."""

    encoding: Encoding
    share: float

    @property
    def bits(self) -> int:
        """Bits per coordinate."""
        return self.encoding.bits

    def __str__(self) -> str:
        """Return the figure in words."""
        return (
            f"{self.bits} bits keep {100 * self.share:.1f} % of the true {K} "
            f"neighbours among the best {DEPTH} by code"
        )


class Look(NamedTuple):
    """What a look at some rows tells about the codes tried on them.

    Attributes
    ----------
    rows : int
        Rows looked at; 0 where they were too few to tell.
    tried : tuple of Measured
        By width, the narrowest first; the last one holds, or is the widest there is.
    growth : float or None
        How many times as far as the 10th neighbour the 100th is, a median: 10 to the
        power of one over the local dimension. None under inner product, which measures
        no distance, and where rows are too few to tell.
    """

    rows: int = 0
    tried: tuple[Measured, ...] = ()
    growth: float | None = None

    def notes(self, dim: int, encoding: Encoding) -> dict[str, str]:
        """Return what an index keeps of it, of the code that it is built with."""
        shares = {one.encoding: one.share for one in self.tried}
        if encoding not in shares:
            return {}
        return {
            "bits": f"{encoding.bits}, for {encoding.coded_dim(dim)} coordinates a row",
            "code_fidelity": (
                f"{shares[encoding]:.3f} of the true {K} in the best {DEPTH} by code"
            ),
            "rows_looked_at": str(self.rows),
        }

    def warning(self, encoding: Encoding) -> str:
        """Return what a caller must know of this code; nothing where it holds."""
        own = next((one for one in self.tried if one.encoding == encoding), None)
        if own is None or own.share >= POOR:
            return ""
        best = max(self.tried, key=lambda one: one.share)
        words = [f"{own}: a search at ef={DEPTH} finds hardly more"]
        if best.share > own.share:
            words.append(f"{best}: give bits={best.bits}, or no encoding")
        if best.share < POOR:
            words.append(
                "rows are closer to each other than codes can tell; quiver.exact_knn "
                "is exact, and quiver.diagnose tells what a larger ef finds"
            )
        return ". ".join(words) + "."


def choose_width(
    rows: Vectors, plan: Plan, base: Thinned | None = None
) -> tuple[Encoding, Look]:
    """Return the plan's encoding in the narrowest width that ranks the rows.

    Parameters
    ----------
    rows : ndarray of shape (m, dim), float32
        Those of `rows_to_look_at`.
    plan : Plan
        Its encoding says how rows are transformed; its bits are chosen here.
    base : Thinned, optional
        Where a crowd is found; None if the rows are all there are.
    """
    widths = wider_and_wider(plan.encoding, rows.shape[1])
    probe = make_probe(rows, plan.metric, plan.backend, base)
    if probe is None:
        return widths[0], Look()
    look = Look(len(probe.rows), _try(probe, plan, widths), probe.growth)
    return look.tried[-1].encoding, look


def judge_width(rows: Vectors, plan: Plan, base: Thinned | None = None) -> Look:
    """Look at the encoding given; where it is poor, at wider ones until one holds."""
    probe = make_probe(rows, plan.metric, plan.backend, base)
    if probe is None:
        return Look()
    tried = _try(probe, plan, [plan.encoding])
    if tried[0].share < POOR and plan.encoding.weights == "corrected":
        wider = [
            replace(plan.encoding, bits=bits, lines=None)
            for bits in get_args(Bits)
            if bits > plan.encoding.bits
        ]
        tried += _try(probe, plan, wider)
    return Look(len(probe.rows), tried, probe.growth)


def wider_and_wider(encoding: Encoding, dim: int) -> list[Encoding]:
    """Return the encoding in every width worth trying, the fewest bytes first."""
    if encoding.weights == "published":
        return [encoding]
    first = narrowest(dim).bits
    bits: tuple[Bits, ...] = get_args(Bits)
    return [replace(encoding, bits=width) for width in bits if width >= first]


def _try(
    probe: Probe, plan: Plan, encodings: Iterable[Encoding]
) -> tuple[Measured, ...]:
    """Measure one encoding after the other until one holds."""
    tried = []
    with Workers(plan.threads) as workers:
        for encoding in encodings:
            tools = plan._replace(encoding=encoding), workers
            transform = _fitted(probe.rows, *tools)
            share = _fidelity(probe, transform, *tools)
            of_crowd = 1.0
            if probe.crowd is not None:
                of_crowd = _fidelity(probe.crowd, transform, *tools)
            tried.append(Measured(encoding, min(share, of_crowd)))
            if share >= ENOUGH and of_crowd >= ENOUGH_OF_CROWD:
                break
    return tuple(tried)


def _fitted(rows: Vectors, plan: Plan, workers: Workers) -> Transform:
    scaling = searched_metric(plan.metric)
    return fit(rows, scaling, plan.encoding, plan.params.seed, workers.map)


def _fidelity(
    probe: Probe, transform: Transform, plan: Plan, workers: Workers
) -> float:
    rows, asking, true, *_ = probe
    metric, encoding, _, backend, *_ = plan
    codes = encode_searched(backend, rows, metric, transform, encoding, workers)
    asked = query_transform(transform, metric)
    coded = code_queries(backend, asking, asked, encoding)
    best = nearest_codes(backend, codes, coded, min(DEPTH, len(rows)))
    marks = mark_hits(backend, rows, asking, best, true, metric)
    return float(Hits(marks, K + 1).shares(DEPTH).mean())
