"""Measure how far `quiver.diagnose` errs on kinds of data it was not made with.

    python tools/measure_diagnosis.py [FOLDER]

Five kinds of generated data in three dimensions, under every metric, with log-normal
norms of five spreads: none of them is among those that the constants of the forecast
were taken from. FOLDER may hold ``minilm`` and ``sift``, each with base.npy; a second
table has 30 000 of their rows. Deterministic for one NumPy release, but for hnswlib's
figures, which tell whether a float32 graph would have done where it is installed; each
line goes to stderr as soon as it is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import boundary
import numpy as np

import quiver
from quiver._typing import Metric, Vectors
from quiver.recall.intervals import Interval

Generator = np.random.Generator

DIMENSIONS = (16, 64, 256)
SIGMAS = (0.0, 0.25, 0.5, 1.0, 1.5)
REAL_SIGMAS = (0.0, 0.5, 1.0)
ROWS, REAL_ROWS, QUERIES = 10_000, 30_000, 500
SAMPLE_SHARE = 5
REAL_SIZES = (REAL_ROWS, REAL_ROWS // SAMPLE_SHARE)
FILES = ("minilm", "sift")
WORST = 8
COUNTED = ("is_inside", "is_right")


def mixture(generator: Generator, n: int, dim: int) -> Vectors:
    """Return overlapping clusters with a geometric spectrum in a turned frame."""
    centers = generator.normal(size=(60, dim))
    spectrum = np.exp(-3 * np.arange(dim) / dim)
    rows = 0.7 * centers[generator.integers(60, size=n)]
    rows = (rows + generator.normal(size=(n, dim))) * spectrum
    return rows @ np.linalg.qr(generator.normal(size=(dim, dim)))[0]


def surface(generator: Generator, n: int, dim: int) -> Vectors:
    """Return cosines of eight hidden numbers, with a little noise."""
    hidden = generator.uniform(-1, 1, size=(n, 8))
    phases = generator.uniform(0, 2 * np.pi, size=dim)
    waves = np.cos(hidden @ generator.normal(size=(8, dim)) * 1.5 + phases)
    return waves + 0.05 * generator.normal(size=(n, dim))


def topics(generator: Generator, n: int, dim: int) -> Vectors:
    """Return roots of word shares, mixed of twelve topics."""
    words = generator.dirichlet(np.full(dim, 0.2), size=12)
    return np.sqrt(generator.dirichlet(np.full(12, 0.3), size=n) @ words + 1e-4)


def heavy_tails(generator: Generator, n: int, dim: int) -> Vectors:
    """Return a few factors of Student's t, and noise."""
    rank = min(dim, 24)
    factors = generator.standard_t(4, size=(n, rank))
    rows = factors @ generator.normal(size=(rank, dim)) / np.sqrt(rank)
    return rows + 0.3 * generator.normal(size=(n, dim))


def signals(generator: Generator, n: int, dim: int) -> Vectors:
    """Return windows of autoregressive signals."""
    rows = generator.normal(size=(n, dim))
    for step in range(1, dim):
        rows[:, step] += 0.9 * rows[:, step - 1]
    return rows


KINDS: tuple[Callable[[Generator, int, int], Vectors], ...] = (
    *(mixture, surface, topics),
    *(heavy_tails, signals),
)


class Case(NamedTuple):
    """One kind of data under one metric."""

    name: str
    metric: Metric
    sigma: float
    base: Vectors
    queries: Vectors


class Outcome(NamedTuple):
    """What was expected of a case and what an index measured; recalls by ef."""

    case: Case
    diagnosis: quiver.Diagnosis
    measured: dict[int, float]
    whole_beam: dict[int, float]
    graph: dict[int, float]

    @property
    def error(self) -> float:
        """Expected less measured recall at ef=64."""
        return self.diagnosis.expected_recall(64) - self.measured[64]

    @property
    def interval(self) -> Interval:
        """Recall expected at ef=64."""
        (found,) = (f.recall for f in self.diagnosis.forecasts if f.ef == 64)
        return found

    @property
    def is_inside(self) -> bool:
        """Whether the interval at ef=64 held the measured recall, both as printed."""
        _, low, high = self.interval
        low, measured, high = (round(one, 3) for one in (low, self.measured[64], high))
        return low <= measured <= high

    @property
    def is_right(self) -> bool:
        """Whether measuring everything would have led to the same verdict."""
        word = self.diagnosis.verdict.word
        return boundary.is_right(word, self.measured, self.whole_beam, self.graph)


def with_norms(rows: Vectors, sigma: float, seed: int) -> Vectors:
    """Return rows whose norms are multiplied by log-normal factors."""
    norms = np.random.default_rng(seed).lognormal(0, sigma, len(rows))
    return (rows * norms[:, None]).astype(np.float32)


def metrics_and_sigmas(sigmas: Iterable[float]) -> Iterator[tuple[Metric, float]]:
    """Yield the pairs that differ: cosine does not see norms."""
    for metric in get_args(Metric):
        for sigma in sigmas if metric != "cosine" else (0.0,):
            yield metric, sigma


def make_case(
    kind: Callable[[Generator, int, int], Vectors],
    dim: int,
    metric: Metric,
    sigma: float,
    n: int = ROWS,
    seed: int = 0,
) -> Case:
    """Return a generated case; queries are further rows."""
    rows = kind(np.random.default_rng(seed), n + QUERIES, dim)
    rows = with_norms(rows, sigma, seed + 1)
    return Case(f"{kind.__name__} {dim}-d", metric, sigma, rows[:n], rows[n:])


def real_cases(folder: Path) -> Iterator[Case]:
    """Yield files with norms that vary; the last rows are the queries."""
    for name in FILES:
        rows = np.load(folder / name / "base.npy", mmap_mode="r")
        rows = rows[: REAL_ROWS + QUERIES].astype(np.float32)
        for metric, sigma in metrics_and_sigmas(REAL_SIGMAS):
            scaled = with_norms(rows, sigma, 1)
            base, queries = scaled[:-QUERIES], scaled[-QUERIES:]
            yield Case(name, metric, sigma, base, queries)


def measure(case: Case, sample: int | None = None) -> Outcome:
    """Diagnose a case, then build what the diagnosis recommends and measure it."""
    base, queries, metric = case.base, case.queries, case.metric
    sample = sample or len(base) // SAMPLE_SHARE
    diagnosis = quiver.diagnose(base, metric=metric, sample=sample)
    index = quiver.Index.build(base, metric=metric, encoding=diagnosis.encoding)
    truth, true = quiver.exact_knn(base, queries, 10, metric=metric)
    points = quiver.evaluate(index, queries, truth, ef=boundary.BEAM_WIDTHS).points
    return Outcome(
        case,
        diagnosis,
        measured={point.ef: point.recall.mean for point in points},
        whole_beam={
            point.ef: point.recall.mean + point.rerank_loss for point in points
        },
        graph=boundary.float_graph(base, queries, true, metric),
    )


def line(outcome: Outcome) -> str:
    """Return one row of a table of outcomes."""
    case, widest = outcome.case, outcome.diagnosis.forecasts[-1]
    cells = (
        *(case.name, f"{case.sigma:g}", case.metric, outcome.diagnosis.verdict.word),
        *(f"{100 * recall:.1f}" for recall in recalls(outcome)),
        str(widest.float_graph or ""),
        f"{100 * outcome.graph[256]:.1f}" if outcome.graph else "",
        "yes" if outcome.is_right else "no",
    )
    return f"| {' | '.join(cells)} |"


def recalls(outcome: Outcome) -> tuple[float, ...]:
    """Return expected and measured recall at ef=64 and at 256."""
    diagnosis, measured = outcome.diagnosis, outcome.measured
    pairs = ((diagnosis.expected_recall(ef), measured[ef]) for ef in (64, 256))
    return tuple(recall for pair in pairs for recall in pair)


HEAD = """\
| data | sigma | metric | verdict | expected, 64 | measured, 64 | expected, 256 \
| measured, 256 | float32 expected, 256 | hnswlib, 256 | right |
|---|---|---|---|---|---|---|---|---|---|---|"""


def summary(outcomes: list[Outcome]) -> str:
    """Return errors by metric and spread of norms."""
    lines = [
        "| metric | sigma | cases | mean error | mean size | largest | held | width "
        "| right |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for metric, sigma in metrics_and_sigmas(SIGMAS):
        some = [o for o in outcomes if (o.case.metric, o.case.sigma) == (metric, sigma)]
        errors = 100 * np.array([outcome.error for outcome in some])
        largest = errors[np.argmax(np.abs(errors))]
        width = 100 * np.mean([o.interval.high - o.interval.low for o in some])
        inside, right = (sum(getattr(o, name) for o in some) for name in COUNTED)
        lines.append(
            f"| {metric} | {sigma:g} | {len(some)} | {errors.mean():+.1f} "
            f"| {np.abs(errors).mean():.1f} | {largest:+.1f} | {inside} | {width:.1f} "
            f"| {right} |"
        )
    return "\n".join(lines)


def told(cases: Iterable[Case]) -> list[Outcome]:
    """Measure cases and tell each at once."""
    outcomes = []
    for case in cases:
        outcomes.append(measure(case))
        print(line(outcomes[-1]), file=sys.stderr, flush=True)
    return outcomes


def main() -> None:
    outcomes = told(
        make_case(kind, dim, metric, sigma)
        for kind in KINDS
        for dim in DIMENSIONS
        for metric, sigma in metrics_and_sigmas(SIGMAS)
    )
    print(summary(outcomes))
    notable = [outcome for outcome in outcomes if not outcome.is_right]
    notable += sorted(outcomes, key=lambda outcome: -abs(outcome.error))[:WORST]
    print("\nThe wrong verdicts, then the largest errors:\n", HEAD, sep="\n")
    print(*map(line, notable), sep="\n")
    if len(sys.argv) > 1:
        n, sample = (f"{rows:_}".replace("_", " ") for rows in REAL_SIZES)
        print(f"\nReal vectors, {n} rows judged from {sample}:\n", HEAD, sep="\n")
        print(*map(line, told(real_cases(Path(sys.argv[1])))), sep="\n")


if __name__ == "__main__":
    main()
