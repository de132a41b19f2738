"""Measure how recall falls as the base grows, and fit the constants of a forecast.

    python tools/measure_forecast.py [FOLDER] > docs/measured_forecast.md

Indexes of 75, 150, … 9 600 rows of every kind of data are asked at four beam widths,
by 200 queries that a forecast may see and by 800 that measure the recall it foretells.
Every three sizes in a row foretell every later one. Of 180 beliefs that is chosen whose
intervals are narrowest among those that hold as much as they promise; the one of
``trend.py`` must hold as much and be little wider. The check: the same choice without a
family of kinds, then asked about that family. FOLDER keeps what was measured of a kind,
for the next time. Deterministic for one NumPy release.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from forecast_kinds import Kind, kinds
from numpy.typing import NDArray

import quiver
from quiver._typing import AnyArray, Vectors
from quiver.build import Plan, build
from quiver.diagnosis.forecast import FORECAST_WIDTHS, SIZES
from quiver.diagnosis.sample import Sample
from quiver.diagnosis.trend import (
    BELIEF,
    Belief,
    Point,
    belief_for,
    continued,
    on_normal_scale,
)
from quiver.params import DEFAULT_EF
from quiver.recall.hits import Asked, walk_hits
from quiver.recall.intervals import CONFIDENCE

LADDER = tuple(75 * 2**step for step in range(8))
ASKING, MEASURING, K = 200, 800, 10
WIDTH = FORECAST_WIDTHS.index(DEFAULT_EF)
BELIEFS = tuple(
    Belief(*one)
    for one in product(
        *((-0.7, -1.0, -1.3, -1.6), (0.7, 1.0, 1.4)),
        *((0.6, 0.7, 0.8, 0.9, 1.0), (0.3, 0.5, 0.7)),
    )
)
SLACK = 1.1
"""How many times as wide as the narrowest the intervals of ``trend.py`` may be, since a
few cases decide which are narrowest."""

Flags = NDArray[np.bool_]


class Measured(NamedTuple):
    """One kind at every size: hits of every query by ef, share of the rows seen.

    ``trials`` are the independent ones that the asking queries have at most.
    """

    kind: Kind
    hits: NDArray[np.uint8]
    seen: AnyArray
    trials: AnyArray

    def points(self) -> list[list[Point]]:
        """Return what the asking queries know, by size and ef."""
        return [
            [on_normal_scale(shares / K, trials) for shares in by_ef[:, :ASKING]]
            for by_ef, trials in zip(self.hits, self.trials, strict=True)
        ]

    def recalls(self) -> AnyArray:
        """Return the recall of the measuring queries, by size and ef."""
        return self.hits[:, :, ASKING:].mean(axis=2) / K


class Case(NamedTuple):
    """Three sizes that foretell a fourth at one ef; off center by their own belief."""

    kind: Kind
    rows: tuple[int, ...]
    points: tuple[Point, ...]
    n: int
    recall: float
    own: Belief | None


def measure(kind: Kind) -> Measured:
    """Build an index of each size and ask it the same queries."""
    rows = kind.make(LADDER[-1] + ASKING + MEASURING)
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    queries, base = np.split(rows, [ASKING + MEASURING])
    index = quiver.Index.build(base, metric=kind.metric)
    sizes = [_at(index, base[:n], queries) for n in LADDER]
    hits, seen, trials = zip(*sizes, strict=True)
    return Measured(kind, np.array(hits, np.uint8), np.array(seen), np.array(trials))


def _at(
    index: quiver.Index, base: Vectors, queries: Vectors
) -> tuple[AnyArray, float, float]:
    """Return hits, share of the rows seen and most trials over the first rows."""
    n, metric, backend = len(base), index.metric, index.backend
    plan = Plan(metric, index.encoding, index.params, backend)
    state = index.state if n == index.n else build(base, np.arange(n), plan)
    sample = Sample(base, queries, n, metric, backend, queries_given=True)
    kth, near = sample.truth(K)
    asked = Asked(*(state, backend, queries, kth, K, 1), near=near)
    walks = [walk_hits(asked, ef) for ef in FORECAST_WIDTHS]
    shares = [
        walk.hits.shares(ef) for walk, ef in zip(walks, FORECAST_WIDTHS, strict=True)
    ]
    seen = float(walks[WIDTH].distance_computations.mean()) / n
    first = replace(sample, queries=queries[:ASKING])
    return np.rint(K * np.array(shares)), seen, first.most_trials(K)


def kept(kind: Kind, folder: Path | None) -> Measured:
    """Return what was measured of a kind before, or measure it."""
    if folder is None:
        return measure(kind)
    path = folder / f"{kind.name}, {kind.metric}.npz".replace(" ", "_")
    if not path.exists():
        _, hits, seen, trials = measure(kind)
        np.savez_compressed(path, hits=hits, seen=seen, trials=trials)
    with np.load(path) as file:
        return Measured(kind, file["hits"], file["seen"], file["trials"])


def cases(measured: Measured) -> Iterator[Case]:
    """Yield every three sizes in a row with every later one."""
    points, recalls = measured.points(), measured.recalls()
    for last in range(len(SIZES) - 1, len(LADDER) - 1):
        part = slice(last + 1 - len(SIZES), last + 1)
        for later, ef in product(
            range(last + 1, len(LADDER)), range(len(FORECAST_WIDTHS))
        ):
            known = tuple(by_ef[ef] for by_ef in points[part])
            recall = float(recalls[later, ef])
            belief = belief_for(measured.trials[last])
            own = None if belief is BELIEF else belief
            yield Case(measured.kind, LADDER[part], known, LADDER[later], recall, own)


def tried(belief: Belief, every: list[Case]) -> tuple[Flags, AnyArray]:
    """Return which intervals hold the recall, both as printed, and their widths."""
    found = np.array([continued(c.rows, c.points, c.n, c.own or belief) for c in every])
    low, recall, high = (
        np.round(share, 3)
        for share in (found[:, 1], [case.recall for case in every], found[:, 2])
    )
    return (low <= recall) & (recall <= high), found[:, 2] - found[:, 1]


def choose(held: Flags, widths: AnyArray, is_asked: Flags) -> int:
    """Return the narrowest of the beliefs that hold what they promise."""
    width = widths[:, is_asked].mean(axis=1)
    width[held[:, is_asked].mean(axis=1) < CONFIDENCE] = np.inf
    return int(np.argmin(width))


def line(measured: Measured, held: Flags) -> str:
    """Return the row of one kind: recall and share seen by size, and cases held."""
    recalls = 100 * measured.recalls()[:, WIDTH]
    pairs = list(zip(recalls, measured.seen, strict=True))[len(SIZES) - 1 :]
    cells = [f"{recall:.1f} ({seen:.2f})" for recall, seen in pairs]
    kind = measured.kind
    name = f"{kind.name}, {kind.metric}"
    return f"| {name} | {' | '.join(cells)} | {held.sum()} of {len(held)} |"


def words(belief: Belief) -> str:
    """Return a belief in words."""
    return ", ".join(f"{name} {value:g}" for name, value in belief._asdict().items())


def told(held: Flags, widths: AnyArray) -> str:
    """Return how many are held and how wide intervals are."""
    mean, median = 100 * widths.mean(), 100 * np.median(widths)
    return (
        f"{100 * held.mean():.1f} % of {len(held)}, {mean:.1f} points wide in the mean "
        f"and {median:.1f} in the median"
    )


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    every = [kept(kind, folder) for kind in kinds()]
    by_kind = [list(cases(measured)) for measured in every]
    asked = [case for some in by_kind for case in some]
    held, widths = map(
        np.array, zip(*(tried(belief, asked) for belief in BELIEFS), strict=True)
    )
    families = np.array([case.kind.family for case in asked])
    outside = np.empty(len(asked), dtype=int)
    for family in np.unique(families):
        outside[families == family] = choose(held, widths, families != family)
    number = np.arange(len(asked))
    held_out, widths_out = held[outside, number], widths[outside, number]
    chosen = choose(held, widths, np.ones(len(asked), dtype=np.bool_))
    heads = [*map(str, LADDER[len(SIZES) - 1 :]), "held"]
    print(f"| data | {' | '.join(heads)} |\n{'|---' * (len(heads) + 1)}|")
    ends = np.cumsum([len(some) for some in by_kind])[:-1]
    for measured, own in zip(every, np.split(held_out, ends), strict=True):
        print(line(measured, own))
    is_cloud = families == "cloud"
    print(
        f"\nChosen of {len(BELIEFS)}: {words(BELIEFS[chosen])}. Its intervals hold "
        f"{told(held[chosen], widths[chosen])}; chosen without the family that is "
        f"asked about, as in the last column, {told(held_out, widths_out)}. Clouds "
        f"without structure: {told(held_out[is_cloud], widths_out[is_cloud])}; all "
        f"else: {told(held_out[~is_cloud], widths_out[~is_cloud])}."
    )
    believed = BELIEFS.index(BELIEF)
    its = told(held[believed], widths[believed])
    print(f"\n`trend.py` believes {words(BELIEF)}: {its}.")
    is_kept = held[believed].mean() >= CONFIDENCE
    if not is_kept or widths[believed].mean() > SLACK * widths[chosen].mean():
        sys.exit("trend.py should believe what was chosen")


if __name__ == "__main__":
    main()
