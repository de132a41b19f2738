"""Findings: what is unusual about the rows, and what becomes of it, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from quiver._typing import AnyArray, Metric, Vectors
from quiver.diagnosis.census import Census, RowNumbers
from quiver.diagnosis.forecast import Forecast, Trial
from quiver.diagnosis.sample import Sample
from quiver.diagnosis.tools import tree_for
from quiver.params import DEFAULT_EF
from quiver.validation.precision import lost_precision

NAMED = 5
"""Row numbers told of each kind."""


class Finding(NamedTuple):
    """Rows of one kind.

    Attributes
    ----------
    name : str
        The kind.
    n_found, n : int
        How many there are, of how many.
    rows : tuple of int
        The first few row numbers; none where all rows are meant.
    then : str
        What quiver does about them, or what to do.
    """

    name: str
    n_found: int
    n: int
    rows: tuple[int, ...]
    then: str

    def __str__(self) -> str:
        """Return one sentence."""
        if not self.rows:
            return f"{self.name}: {self.then}"
        share = f"{100 * self.n_found / self.n:.2g} %"
        first = ", ".join(map(str, self.rows))
        rest = ", …" if len(self.rows) < self.n_found else ""
        count = f"{self.n_found} of {self.n} ({share})"
        return f"{self.name}: {count}, rows {first}{rest}; {self.then}"


def row_findings(
    census: Census, matrix: AnyArray, metric: Metric
) -> tuple[Finding, ...]:
    """Return a finding for every kind of unusual row that there is."""
    kinds: dict[str, tuple[RowNumbers, str]] = {
        "not finite or too large": (
            census.unusable,
            "left out here and refused by Index.build; drop or repair them",
        ),
        "zero rows": (census.zero, _of_zero(metric)),
        "rows of one value": (
            census.constant,
            f"{_value(census.constant, matrix)} if it stands for a missing row, leave "
            "it out; it is searched like any other",
        ),
        "copies of an earlier row": (
            census.copies,
            "kept outside the graph, and found by the row that they are equal to",
        ),
        "far from all others": (
            census.far,
            f"{_value(census.far, matrix)} more than 10 times the usual distance from "
            "the middle; they do not move the center of the codes. Check their scale",
        ),
        "at the center": (
            census.central,
            "within a tenth of the usual distance; they crowd no other row out of a "
            "list of neighbours",
        ),
    }
    return tuple(
        Finding(name, len(rows), census.n, tuple(rows[:NAMED].tolist()), then)
        for name, (rows, then) in kinds.items()
        if len(rows)
    )


def precision_finding(
    given: AnyArray, kept: Vectors, metric: Metric, n: int
) -> Iterator[Finding]:
    """Yield what the build would warn of, told from some rows of n."""
    if lost := lost_precision(given, kept, metric):
        then = f"told from {len(kept)} of {n} rows: {lost}"
        yield Finding("lost precision", n, n, (), then)


def center_finding(sample: Sample, most_trials: float) -> Iterator[Finding]:
    """Yield a finding where the middle lies so far out that it ranks for all."""
    if most_trials < math.inf:
        then = (
            f"the mean of the rows is {sample.off_center:.1f} times as long as their "
            "usual distance from it, so the same rows answer nearly every query, "
            f"{most_trials:.0f} in the sample, and a graph may lose them as it "
            "grows; "
            "center = vectors.mean(axis=0), subtracted from the vectors but not from "
            "queries, keeps the order and mostly finds more"
        )
        yield Finding("off center", sample.n, sample.n, (), then)


def tool_findings(
    n: int, dim: int, metric: Metric, trial: Trial, at_default: Forecast
) -> Iterator[Finding]:
    """Yield a finding where another tool than a graph is the right one.

    ``trial`` is the largest small index.
    """
    if tree := tree_for(dim, metric):
        expected = f"a search at ef={DEFAULT_EF} is expected to find"
        then = f"{expected} {at_default.recall}, where {tree}"
        yield Finding("few dimensions", n, n, (), then)
        return
    compared = trial.compared
    if 2 * compared >= n:
        then = (
            f"a walk at ef={DEFAULT_EF} compares {compared:.0f} codes of {n} rows and "
            f"is expected to find {at_default.recall}; quiver.exact_knn compares all "
            "rows, finds every one and needs no index"
        )
        yield Finding("few rows", n, n, (), then)


def _of_zero(metric: Metric) -> str:
    if metric == "cosine":
        return "answered by definition, at distance 1, and kept outside the graph"
    return "searched like any other row; leave them out if they stand for nothing"


def _value(rows: RowNumbers, matrix: AnyArray) -> str:
    """Return the largest value of the first of the rows, in words."""
    if not len(rows):
        return ""
    row = matrix[rows[0]]
    largest = max(row.tolist(), key=abs)
    return f"row {rows[0]} holds {largest:g};"
