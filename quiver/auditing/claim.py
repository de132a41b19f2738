"""Claim: one statement of the paper held against what was measured, and when it may be.

See `quiver.auditing.judging` for the rule.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quiver.auditing.judging import Region, Verdict, Vote, agree, missed_times
from quiver.auditing.measuring import Line, Measured
from quiver.auditing.published import BY_EF, EF, SWEPT, K, M

Unmet: TypeAlias = dict[str, str]
"""Why walks have no say, by walk."""

WORKS = 70.0
"""Recall in % at ``EF`` from which the code works: the least of Table 5 is 70.7.
Tables 7-10 are of data where it finds 95 %."""

MOST_BY_CODE = 0.5
"""Share of the misses of the published graph that its code may lose alone, where claims
about graphs are judged. What the code loses no other graph over it would find."""


class Claim(NamedTuple):
    """One claim and what became of it.

    Attributes
    ----------
    table : str
        Where it is read.
    statement : str
        What is claimed.
    published : str
        The printed figures.
    rule : str
        When it is confirmed: the region of the measured quantity.
    verdict : Verdict
        With the reason, which has the quantity.
    """

    table: str
    statement: str
    published: str
    rule: str
    verdict: Verdict


def does_not_work(measured: Measured) -> Unmet:
    """Return by which walks Tables 7-10 say nothing about these data, and why."""
    told = {}
    for walk, by_ef in measured.base.hits.items():
        recall = percent(by_ef[EF])
        if recall < WORKS:
            told[walk] = (
                f"the code finds {recall:.1f} % at ef={EF}, published of data where "
                f"it finds {BY_EF.at(SWEPT):g} %"
            )
    return told


def no_say(measured: Measured) -> Unmet:
    """Return by which walks a graph has no say, as the code alone loses most."""
    told = {}
    for walk, by_ef in measured.base.hits.items():
        missed = int((K - by_ef[EF]).sum())
        alone = int((K - measured.alone[walk]).sum())
        if alone > missed * MOST_BY_CODE:
            told[walk] = (
                f"the code alone misses {alone} of the {missed} neighbours that m={M} "
                "misses, so that no graph shows what it is worth"
            )
    return told | does_not_work(measured)


def more_misses(
    table: str,
    statement: str,
    published: str,
    region: Region,
    worse: tuple[Line, int],
    better: tuple[Line, int],
    unmet: Unmet | None = None,
) -> Claim:
    """Claim that one line at one width misses so many times as much as another."""
    (one, ef), (other, other_ef) = worse, better
    votes = [
        vote(walk, by_ef[ef], other.hits[walk][other_ef], (unmet or {}).get(walk, ""))
        for walk, by_ef in one.hits.items()
    ]
    rule = f"{region} times the misses"
    return Claim(table, statement, published, rule, agree(votes, region))


def vote(
    walk: str, worse: NDArray[np.int64], better: NDArray[np.int64], unmet: str
) -> Vote:
    """Return what hits by one walk say, or why they say nothing."""
    found, too_few = missed_times(K - worse, K - better)
    if unmet and found is not None:
        unmet += f"; {found.value:.2f} here"
    return Vote(walk, found, unmet or too_few)


def percent(hits: NDArray[np.int64]) -> float:
    """Return hits as a recall in %."""
    return 100 * float(hits.mean()) / K
